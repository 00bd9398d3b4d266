"""One build at a time of a project, and into a database: by locks that end with the process that holds them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from featsql.errors import Diagnostic, FeatsqlError
from featsql.read.project import Project

PROJECT, DATABASE = "another build of this project", "another build into this database"
PATIENCE = 600.0  # seconds
PAUSE = 0.1  # seconds
HELD: set[int] = set()  # the files that this process has locked


@contextmanager
def locked(path: Path, what: str, patience: float, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock that a file is, which is made if it is not there. Another who holds it is waited for, so many
    seconds at most, after it was said `waiting` for whom. In a folder in which nothing can be written there is no lock.

    Raises FeatsqlError FS815 where the other, who does `what`, does not end.
    """
    began, told = time.monotonic(), False
    while (file := take(path)) is None:
        holder = f"{what} ({holder_of(path)})"
        if time.monotonic() - began >= patience:
            message = f"{holder} is at work, and did not end in {patience:.0f} seconds"
            raise FeatsqlError(Diagnostic("FS815", message, hint="wait for it, or end it, and build again"))
        if not told:
            told = True
            waiting(holder)
        time.sleep(PAUSE)
    try:
        yield
    finally:
        give_back(file)


def lock_of_project(project: Project) -> Path:
    """The lock of a project's target path."""
    return project.root / project.target_path / ".lock"


@contextmanager
def building(project: Project, patience: float, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the locks of a project's target path and of its database. Raises FeatsqlError FS815."""
    database = Path(project.target.path)
    with locked(lock_of_project(project), PROJECT, patience, waiting):
        if project.target.path == ":memory:":
            yield
            return
        with locked(database.with_name(f".{database.name}.lock"), DATABASE, patience, waiting):
            yield


def take(path: Path) -> int | None:
    """The locked file, or nothing where another has it; a number below zero where there can be no lock."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:  # the build will say what is wrong with the folder
        return -1
    HELD.add(file)
    try:
        if not lock(file) or os.fstat(file).st_ino != os.stat(path).st_ino:  # another may have removed the folder
            give_back(file)
            return None
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())
    except OSError:
        if not path.exists():
            give_back(file)
            return None
    return file


def lock(file: int) -> bool:
    """Lock an open file, unless another has. Raises OSError where files cannot be locked."""
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(file, LAST, os.SEEK_SET)
            vars(msvcrt)["locking"](file, vars(msvcrt)["LK_NBLCK"], 1)  # which other systems do not have
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


LAST = 1 << 20  # a byte behind all that is written: on Windows what is locked cannot be read


def give_back(file: int) -> None:
    """Let the lock go."""
    if file >= 0:
        HELD.discard(file)
        with suppress(OSError):
            os.close(file)


def holder_of(path: Path) -> str:
    """Who holds a lock, in words."""
    try:
        return f"process {int(path.read_text('ascii'))}"
    except (OSError, ValueError):
        return "another process"


def forget() -> None:
    """Let a copy of this process hold nothing: it might outlive this one, and its locks with it."""
    for file in list(HELD):
        give_back(file)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget)
