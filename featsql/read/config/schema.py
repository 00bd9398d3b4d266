"""What featsql_project.yml and property files may say: keys, types, and what they default to."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from featsql.read.project import Materialization


class Names(tuple[str, ...]):
    """Texts, in the order in which they are given; a lone one stands for a list."""

    @classmethod
    def read(cls, value: Any) -> Names:
        """The names that a value gives. Raises ValueError."""
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, list | tuple) or not all(isinstance(each, str) for each in given):
            raise ValueError(value)
        return cls(given)


class Keys(Names):
    """Names of which there is at least one."""

    @classmethod
    def read(cls, value: Any) -> Keys:
        """The names that a value gives. Raises ValueError."""
        if not value:
            raise ValueError(value)
        return cls(super().read(value))


class Text(str):
    """A text, which may look like a number or a day, as YAML reads `version: 1.0`."""

    @classmethod
    def read(cls, value: Any) -> Text:
        """The text of a value. Raises ValueError."""
        if isinstance(value, bool) or not isinstance(value, str | int | float | date):
            raise ValueError(value)
        return cls(value)


class Severity(str):
    """How strictly a rule is taken: one of `ALL`."""

    ALL = ("error", "warning", "notice", "off")

    @classmethod
    def read(cls, value: Any) -> Severity:
        """The severity of that name; `off`, which YAML reads as false. Raises ValueError."""
        name = "off" if value is False else value
        if not isinstance(name, str) or name not in cls.ALL:
            raise ValueError(value)
        return cls(name)


Name = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Positive = Annotated[int, Meta(gt=0)]


class Block(Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping that refuses unknown keys."""


class AttachBlock(Block, frozen=True):
    """A database of others beside the target."""

    path: str
    alias: str
    type: Literal["duckdb", "sqlite", "postgres"] = "duckdb"
    read_only: bool = True


class OutputBlock(Block, frozen=True):
    """A target: where to build, and with what means."""

    path: str
    type: Literal["duckdb"] = "duckdb"
    schema_: str = field(default="main", name="schema")
    threads: Positive | None = None
    memory_limit: Text | None = None
    temp_directory: str | None = None
    settings: dict[str, str | int | float | bool] = {}
    attach: list[AttachBlock] = []
    extensions: Names = Names()


class EntityBlock(Block, frozen=True):
    """What features describe, and the columns that tell one from another."""

    name: str
    keys: Keys
    null_keys: Literal["match", "ignore"] = "ignore"
    description: str = ""


class ProjectTimeBlock(Block, frozen=True):
    """What clocks have in common unless they say otherwise."""

    delay: str | None = None
    boundary: Literal["inclusive", "exclusive"] = "inclusive"


class RuleBlock(Block, frozen=True):
    """How strictly a rule is taken, and why."""

    severity: Severity
    reason: str = ""
    models: Names = Names()
    paths: Names = Names()


class ModelRuleBlock(Block, frozen=True):
    """The same, of one model."""

    severity: Severity
    reason: str = ""


class SplitBlock(Block, frozen=True):
    """Where training ends and testing begins."""

    train_until: Text | None = None
    test_from: Text | None = None
    by: str | None = None


class ProjectFile(Block, frozen=True):
    """`featsql_project.yml`."""

    name: Name
    version: Text = Text("1.0")
    config_version: Literal[2] = field(default=2, name="config-version")
    target: str | None = None
    outputs: dict[str, OutputBlock] = {}
    model_paths: Names = field(default=Names(["models"]), name="model-paths")
    macro_paths: Names = field(default=Names(["macros"]), name="macro-paths")
    seed_paths: Names = field(default=Names(["seeds"]), name="seed-paths")
    test_paths: Names = field(default=Names(["tests"]), name="test-paths")
    target_path: str = field(default="target", name="target-path")
    vars: dict[str, Any] = {}
    models: dict[str, Any] = {}
    seeds: dict[str, Any] = {}
    time: ProjectTimeBlock = ProjectTimeBlock()
    entities: list[EntityBlock] = []
    rules: dict[str, RuleBlock | list[RuleBlock]] = {}


class TimeBlock(Block, frozen=True):
    """A clock."""

    kind: Literal["events", "state", "periods", "static"] | None = None
    static: bool = False
    event_time: str | None = None
    available_at: str | None = None
    delay: str | None = None
    retracted_at: str | None = None
    deleted: str | None = None
    unique_key: Names = Names()
    tie_break: Names = Names()
    valid_from: str | None = None
    valid_to: str | None = None
    valid_to_available_at: str | None = None
    why: str | None = None


class PublishBlock(Block, frozen=True):
    """A copy as Parquet."""

    path: str
    partition_by: Names = Names()


class ColumnBlock(Block, frozen=True):
    """Words about a column."""

    name: str
    description: str = ""
    data_type: str | None = None
    meta: dict[str, Any] = {}
    tags: Names = Names()


class HeaderBlock(Block, frozen=True):
    """A model's configuration."""

    kind: Literal["plain", "features", "labels", "training_set"] = "plain"
    materialized: Materialization = "view"
    entity: Names | None = None
    as_of: str | None = None
    horizon: str | None = None
    label: str | None = None
    time: TimeBlock | None = None
    boundary: Literal["inclusive", "exclusive"] | None = None
    unique_key: Names = Names()
    incremental_time: str | None = None
    publish: PublishBlock | None = None
    rules: dict[str, ModelRuleBlock] = {}
    split: SplitBlock | None = None
    enabled: bool = True
    tags: Names = Names()
    meta: dict[str, Any] = {}
    description: str = ""


class SourceConfigBlock(Block, frozen=True):
    """What holds for a source, or for one of its tables."""

    time: TimeBlock | None = None
    enabled: bool = True
    tags: Names = Names()
    meta: dict[str, Any] = {}


class TableBlock(Block, frozen=True):
    """A table of a source."""

    name: str
    description: str = ""
    location: str | None = None
    format: Literal["parquet", "csv", "json", "table", "frame"] | None = None
    options: dict[str, Any] = {}
    config: SourceConfigBlock = SourceConfigBlock()
    columns: list[ColumnBlock] = []
    meta: dict[str, Any] = {}
    tags: Names = Names()


class SourceBlock(Block, frozen=True):
    """Tables of one origin."""

    name: str
    description: str = ""
    location: str | None = None
    config: SourceConfigBlock = SourceConfigBlock()
    tables: list[TableBlock] = []
    meta: dict[str, Any] = {}
    tags: Names = Names()


class ModelBlock(Block, frozen=True):
    """Words about a model."""

    name: str
    description: str = ""
    config: dict[str, Any] = {}
    columns: list[ColumnBlock] = []
    meta: dict[str, Any] = {}
    tags: Names = Names()


class SeedConfigBlock(Block, frozen=True):
    """What holds for a seed."""

    time: TimeBlock | None = None
    delimiter: str | None = None
    column_types: dict[str, str] = {}
    enabled: bool = True
    tags: Names = Names()
    meta: dict[str, Any] = {}


class SeedBlock(Block, frozen=True):
    """Words about a seed."""

    name: str
    description: str = ""
    config: SeedConfigBlock = SeedConfigBlock()
    columns: list[ColumnBlock] = []
    meta: dict[str, Any] = {}
    tags: Names = Names()


class PropertyFile(Block, frozen=True):
    """A property file: any YAML file beside the models or seeds."""

    version: Literal[2] = 2
    sources: list[SourceBlock] = []
    models: list[ModelBlock] = []
    seeds: list[SeedBlock] = []
    entities: list[EntityBlock] = []
