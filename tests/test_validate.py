"""Values against their schema: what fits, and everything that does not, in words that do not speak of Python."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from featsql.read.config.schema import Block, HeaderBlock, ProjectFile, PropertyFile
from featsql.read.config.validate import fitted

NAMED = {"name": "shop"}
SCALAR = "here a text, a whole number, a number or true or false is expected"
WRONG: dict[str, tuple[dict[str, Any], type[Block], list[str]]] = {
    "each of several": (
        {"outputs": {"dev": {"threads": 0, "memory_limit": True, "attach": [{"path": 1}, 3]}}},
        ProjectFile,
        [
            "outputs.dev.threads: wrong value for `threads`: here a whole number above 0 is expected",
            "outputs.dev.memory_limit: wrong value for `memory_limit`: here a text is expected",
            "outputs.dev.attach.0.path: wrong value for `path`: here a text is expected",
            "outputs.dev.attach.0.alias: the key `alias` is missing",
            "outputs.dev.attach.1: wrong value for `attach`: here a mapping is expected: `key: value`",
            "outputs.dev.path: the key `path` is missing",
            "name: the key `name` is missing",
        ],
    ),
    "a value of a mapping": (
        NAMED | {"outputs": {"dev": {"path": "x", "settings": {"a": [1]}}}},
        ProjectFile,
        [
            "outputs.dev.settings.a: wrong value for `a`: " + SCALAR,
        ],
    ),
    "a text for a mapping": (
        NAMED | {"time": "1 hour"},
        ProjectFile,
        ["time: wrong value for `time`: here a mapping is expected: `key: value`"],
    ),
    "one block or several": (
        NAMED | {"rules": {"a": "off", "b": [3], "c": {"severity": "warn"}, "d": [{"severity": "off", "why": 1}]}},
        ProjectFile,
        [
            "rules.a: wrong value for `a`: here a mapping or a list is expected",
            "rules.b.0: wrong value for `b`: here a mapping is expected: `key: value`",
            "rules.c.severity: wrong value for `severity`: here error, warning, notice or off is expected",
            "rules.d.0.why: unknown key `why`",
        ],
    ),
    "no key at all": (
        NAMED | {"entities": [{"name": "customer", "keys": []}]},
        ProjectFile,
        ["entities.0.keys: wrong value for `keys`: here at least one text is expected"],
    ),
    "one of a few": (
        {"kind": "event", "enabled": "perhaps"},
        HeaderBlock,
        [
            "kind: wrong value for `kind`: here plain, features, labels or training_set is expected",
            "enabled: wrong value for `enabled`: here true or false is expected",
        ],
    ),
    "deep inside": (
        {"sources": [{"name": "a", "tables": [{"name": "t", "columns": [{"description": "x"}]}]}]},
        PropertyFile,
        ["sources.0.tables.0.columns.0.name: the key `name` is missing"],
    ),
    "keys that are no texts": (
        {"meta": {1: 2}},
        HeaderBlock,
        ["meta: wrong value for `meta`: here a mapping is expected: `key: value`"],
    ),
}


@pytest.mark.parametrize(("value", "schema", "expected"), WRONG.values(), ids=list(WRONG))
def test_everything_that_is_wrong_is_told_at_once(
    value: dict[str, Any], schema: type[Block], expected: list[str]
) -> None:
    block, found = fitted(value, schema)
    assert block is None
    assert [f"{'.'.join(map(str, each.path))}: {each.message}" for each in found] == expected


def test_an_unknown_key_has_near_ones() -> None:
    _, found = fitted({"kid": "features"}, HeaderBlock)
    assert [each.hint for each in found] == ["did you mean `kind`?"]


def test_what_a_template_gave_as_text_is_read_as_what_it_looks_like() -> None:
    block, _ = fitted(NAMED | {"outputs": {"dev": {"path": "x", "threads": "4", "settings": {"a": "4"}}}}, ProjectFile)
    assert block is not None
    assert block.outputs["dev"].threads == 4
    assert block.outputs["dev"].settings == {"a": "4"}  # where a text may stand it stays one


@pytest.mark.parametrize(
    ("given", "read"),
    [(1.5, "1.5"), (2, "2"), (date(2024, 1, 2), "2024-01-02"), (datetime(2024, 1, 2, 3), "2024-01-02 03:00:00")],
)
def test_yaml_reads_some_texts_as_something_else(given: object, read: str) -> None:
    block, _ = fitted({"split": {"train_until": given}}, HeaderBlock)
    assert block is not None
    assert block.split is not None
    assert block.split.train_until == read


def test_a_lone_text_stands_for_a_list() -> None:
    block, _ = fitted(NAMED | {"model_paths": "a", "macro-paths": ["b", "c"]}, ProjectFile)
    assert block is not None
    assert (block.model_paths, block.macro_paths) == (("a",), ("b", "c"))


def test_off_is_false_in_yaml() -> None:
    block, _ = fitted({"rules": {"dead-column": {"severity": False, "reason": "wanted"}}}, HeaderBlock)
    assert block is not None
    assert block.rules["dead-column"].severity == "off"


def test_the_text_null_is_no_null() -> None:
    _, found = fitted(NAMED | {"outputs": {"dev": {"path": "x", "threads": "null"}}}, ProjectFile)
    assert [each.message for each in found] == ["wrong value for `threads`: here a whole number above 0 is expected"]
    block, _ = fitted(NAMED | {"outputs": {"dev": {"path": "x", "threads": None, "memory_limit": "null"}}}, ProjectFile)
    assert block is not None
    assert (block.outputs["dev"].threads, block.outputs["dev"].memory_limit) == (None, "null")


@pytest.mark.parametrize(("given", "read"), [("yes", True), ("OFF", False), ("0", False), (1, True), (1.0, True)])
def test_what_looks_like_a_truth_value_is_one(given: object, read: bool) -> None:
    block, _ = fitted({"enabled": given, "description": "yes"}, HeaderBlock)
    assert block is not None
    assert (block.enabled, block.description) == (read, "yes")


def test_a_whole_number_may_be_written_with_a_point() -> None:
    block, _ = fitted(NAMED | {"config-version": 2.0, "outputs": {"dev": {"path": "x", "threads": 4.0}}}, ProjectFile)
    assert block is not None
    assert (block.config_version, block.outputs["dev"].threads) == (2, 4)


def test_a_key_is_said_once_however_it_is_written() -> None:
    block, found = fitted(NAMED | {"model_paths": ["a"], "model-paths": ["b"]}, ProjectFile)
    assert block is None
    assert [(each.code, each.path) for each in found] == [("FS102", ("model-paths",))]


def test_a_key_keeps_the_place_at_which_it_is_written() -> None:
    _, found = fitted(NAMED | {"model_paths": 3}, ProjectFile)
    assert [each.path for each in found] == [("model_paths",)]


def test_other_spellings_are_those_of_the_file_alone() -> None:
    _, found = fitted(NAMED | {"outputs": {"dev": {"path": "x", "schema_": "main"}}}, ProjectFile)
    assert [(each.code, each.name) for each in found] == [("FS102", "schema_")]


def test_an_unknown_key_need_be_no_text() -> None:
    _, found = fitted({"time": {1: 2}}, HeaderBlock)
    assert [(each.code, each.name) for each in found] == [("FS102", "1")]


def test_only_what_does_not_fit_is_read_as_something_else() -> None:
    settings = {"a": 1, "b": 1.0, "c": True, "d": "1"}
    block, _ = fitted(NAMED | {"outputs": {"dev": {"path": "x", "threads": "4", "settings": settings}}}, ProjectFile)
    assert block is not None
    assert [(each, type(each)) for each in block.outputs["dev"].settings.values()] == [
        (each, type(each)) for each in settings.values()
    ]


def test_what_is_no_value_is_told_beside_what_is_read_as_another() -> None:
    _, found = fitted({"enabled": "yes", "rules": {"dead-column": range(2)}}, HeaderBlock)
    assert [each.path for each in found] == [("rules", "dead-column")]
