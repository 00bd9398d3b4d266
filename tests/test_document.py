"""YAML: merge keys, and words that versions of YAML take for different things."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
import yaml

from featsql.errors import Diagnostic
from featsql.read.config.document import read_document
from featsql.read.project import File

# What a plain word is in the core schema of YAML 1.2; what is none of these is a text.
CORE = {
    "bool": r"true|True|TRUE|false|False|FALSE",
    "null": r"null|Null|NULL|~|",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}
WORDS = [
    "yes",
    "No",
    "ON",
    "off",
    "true",
    "False",
    "null",
    "~",
    "NO",
    "y",
    "n",
    "=",
    "12:30:00",
    "01234",
    "1_000",
    "0b1",
]
WORDS += [
    "0o17",
    "08",
    "1e5",
    "1.5e3",
    "1.5e+3",
    "+.5",
    ".5",
    "0x1F",
    "-0x1F",
    "2024-01-01",
    "1.10",
    "-0",
    "190:20:30.15",
]


def read(text: str, path: tuple[str, ...] = ()) -> tuple[Any, list[Diagnostic]]:
    """The value of a text, and what is wrong with it."""
    document, found = read_document(File("a.yml", text), str, path)
    return document.value, found


def in_core(word: str) -> str:
    """The type of a word in YAML 1.2."""
    return next((kind for kind, pattern in CORE.items() if re.fullmatch(pattern, word)), "str")


def in_old(word: str) -> str:
    """The type of a word in YAML 1.1; a day is a text, which is what it prints."""
    loader: Any = yaml.SafeLoader("")
    kind = loader.resolve(yaml.ScalarNode, word, (True, False)).rpartition(":")[2]
    return "str" if kind in ("timestamp", "value") else kind


def made() -> list[str]:
    """Words that look like numbers."""
    rng = random.Random(1)
    return ["".join(rng.choices("01789_.:+-eExob", k=rng.randint(1, 6))) for _ in range(4000)]


def test_what_versions_agree_on_is_a_value_and_all_else_a_text() -> None:
    for word in [*WORDS, *made()]:
        try:
            (value,), found = read(f"- {word}\n", ("vars",))
            (elsewhere,), none = read(f"- {word}\n")
        except (TypeError, ValueError):  # it is no word but a mark of YAML
            continue
        if found and found[0].code == "FS101":
            continue
        old, new = in_old(word), in_core(word)
        zeros = re.fullmatch(r"[-+]?0[0-9]+", word)  # an octal number in the one, a decimal one in the other
        assert [each.code for each in found] == ["FS125"] * (old != new or bool(zeros) or octal(word)), word
        assert none == []
        if found:
            assert (value, elsewhere) == (word, word)
        elif old in ("int", "float"):
            assert float(value) == float(yaml.safe_load(word)), word
            assert old == "int" or "n" in word or str(value) == word


def octal(word: str) -> bool:
    """Whether it is a number of both, but not the same."""
    return bool(re.fullmatch(r"[-+]?0_*[0-7]+", word)) and in_core(word) == "int" and len(word.lstrip("+-")) > 1


def test_a_word_is_told_at_its_place() -> None:
    _, (found,) = read("vars:\n  a: [SE, NO]\n  NO: 'NO'\n  b: !!str NO\n")
    assert (found.code, str(found.place)) == ("FS125", "a.yml:2:11")
    assert found.place is not None
    assert found.place.width == 2


def test_keys_are_the_text_that_is_written() -> None:
    value, found = read("NO: 1\n1.0: 2\n~: 3\n2024-01-01: 4\n07: 5\ntrue: 6\n")
    assert list(value) == ["NO", "1.0", "~", "2024-01-01", "07", "true"]
    assert found == []


MERGES = {
    "own keys win": ("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\n", {"x": 3, "y": 2}),
    "own keys win that stand before it": ("a: &a {x: 1, y: 2}\nb: {x: 3, <<: *a}\n", {"x": 3, "y": 2}),
    "the first of a list wins": ("a: &a {x: 1}\nc: &c {x: 2, y: 2}\nb: {<<: [*a, *c]}\n", {"x": 1, "y": 2}),
    "merges of merges": ("a: &a {x: 1, y: 1}\nc: &c {<<: *a, y: 2}\nb: {<<: *c, z: 3}\n", {"x": 1, "y": 2, "z": 3}),
    "two of them": ("a: &a {x: 1}\nc: &c {y: 2}\nb:\n  <<: *a\n  <<: *c\n", {"x": 1, "y": 2}),
    "a value is replaced whole": ("a: &a {x: {p: 1}}\nb: {<<: *a, x: {q: 2}}\n", {"x": {"q": 2}}),
    "a text is no merge": ("b: {'<<': 1}\n", {"<<": 1}),
    "nothing": ("a: &a {}\nb: {<<: *a}\n", {}),
}


@pytest.mark.parametrize(("text", "expected"), MERGES.values(), ids=MERGES)
def test_merge_keys(text: str, expected: dict[str, Any]) -> None:
    value, found = read(text)
    assert (value["b"], found) == (expected, [])


WRONG = {
    "two that clash": ("a: &a {x: 1}\nc: &c {x: 2}\nb:\n  <<: *a\n  <<: *c\n", "FS105", 2),
    "a key twice beside a merge": ("a: &a {x: 1}\nb: {<<: *a, y: 1, y: 2}\n", "FS105", 2),
    "of a text": ("b: {<<: hello}\n", "FS101", 1),
    "of a list of texts": ("b: {<<: [hello]}\n", "FS101", 1),
    "of itself": ("b: &b {<<: *b}\n", "FS101", 1),
}


@pytest.mark.parametrize(("text", "code", "line"), WRONG.values(), ids=WRONG)
def test_wrong_merge_keys(text: str, code: str, line: int) -> None:
    _, (found,) = read(text)
    assert found.place is not None
    assert (found.code, found.place.line) == (code, line)


def test_a_number_prints_as_it_is_written() -> None:
    value, found = read("a: 1.10\nb: 1.5\nc: 2024-1-5 7:30:00\nd: 2024-01-05", ("vars",))
    assert [str(each) for each in value.values()] == ["1.10", "1.5", "2024-1-5 7:30:00", "2024-01-05"]
    assert (value["a"] * 2, found) == (2.2, [])
