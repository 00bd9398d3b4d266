"""The nouns of `run`: what a build did, model by model, and what it says while it does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct

from featsql.errors import Diagnostic

Status = Literal["success", "unchanged", "error", "skipped"]


class Started(Struct, frozen=True):
    """A node begins: its place in the build counts from 1."""

    name: str
    kind: str
    index: int
    total: int


class Result(Struct, frozen=True):
    """What became of one node. `rows` is None where nothing was counted (a view, a compiled model);
    `seconds` is wall time; `notes` are facts worth reading, such as how many labels are immature;
    `methods` tell of each attachment of a training set how its features were found, `reason` why it was
    built again."""

    name: str
    kind: str
    status: Status
    rows: int | None = None
    seconds: float = 0.0
    diagnostics: tuple[Diagnostic, ...] = ()
    sql: str | None = None
    statics: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    fingerprint: str | None = None
    reason: str | None = None


class Finished(Struct, frozen=True):
    """A node ended."""

    result: Result
    index: int
    total: int


Event = Started | Finished
Listener = Callable[[Event], None]


class Run(Struct, frozen=True):
    """A whole build: its results in order, when it ran (UTC, ISO 8601), how long it took, and what
    the compiler said of the project: warnings and notices. `known_at` is set where it was built from
    what was known at an earlier instant."""

    results: tuple[Result, ...]
    started_at: str
    seconds: float
    inputs: Mapping[str, Any] = {}
    diagnostics: tuple[Diagnostic, ...] = ()
    known_at: str | None = None

    @property
    def ok(self) -> bool:
        return all(result.status in {"success", "unchanged"} for result in self.results)


class Options(Struct, frozen=True):
    """How a build goes about it: `full_refresh` builds from nothing what could be left or added to,
    `fail_fast` skips everything after the first failure, `known_at` (an instant in UTC) builds what would
    have been built then: from what was known then."""

    full_refresh: bool = False
    fail_fast: bool = False
    known_at: str | None = None


def silent(event: Event) -> None:
    """A listener that hears nothing."""
