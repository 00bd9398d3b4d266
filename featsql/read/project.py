"""The noun of `load`: a project's configuration and files, validated, frozen, and each with its place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from msgspec import Struct, field

from featsql.errors import Place
from featsql.temporal import Boundary, Clock

SEEDS = "seed"  # what every seed has as its source

ModelKind = Literal["plain", "features", "labels", "training_set"]
Materialization = Literal["view", "table", "ephemeral", "incremental", "external"]


class Attachment(Struct, frozen=True):
    """A database that the target attaches: its path or connection string, alias and type."""

    path: str
    alias: str
    type: Literal["duckdb", "sqlite", "postgres"] = "duckdb"
    read_only: bool = True


class Target(Struct, frozen=True):
    """Where a build publishes. `path` is absolute or ':memory:'; `database` its catalog's name in SQL."""

    name: str
    path: str
    database: str
    schema: str = "main"
    threads: int | None = None
    memory_limit: str | None = None
    temp_directory: str | None = None
    attach: tuple[Attachment, ...] = ()
    extensions: tuple[str, ...] = ()
    settings: Mapping[str, Any] = {}


class Entity(Struct, frozen=True):
    """A thing that features describe: its join keys, in order, and whether NULL equals NULL."""

    name: str
    keys: tuple[str, ...]
    match_nulls: bool = False
    description: str = ""
    place: Place | None = None


class ColumnProperties(Struct, frozen=True):
    """What a property file says of one column."""

    name: str
    description: str = ""
    meta: Mapping[str, Any] = {}
    tags: tuple[str, ...] = ()
    place: Place | None = None


class DeclaredType(Struct, frozen=True):
    """The type that a property file gives a column of a source, and where it says so."""

    column: str
    type: str
    place: Place | None = None


class Source(Struct, frozen=True):
    """A raw relation: where its rows are, and the clock that says when each could be known.

    `location` is a path, glob or URL that DuckDB reads, or a table of an attached database
    (`alias.schema.table`); relative paths are relative to the project's root. `clock` is None
    when none is declared: plain models and labels may read it, features may not.
    """

    source: str
    table: str
    location: str
    clock: Clock | None = None
    format: Literal["parquet", "csv", "json", "table", "frame"] = "parquet"
    options: Mapping[str, Any] = {}
    description: str = ""
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = {}
    columns: tuple[ColumnProperties, ...] = ()
    types: tuple[DeclaredType, ...] = ()
    place: Place | None = None

    @property
    def name(self) -> str:
        return f"{self.source}.{self.table}"

    @property
    def title(self) -> str:
        """A source or a seed, for people."""
        return f"seed `{self.table}`" if self.source == SEEDS else f"source `{self.name}`"

    @property
    def declaration(self) -> tuple[str, ...]:
        """What is said of how the rows are read, as texts."""
        types = [(each.column, each.type) for each in self.types]
        return self.format, repr(dict(self.options)), *([repr(types)] if types else [])


class Publish(Struct, frozen=True):
    """A result as Parquet: a file, or a folder, which a path that ends in '/' names, and which may be partitioned by
    columns (relative to the root)."""

    path: str
    partition_by: tuple[str, ...] = ()

    @property
    def is_folder(self) -> bool:
        """Whether there may be several files."""
        return bool(self.partition_by) or self.path.endswith("/")

    def within(self, folder: str) -> Publish:
        """The same in a folder beside it."""
        path = PurePosixPath(self.path)
        return Publish(f"{path.parent / folder / path.name}{'/' * self.path.endswith('/')}", self.partition_by)


class RuleSetting(Struct, frozen=True):
    """How strictly a rule is taken, why, and (in the project's file) for which models: by selectors and paths."""

    code: str
    severity: Literal["error", "warning", "notice", "off"]
    reason: str = ""
    models: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    place: Place | None = None


class Split(Struct, frozen=True):
    """How a training set is parted: rows asked about before `train_until`, and those from `test_from` on; or by
    the values of the column `by`."""

    train_until: str | None = None
    test_from: str | None = None
    by: str | None = None


class Config(Struct, frozen=True):
    """The typed header of a model: folder defaults, then property files, then `config()`, merged.

    `entity` holds entity names (several for a composite), empty for a global features model.
    `horizon` is an interval as text ('30 days'). `place` is where `config()` or the file begins.
    """

    kind: ModelKind = "plain"
    materialized: Materialization = "view"
    entity: tuple[str, ...] = ()
    as_of: str | None = None
    horizon: str | None = None
    label: str | None = None
    clock: Clock | None = None
    boundary: Boundary | None = None
    unique_key: tuple[str, ...] = ()
    incremental_time: str | None = None
    publish: Publish | None = None
    rules: tuple[RuleSetting, ...] = ()
    split: Split | None = None
    enabled: bool = True
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = {}
    description: str = ""
    columns: tuple[ColumnProperties, ...] = ()
    place: Place | None = None

    @property
    def is_external(self) -> bool:
        """Whether the rows lie in what is published alone, and the target has a view of them."""
        return self.materialized == "external"


class File(Struct, frozen=True):
    """A text file of the project; `path` is relative to the root, with forward slashes."""

    path: str
    text: str

    @property
    def name(self) -> str:
        """The name of the model in it: that of the file, without what it ends in."""
        last = self.path.rpartition("/")[2]
        end = last.rfind(".")
        return last[:end] if 0 < end < len(last) - 1 else last

    def place(self, line: int, column: int = 1, width: int = 1) -> Place:
        """The place of a position in this file, with its line's text."""
        lines = lines_of(self.text)
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        return Place(self.path, line, column, text, width)


@lru_cache(maxsize=64)
def lines_of(text: str) -> tuple[str, ...]:
    """The lines of a text, of which many places are asked for one after the other."""
    return tuple(text.splitlines())


class Project(Struct, frozen=True):
    """A folder, read. `defaults` gives, for a model's path, the merged `+config` of its folders
    and property files, as raw keys with places, to be merged with `config()` by `render`. `as_known` names what is
    built of an earlier day: the schema ends in it, and what is published lies in folders of that name."""

    root: Path
    name: str
    version: str
    target: Target
    target_path: str
    variables: Mapping[str, Any]
    boundary: Boundary
    default_delay: str | None
    entities: Mapping[str, Entity]
    sources: Mapping[str, Source]
    seeds: tuple[Source, ...]
    models: tuple[File, ...]
    macros: tuple[File, ...]
    properties: Mapping[str, RawConfig]
    secrets: frozenset[str] = frozenset()
    target_place: Place | None = None
    as_known: str = ""
    rules: tuple[RuleSetting, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def __repr__(self) -> str:
        return f"Project({self.name!r}, {str(self.root)!r})"  # the environment has secrets


class RawConfig(Struct, frozen=True):
    """Configuration of one model before `config()` is known: values by key, and each key's place."""

    values: Mapping[str, Any]
    places: Mapping[str, Place] = {}
    place: Place | None = None
