"""The nouns of `why`: one cell, the rows that made it, and those that could not be known yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from featsql.data import plain

SCHEMA_VERSION = "featsql/why/v1"

# What a row had to do with the value, and what that is to say. The first three are found by trying.
MEANINGS: Mapping[str, str] = {
    "made": "made the value: without any one of these it would be another (exact)",
    "together": "made the value together: without all of these it would be another, without one it would not (exact)",
    "idle": "could have, but did not: without all of these together the value is the same",
    "untried": "could have: visible, and not tried one by one",
    "held back": "held back: happened, but not yet known",
    "superseded": "superseded: a newer version was known",
    "retracted": "retracted by then",
    "gone": "deleted, or its period was over",
    "before the window": "visible, but before the window: changes nothing",
    "later": "happened only later",
    "never known": "never known: an instant is NULL",
}


class Fact(Struct, frozen=True):
    """A row of a relation: what it had to do with the value, when it happened and was first known (text; None: never),
    and its columns as text."""

    part: str
    happened: str | None
    known: str | None
    row: Mapping[str, Any]


class Evidence(Struct, frozen=True):
    """What one relation had to say.

    `since` is the start of the window as text (None: for ever back); `keys` the condition on its rows, if it
    is proved that others cannot matter; `facts` the rows to be shown, `counts` how many there are of each part,
    `tried` how often the value was computed again without some of the rows.
    """

    relation: str
    kind: str
    keys: Mapping[str, str]
    since: str | None
    facts: tuple[Fact, ...]
    counts: Mapping[str, int]
    tried: int
    upstream: tuple[str, ...] = ()


class Step(Struct, frozen=True):
    """A piece of SQL on the way to the value: the model, its place and the expression as written there."""

    model: str
    place: str
    sql: str


class Explanation(Struct, frozen=True):
    """Why one cell has its value: `row` names the spine's row, `notes` say what the answer does not cover."""

    model: str
    column: str
    row: Mapping[str, Any]
    instant: str | None
    value: Any
    steps: tuple[Step, ...]
    evidence: tuple[Evidence, ...]
    notes: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """The explanation for a machine."""
        return {"featsql_schema_version": SCHEMA_VERSION, **plain(self), "meanings": dict(MEANINGS)}
