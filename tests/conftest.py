"""The suite runs in a zone far from UTC, so that nothing leans on the machine's own clock."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

os.environ["TZ"] = "Asia/Kathmandu"
time.tzset()

ROOT = Path(__file__).parent.parent
PARTS = ("featsql_project.yml", "models", "macros", "seeds", "data")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--accept` takes what golden scripts print for what they should print."""
    parser.addoption("--accept", action="store_true", help="rewrite what the golden scripts expect")


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example project, where a test may build."""
    folder = tmp_path_factory.mktemp("example")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part)
        else:
            shutil.copy(source, folder / part)
    return folder
