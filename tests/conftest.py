"""The suite runs in a zone far from UTC, so that nothing leans on the machine's own clock."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
import typer.main

os.environ["TZ"] = "Asia/Kathmandu"
time.tzset()
# What is tested in a process of its own is compiled once, as an installation is.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# The program's commands are made once in a process, as they are where it runs in one of its own.
typer.main.get_command = cache(typer.main.get_command)

ROOT = Path(__file__).parent.parent
PARTS = ("featsql_project.yml", "models", "macros", "seeds", "data")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--accept` takes what golden scripts print for what they should print."""
    parser.addoption("--accept", action="store_true", help="rewrite what the golden scripts expect")


def copy_example(folder: Path, origin: Path = ROOT, parts: Sequence[str] = PARTS) -> Path:
    """A copy of the example project in a new folder."""
    folder.mkdir()
    for part in parts:
        source = origin / part
        if source.is_dir():
            shutil.copytree(source, folder / part, symlinks=True)
        else:
            shutil.copy(source, folder / part)
    return folder


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A copy of the example project, built, where a test may build again. All processes of a run share one build."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "built_example"
    done = shared / "done"
    try:
        copy_example(shared)
    except FileExistsError:
        while not done.exists():
            time.sleep(0.2)
    else:
        command = [sys.executable, "-m", "featsql", "build"]
        built = subprocess.run(command, cwd=shared, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True)
        done.write_bytes(built.stdout + built.stderr)
    said = done.read_text(encoding="utf-8")
    assert "23 built" in said, said
    return copy_example(base / "example", shared, (*PARTS, "target"))
