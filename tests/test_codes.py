"""Every diagnostic has a page that explains it, and every page a diagnostic."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from featsql.codes import explanation, titles

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "featsql"
RAISED = {code for path in PACKAGE.rglob("*.py") for code in re.findall(r"\bFS\d{3}\b", path.read_text("utf-8"))}
GOLDEN = {
    code
    for path in (ROOT / "tests/golden").rglob("*.test")
    for code in re.findall(r"\bFS\d{3}\b", path.read_text("utf-8"))
}
NOTES = {"FS212", "FS213"}  # what a template says: nothing is wrong


def test_every_code_has_its_page() -> None:
    assert RAISED - set(titles()) == set()


def test_every_page_has_its_code() -> None:
    assert set(titles()) - RAISED == set()


def test_names_differ() -> None:
    names = list(titles().values())
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names), names


@pytest.mark.parametrize("code", sorted(set(titles()) - NOTES))
def test_a_page_shows_what_is_wrong_and_what_is_right(code: str) -> None:
    page = explanation(code) or ""
    assert page.startswith(f"# {code} ")
    assert "\nWrong" in page
    assert "\nRight" in page
    assert page.count("```") % 2 == 0


def test_a_page_is_found_by_its_name() -> None:
    assert explanation("fs601") == explanation("missing-clock") == explanation("FS601")
    assert explanation("FS000") is None


def test_every_rule_has_a_golden_script() -> None:
    rules = {
        code
        for path in (PACKAGE / "resolve/rules").glob("*.py")
        for code in re.findall(r'"(FS\d{3})"', path.read_text("utf-8"))
    }
    assert len(rules) > 10
    assert rules - GOLDEN == set()


def test_a_rule_has_its_file_and_its_code() -> None:
    for path in (PACKAGE / "resolve/rules").glob("[a-z]*.py"):
        assert re.search(r'"FS\d{3}"', path.read_text("utf-8")), path.name
