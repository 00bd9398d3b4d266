"""What property files say: sources with their clocks, entities, seeds, and words about models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec.structs import replace

from featsql.errors import Diagnostic, Place
from featsql.names import did_you_mean
from featsql.read.config.document import Document
from featsql.read.config.document import Path as Steps
from featsql.read.config.folders import Settings, places_under
from featsql.read.config.header import Places, read_clock
from featsql.read.config.schema import (
    ColumnBlock,
    ModelBlock,
    ProjectFile,
    PropertyFile,
    SeedBlock,
    SourceBlock,
    TableBlock,
    TimeBlock,
)
from featsql.read.config.validate import validate
from featsql.read.project import SEEDS, ColumnProperties, DeclaredType, Entity, File, RawConfig, Source
from featsql.temporal import Clock

Format = Literal["parquet", "csv", "json", "table", "frame"]
FORMATS: dict[str, Format] = {
    "parquet": "parquet",
    "pq": "parquet",
    "csv": "csv",
    "tsv": "csv",
    "txt": "csv",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
}
TABLE_NAME = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*){1,2}$")


class Properties:
    """All property files of a project, read one after the other."""

    def __init__(self, project: ProjectFile, found: list[Diagnostic]) -> None:
        self.project = project
        self.found = found
        self.entities: dict[str, Entity] = {}
        self.sources: dict[str, Source] = {}
        self.models: dict[str, tuple[ModelBlock, Document, Steps]] = {}
        self.seeds: dict[str, tuple[SeedBlock, Document, Steps]] = {}

    def read(self, document: Document) -> None:
        """Take in one file; an empty one says nothing."""
        if document.value is None:
            return
        block, wrong = validate(document, PropertyFile)
        self.found += wrong
        if block is None:
            return
        for i, entity in enumerate(block.entities):
            place = document.value_place(("entities", i, "name"))
            made = Entity(entity.name, tuple(entity.keys), entity.null_keys == "match", entity.description, place)
            self.add_entity(made, place)
        for i, source in enumerate(block.sources):
            self.add_source(source, document, ("sources", i))
        for i, model in enumerate(block.models):
            self.remember(self.models, "model", model, document, ("models", i))
        for i, seed in enumerate(block.seeds):
            self.remember(self.seeds, "seed", seed, document, ("seeds", i))

    def remember(self, known: dict[str, Any], what: str, block: Any, document: Document, steps: Steps) -> None:
        """Keep the words about a model or a seed; they may be said once."""
        place = document.value_place((*steps, "name"))
        if block.name in known:
            _, other, there = known[block.name]
            self.duplicate(what, block.name, place, other.value_place((*there, "name")))
        known.setdefault(block.name, (block, document, steps))

    def duplicate(self, what: str, name: str, place: Place, first: Place | None) -> None:
        """Two things of one name."""
        hint = f"the first is at {first}" if first else None
        self.found.append(Diagnostic("FS108", f"the {what} `{name}` is described twice", place, hint))

    def add_entity(self, entity: Entity, place: Place) -> None:
        """Take in an entity."""
        if entity.name in self.entities:
            self.duplicate("entity", entity.name, place, self.entities[entity.name].place)
        self.entities.setdefault(entity.name, entity)

    def add_source(self, block: SourceBlock, document: Document, steps: Steps) -> None:
        """Take in a source's tables."""
        for i, table in enumerate(block.tables):
            where: Steps = (*steps, "tables", i)
            place = document.value_place((*where, "name"))
            name = f"{block.name}.{table.name}"
            if name in self.sources:
                self.duplicate("source table", name, place, self.sources[name].place)
                continue
            location = self.location(block, table, place)
            clock = self.clock(table.config.time, document, (*where, "config", "time"))
            if clock is None and table.config.time is None and block.config.time is not None:
                clock = self.clock(block.config.time, document, (*steps, "config", "time"))
            if not (block.config.enabled and table.config.enabled):
                continue
            self.sources[name] = Source(
                source=block.name,
                table=table.name,
                location=location,
                clock=clock,
                format=table.format or format_of(location),
                options=table.options,
                description=table.description or block.description,
                tags=tuple(dict.fromkeys([*block.tags, *block.config.tags, *table.tags, *table.config.tags])),
                meta={**block.meta, **block.config.meta, **table.meta, **table.config.meta},
                columns=columns_of(table.columns, document, (*where, "columns")),
                types=types_of(table.columns, document, (*where, "columns")),
                place=place,
            )

    def location(self, block: SourceBlock, table: TableBlock, place: Place) -> str:
        """Where a table's rows are."""
        given = table.location or block.location
        if given is None:
            if table.format != "frame":
                hint = f"say where the rows are: `location: data/{table.name}.parquet`"
                self.found.append(Diagnostic("FS109", f"the source table `{table.name}` has no location", place, hint))
            return ""
        return given.replace("{name}", table.name)

    def clock(self, block: TimeBlock | None, document: Document, steps: Steps) -> Clock | None:
        """The clock of a source or a seed."""
        if block is None:
            return None
        places = places_under(document, steps, "time")
        raw = RawConfig({}, places, document.key_place(steps))
        return read_clock(block, Places(raw, ("time",)), self.project.time.delay, self.found)

    def configure(self, name: str, settings: Settings) -> None:
        """Add what property files say of a model to what its folders say."""
        if name not in self.models:
            return
        block, document, steps = self.models[name]
        known = {key.removeprefix("+"): value for key, value in block.config.items()}
        places: dict[str, Place] = {}
        for key in block.config:
            places |= places_under(document, (*steps, "config", key), key.removeprefix("+"))
        settings.add(known, places)
        words = {"description": block.description, "meta": block.meta, "tags": block.tags}
        settings.add({key: value for key, value in words.items() if value}, {})
        if block.columns:
            settings.values["columns"] = columns_of(block.columns, document, (*steps, "columns"))

    def seeds_of(self, paths: Sequence[Path], root: Path) -> tuple[Source, ...]:
        """Every CSV file below the seed paths as a source, with what property files say of it."""
        seeds: list[Source] = []
        for path in paths:
            name = path.relative_to(root) if path.is_relative_to(root) else path
            seed = Source(SEEDS, path.stem, str(path), format="csv", place=Place(name.as_posix()))
            seeds.append(self.described(seed))
        return tuple(seeds)

    def described(self, seed: Source) -> Source:
        """A seed with its description, types and clock."""
        if seed.table not in self.seeds:
            return seed
        block, document, steps = self.seeds[seed.table]
        options: dict[str, Any] = {}
        if block.config.delimiter:
            options["delim"] = block.config.delimiter
        return replace(
            seed,
            options=options,
            clock=self.clock(block.config.time, document, (*steps, "config", "time")),
            description=block.description,
            tags=tuple(dict.fromkeys([*block.tags, *block.config.tags])),
            meta={**block.meta, **block.config.meta},
            columns=columns_of(block.columns, document, (*steps, "columns")),
            types=self.seed_types(block, document, steps),
            place=document.value_place((*steps, "name")),
        )

    def seed_types(self, block: SeedBlock, document: Document, steps: Steps) -> tuple[DeclaredType, ...]:
        """The types of a seed's columns: those of `column_types` count."""
        given = block.config.column_types
        where: Steps = (*steps, "config", "column_types")
        own = tuple(DeclaredType(name, kind, document.value_place((*where, name))) for name, kind in given.items())
        return (*(t for t in types_of(block.columns, document, (*steps, "columns")) if t.column not in given), *own)

    def refuse_unknown(self, models: Sequence[File], seeds: Sequence[Source]) -> None:
        """Words about a model or a seed that does not exist are a typo."""
        for what, described, known in (
            ("model", self.models, dict.fromkeys(file.name for file in models)),
            ("seed", self.seeds, dict.fromkeys(seed.table for seed in seeds)),
        ):
            for name, (_, document, steps) in described.items():
                if name not in known:
                    place = document.value_place((*steps, "name"))
                    hint = did_you_mean(name, known, f"a {what} is named as its file, without the suffix")
                    self.found.append(Diagnostic("FS116", f"there is no {what} `{name}`", place, hint))


def columns_of(blocks: Sequence[ColumnBlock], document: Document, steps: Steps) -> tuple[ColumnProperties, ...]:
    """What is said of columns."""
    return tuple(
        ColumnProperties(c.name, c.description, c.meta, tuple(c.tags), document.value_place((*steps, i, "name")))
        for i, c in enumerate(blocks)
    )


def types_of(blocks: Sequence[ColumnBlock], document: Document, steps: Steps) -> tuple[DeclaredType, ...]:
    """The types that columns are declared to have."""
    return tuple(
        DeclaredType(c.name, c.data_type, document.value_place((*steps, i, "data_type")))
        for i, c in enumerate(blocks)
        if c.data_type
    )


def format_of(location: str) -> Format:
    """What a location's name says about its format."""
    if TABLE_NAME.match(location) and location.rpartition(".")[2].lower() not in FORMATS:
        return "table"
    name = location.lower().rpartition("/")[2]
    for suffix in (".gz", ".zst", ".bz2"):
        name = name.removesuffix(suffix)
    return FORMATS.get(name.rpartition(".")[2], "parquet")
