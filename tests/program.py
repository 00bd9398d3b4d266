"""The program as a process of its own, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class Ended:
    """A process that ended: its code and what it wrote."""

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    @property
    def data(self) -> Any:
        return json.loads(self.out)


def run(*args: str, cwd: Path | str = ".", **environment: str) -> Ended:
    """`featsql ...` in a folder."""
    return python("-m", "featsql", *args, cwd=cwd, **environment)


def python(*args: str, cwd: Path | str = ".", **environment: str) -> Ended:
    """`python ...` in a folder, with featsql to import."""
    settings = environ() | environment
    command = [sys.executable, *args]
    return Ended(
        subprocess.run(command, cwd=cwd, env=settings, capture_output=True, text=True, timeout=120, check=False)
    )


def environ() -> dict[str, str]:
    """This process's environment, with featsql to import."""
    paths = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
