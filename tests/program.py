"""The program, run in this process or in one of its own, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from featsql.cli.app import app


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


def run(*args: str, cwd: Path | str = ".") -> Ended:
    """`featsql ...` in a folder, in this process."""
    out, err, code = StringIO(), StringIO(), 0
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        try:
            app(list(args), prog_name="featsql")
        except SystemExit as end:
            code = int(end.code or 0)
    return Ended(code, out.getvalue(), err.getvalue())


def python(*args: str, cwd: Path | str = ".", **environment: str) -> Ended:
    """`python ...` in a folder, as a process, with featsql to import."""
    settings = environ() | environment
    command = [sys.executable, *args]
    ended = subprocess.run(command, cwd=cwd, env=settings, capture_output=True, text=True, timeout=120, check=False)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def environ() -> dict[str, str]:
    """This process's environment, with featsql to import."""
    paths = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
