"""A second process, where many models must be resolved: each of the two finds out about its half, and tells the other.

What they tell is what goes in the compile cache. Afterwards the project is compiled as one of which everything was
known before, so that nothing depends on there having been two: what one of them could not find out is found out then.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from featsql.resolve.graph import Graph

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

# Fewer models are not worth the trouble, nor are those of fewer characters, on the whole: to tell of them takes longer.
MANY, LONG = 100, 400
# For how many seconds to wait for a word of the other one.
PATIENCE = 30
THREADS = "/proc/self/task"


class Worker:
    """The other process, as this one sees it: whose models are whose, and all that it has told by subject and name."""

    def __init__(
        self,
        connection: Connection[Any, Any],
        own: Collection[str],
        theirs: Collection[str],
        process: int | None = None,
    ) -> None:
        self.connection = connection
        self.own = own
        self.theirs = theirs
        self.process = process
        self.heard: dict[str, dict[str, Any]] = defaultdict(dict)
        self.gone = False
        self.news = 0  # how often something was taken in
        self.inbox: SimpleQueue[tuple[str, str, Any] | None] = SimpleQueue()
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def listen(self) -> None:
        """Take in whatever comes, so that the other one never waits for this one to listen."""
        try:
            while True:
                self.inbox.put(self.connection.recv())
        except (EOFError, OSError):
            pass
        finally:
            self.inbox.put(None)

    def tell(self, subject: str, name: str, value: Any) -> None:
        """Tell something, if anybody is there."""
        try:
            self.connection.send((subject, name, value))
        except OSError:
            self.gone = True

    def wait(self) -> None:
        """Wait until something is told, or the other one is gone, or as good as that."""
        told = None
        with suppress(Empty):
            told = self.inbox.get(timeout=PATIENCE) if not self.gone else None
        self.news += 1
        if told is None:
            self.gone = True
        else:
            subject, name, value = told
            self.heard[subject][name] = value

    def told(self, subject: str, name: str) -> bool:
        """Whether something was told by now."""
        while not self.gone and not self.inbox.empty():
            self.wait()
        return name in self.heard[subject]

    def await_all(self, subject: str, names: Iterable[str]) -> None:
        """Wait until something was told about all of some names."""
        for name in names:
            while not self.gone and not self.told(subject, name):
                self.wait()

    def leave(self) -> None:
        """End the other process, and listen no longer."""
        self.gone = True
        if self.process is not None:
            with suppress(OSError):  # somebody else may have waited for it
                os.kill(self.process, signal.SIGKILL)
                os.waitpid(self.process, 0)
        self.listener.join()
        self.connection.close()


def start(
    graph: Graph,
    names: Collection[str],
    work: Callable[[Worker], None],
    resting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Worker | None:
    """A worker that does its half of the `work` on some models of a graph; None where it would not pay, or where a
    process cannot be doubled safely. While it is doubled the engine is `resting`."""
    if few(len(names)) or sum(len(graph.models[name].rendered.text) for name in names) < LONG * len(names):
        return None
    with resting():
        return double(graph, names, work) if can_double() else None


def few(models: int) -> bool:
    """Whether so many models are never worth a second process."""
    return models < MANY


def double(graph: Graph, names: Collection[str], work: Callable[[Worker], None]) -> Worker | None:
    """A worker, unless there is no room for one."""
    from multiprocessing import Pipe

    own, theirs = halves(graph, names)
    here, there = Pipe()
    gc.freeze()  # what both processes share stays shared: looking for garbage would write to it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which were looked for
            process = os.fork()
    except OSError:  # no memory, or too many processes
        gc.unfreeze()
        return None
    if process == 0:
        here.close()
        assist(work, Worker(there, theirs, own))
    gc.unfreeze()
    there.close()
    return Worker(here, own, theirs, process)


def assist(work: Callable[[Worker], None], worker: Worker) -> None:
    """Be the second process, and nothing else: it ends here, whatever happens."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        work(worker)
    finally:
        os._exit(0)


def can_double() -> bool:
    """Whether there is a processor for a second process, and no thread in this one that Python does not know of: it
    would be missing in the other, perhaps with a lock in its hands."""
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        return False
    try:
        return len(os.listdir(THREADS)) <= threading.active_count()
    except OSError:
        return False


def halves(graph: Graph, names: Collection[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Every second of some models, and the others, of each kind: in build order, so that neither runs ahead."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for name, model in graph.models.items():
        if name in names:
            kinds[model.config.kind].append(name)
    first = frozenset(name for each in kinds.values() for name in each[::2])
    return first, frozenset(names) - first
