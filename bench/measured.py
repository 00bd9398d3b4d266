"""Run a command in a process of its own and print as JSON how it ended: its exit code, wall seconds, peak megabytes.

    python bench/measured.py SECONDS COMMAND...

A process that is started counts the memory of the one that starts it as its own until it runs its program, so the
figure is only true when a small process starts it: this one. A command that takes longer is ended; its code is null.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time


def measured(command: list[str], limit: float) -> dict[str, float | None]:
    """How a command ended; what it prints is thrown away."""
    unheard = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    began = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=unheard)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, limit)
    _, status, usage = os.wait4(child, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    seconds = time.perf_counter() - began
    code = None if seconds >= limit else os.waitstatus_to_exitcode(status)
    return {"code": code, "seconds": seconds, "megabytes": usage.ru_maxrss // 1024}


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[2:], float(sys.argv[1]))))
