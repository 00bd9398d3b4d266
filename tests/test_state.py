"""What a result depends on is told by the versions that are installed."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

from featsql.build.reuse.state import installed, made_by


def test_the_versions_are_those_that_are_installed() -> None:
    assert made_by()[1:] == [version("duckdb"), version("sqlglot")]


@pytest.mark.parametrize(
    ("folders", "found"),
    [
        (["odd_one-1.2.dist-info"], "1.2"),
        (["odd_one-1.2.dist-info", "odd_one_more-3.dist-info"], "1.2"),
        (["odd_one-1.2.dist-info", "odd_one-1.3.dist-info"], "1.2"),  # what is left of another: the metadata decides
        ([], "unknown"),
    ],
)
def test_a_version_is_that_of_the_folder_beside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folders: list[str], found: str
) -> None:
    (tmp_path / "odd_one").mkdir()
    (tmp_path / "odd_one/__init__.py").write_text("")
    for name in folders:
        (tmp_path / name).mkdir()
        number = "1.2" if name.startswith("odd_one-") else "3"
        (tmp_path / name / "METADATA").write_text(f"Name: odd_one\nVersion: {number}\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert installed("odd_one") == found


def test_a_module_that_was_put_there_by_hand_has_the_version_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlglot", ModuleType("sqlglot"))
    assert installed("sqlglot") == version("sqlglot")


def test_what_is_not_installed_has_no_version() -> None:
    assert installed("nothing_of_that_name") == "unknown"
