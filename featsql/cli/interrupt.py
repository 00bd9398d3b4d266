"""Ctrl-C that always ends the program: in good order where that is quick, at once where it is not."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from threading import Thread

GRACE_SECONDS = 2.0
INTERRUPTED = 130
SHOW_CURSOR = "\x1b[?25h"


def end_on_interrupt() -> None:
    """See to it that the process ends soon after SIGINT.

    Python hears a signal only when its main thread runs, and DuckDB lets it run only between two
    tasks, of which one can take minutes. Leaving at once is safe: results are published whole.
    """
    if os.name != "posix":
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    Thread(target=leave_after_interrupt, args=(reader,), daemon=True).start()


def leave_after_interrupt(reader: int) -> None:
    """Wait for SIGINT, then for the program to end by itself, and then end it."""
    while os.read(reader, 1) != bytes([signal.SIGINT]):
        pass
    time.sleep(GRACE_SECONDS)
    leave()


def leave() -> None:
    """End the process as interrupted, now.

    It is also how an end in good order ends: `python -m` kills its own process where KeyboardInterrupt was ever
    raised inside an `exec` (a library that makes a named tuple is enough), whoever caught it since.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream.isatty():
            os.write(stream.fileno(), SHOW_CURSOR.encode())
    with suppress(OSError):
        os.write(sys.stderr.fileno(), b"interrupted\n")
    os._exit(INTERRUPTED)
