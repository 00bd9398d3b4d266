"""What featsql_project.yml and property files may say: keys, types, and what they default to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from featsql.read.project import Materialization


def as_list(value: Any) -> Any:
    """A lone value where a list is allowed."""
    return [value] if isinstance(value, str) else value


def as_text(value: Any) -> Any:
    """A number where text is wanted, as YAML reads `version: 1.0`."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Names = Annotated[list[str], BeforeValidator(as_list)]
Text = Annotated[str, BeforeValidator(as_text)]


class Strict(BaseModel):
    """A mapping that refuses unknown keys; `a-b` in YAML is `a_b` here."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, hide_input_in_errors=True)


class AttachBlock(Strict):
    """A database of others beside the target."""

    path: str
    alias: str
    type: Literal["duckdb", "sqlite", "postgres"] = "duckdb"
    read_only: bool = True


class OutputBlock(Strict):
    """A target: where to build, and with what means."""

    type: Literal["duckdb"] = "duckdb"
    path: str
    schema_: str = Field(default="main", alias="schema")
    threads: int | None = Field(default=None, gt=0)
    memory_limit: Text | None = None
    temp_directory: str | None = None
    settings: dict[str, str | int | float | bool] = {}
    attach: list[AttachBlock] = []
    extensions: Names = []


class EntityBlock(Strict):
    """What features describe, and the columns that tell one from another."""

    name: str
    keys: Names = Field(min_length=1)
    null_keys: Literal["match", "ignore"] = "ignore"
    description: str = ""


class ProjectTimeBlock(Strict):
    """What clocks have in common unless they say otherwise."""

    delay: str | None = None
    boundary: Literal["inclusive", "exclusive"] = "inclusive"


def as_severity(value: Any) -> Any:
    """`off`, which YAML reads as false."""
    return "off" if value is False else value


def as_blocks(value: Any) -> Any:
    """One block where a list of them is allowed."""
    return value if isinstance(value, list) else [value]


class RuleBlock(Strict):
    """How strictly a rule is taken, and why."""

    severity: Annotated[Literal["error", "warning", "notice", "off"], BeforeValidator(as_severity)]
    reason: str = ""
    models: Names = []
    paths: Names = []


class ModelRuleBlock(Strict):
    """The same, of one model."""

    severity: Annotated[Literal["error", "warning", "notice", "off"], BeforeValidator(as_severity)]
    reason: str = ""


class SplitBlock(Strict):
    """Where training ends and testing begins."""

    train_until: Text | None = None
    test_from: Text | None = None
    by: str | None = None


class ProjectFile(Strict):
    """`featsql_project.yml`."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    version: Text = "1.0"
    config_version: Literal[2] = Field(default=2, alias="config-version")
    target: str | None = None
    outputs: dict[str, OutputBlock] = {}
    model_paths: Names = Field(default=["models"], alias="model-paths")
    macro_paths: Names = Field(default=["macros"], alias="macro-paths")
    seed_paths: Names = Field(default=["seeds"], alias="seed-paths")
    test_paths: Names = Field(default=["tests"], alias="test-paths")
    target_path: str = Field(default="target", alias="target-path")
    vars: dict[str, Any] = {}
    models: dict[str, Any] = {}
    seeds: dict[str, Any] = {}
    time: ProjectTimeBlock = ProjectTimeBlock()
    entities: list[EntityBlock] = []
    rules: dict[str, Annotated[list[RuleBlock], BeforeValidator(as_blocks)]] = {}


class TimeBlock(Strict):
    """A clock."""

    kind: Literal["events", "state", "periods", "static"] | None = None
    static: bool = False
    event_time: str | None = None
    available_at: str | None = None
    delay: str | None = None
    retracted_at: str | None = None
    deleted: str | None = None
    unique_key: Names = []
    tie_break: Names = []
    valid_from: str | None = None
    valid_to: str | None = None
    valid_to_available_at: str | None = None
    why: str | None = None


class PublishBlock(Strict):
    """A copy as Parquet."""

    path: str
    partition_by: Names = []


class ColumnBlock(Strict):
    """Words about a column."""

    name: str
    description: str = ""
    data_type: str | None = None
    meta: dict[str, Any] = {}
    tags: Names = []


class HeaderBlock(Strict):
    """A model's configuration."""

    kind: Literal["plain", "features", "labels", "training_set"] = "plain"
    materialized: Materialization = "view"
    entity: Names | None = None
    as_of: str | None = None
    horizon: str | None = None
    label: str | None = None
    time: TimeBlock | None = None
    boundary: Literal["inclusive", "exclusive"] | None = None
    unique_key: Names = []
    incremental_time: str | None = None
    publish: PublishBlock | None = None
    rules: dict[str, ModelRuleBlock] = {}
    split: SplitBlock | None = None
    enabled: bool = True
    tags: Names = []
    meta: dict[str, Any] = {}
    description: str = ""


class SourceConfigBlock(Strict):
    """What holds for a source, or for one of its tables."""

    time: TimeBlock | None = None
    enabled: bool = True
    tags: Names = []
    meta: dict[str, Any] = {}


class TableBlock(Strict):
    """A table of a source."""

    name: str
    description: str = ""
    location: str | None = None
    format: Literal["parquet", "csv", "json", "table", "frame"] | None = None
    options: dict[str, Any] = {}
    config: SourceConfigBlock = SourceConfigBlock()
    columns: list[ColumnBlock] = []
    meta: dict[str, Any] = {}
    tags: Names = []


class SourceBlock(Strict):
    """Tables of one origin."""

    name: str
    description: str = ""
    location: str | None = None
    config: SourceConfigBlock = SourceConfigBlock()
    tables: list[TableBlock] = []
    meta: dict[str, Any] = {}
    tags: Names = []


class ModelBlock(Strict):
    """Words about a model."""

    name: str
    description: str = ""
    config: dict[str, Any] = {}
    columns: list[ColumnBlock] = []
    meta: dict[str, Any] = {}
    tags: Names = []


class SeedConfigBlock(Strict):
    """What holds for a seed."""

    time: TimeBlock | None = None
    delimiter: str | None = None
    column_types: dict[str, str] = {}
    enabled: bool = True
    tags: Names = []
    meta: dict[str, Any] = {}


class SeedBlock(Strict):
    """Words about a seed."""

    name: str
    description: str = ""
    config: SeedConfigBlock = SeedConfigBlock()
    columns: list[ColumnBlock] = []
    meta: dict[str, Any] = {}
    tags: Names = []


class PropertyFile(Strict):
    """A property file: any YAML file beside the models or seeds."""

    version: Literal[2] = 2
    sources: list[SourceBlock] = []
    models: list[ModelBlock] = []
    seeds: list[SeedBlock] = []
    entities: list[EntityBlock] = []
