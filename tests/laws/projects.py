"""Random projects, built in memory: sources with clocks and rows, features models that may read one
another, and a spine; compiled up to the point where they could be planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import sqlglot
from sqlglot import exp

from featsql.engine import Column, Engine
from featsql.read.model import Chunk, Model, Reference, Rendered
from featsql.read.project import Config, Entity, File, Project, Source, Target
from featsql.resolve.catalog.describe import Scratch, describe
from featsql.resolve.checked import Checked
from featsql.resolve.graph import source_key
from featsql.resolve.lineage.lineage import Lineage
from featsql.resolve.link import link
from featsql.resolve.qualify import qualify
from featsql.temporal import Boundary, Clock
from laws.dice import Dice
from laws.expressions import Readable
from laws.focus import ANYTHING, Focus
from laws.grammar import Grammar
from laws.tables import Row, columns, random_rows, random_spine

KEYS = {"one": ("k",), "other": ("c",), "pair": ("k", "c")}


@dataclass(frozen=True)
class Text:
    """A model as its author wrote it."""

    name: str
    sql: str
    config: Config
    form: str = ""


@dataclass(frozen=True)
class Case:
    """One random project with its data and the spine that it is asked about."""

    clocks: dict[str, Clock]
    rows: dict[str, list[Row]]
    models: tuple[Text, ...]
    spine: list[Row]
    zoned: bool
    boundary: Boundary
    match_nulls: dict[str, bool] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[Column, ...]:
        return columns(self.zoned)

    def __str__(self) -> str:
        """What it takes to see what went wrong."""
        clocks = [f"{name}: {clock}" for name, clock in self.clocks.items()]
        texts = [f"{m.name} {m.config.entity}: {m.sql}" for m in self.models]
        return "\n".join((f"{self.boundary}, zoned={self.zoned}, nulls={self.match_nulls}", *clocks, *texts))


def random_case(dice: Dice, focus: Focus = ANYTHING, *, models: int = 2, rows: int = 24, spine: int = 12) -> Case:
    """A random project near a focus."""
    zoned, finite = dice.chance(50), dice.chance(50)
    infinite = 0 if finite else focus.infinite
    names = ("a", "b", "c")[: dice.number(1, 3)]
    clocks = {name: dice.one(focus.clocks) for name in names}
    sources = tuple(Readable(f'"sources"."s"."{name}"', clock.kind) for name, clock in clocks.items())
    texts: list[Text] = []
    features: list[Readable] = []
    for number in range(models):
        entity = dice.one(focus.entities)
        keys = tuple(key for each in entity for key in KEYS[each])
        grammar = Grammar(dice, keys, sources, tuple(features), zoned=zoned, finite=finite, focus=focus)
        query = grammar.query()
        name = f"f{number}"
        texts.append(Text(name, query.text, Config(kind="features", entity=entity), query.form))
        features.append(Readable(f'"db"."main"."{name}"', "features", (*keys, "f1")))
    data = dice.fork()
    return Case(
        clocks=clocks,
        rows={name: random_rows(data, rows, infinite) for name in names},
        models=tuple(texts),
        spine=random_spine(data, spine, infinite),
        zoned=zoned,
        boundary=dice.one(("inclusive", "exclusive")),
        match_nulls={name: dice.chance(focus.nulls) for name in KEYS},
    )


class SharedScratch(Scratch):
    """One scratch database for every random project: a new one for each would take most of the time."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.opened = Engine.memory()
        for name in ("sources", "db"):
            self.engine.execute(f"attach ':memory:' as {name}")


@cache
def scratch() -> SharedScratch:
    """The one scratch database of this process."""
    return SharedScratch(project({}, {}).target)


def project(clocks: dict[str, Clock], match_nulls: dict[str, bool]) -> Project:
    """A project in memory."""
    entities = {name: Entity(name, keys, match_nulls.get(name, False)) for name, keys in KEYS.items()}
    return Project(
        root=Path("/nowhere"),
        name="p",
        version="1",
        target=Target("dev", ":memory:", "db"),
        target_path="target",
        variables={},
        boundary="inclusive",
        default_delay=None,
        entities=entities,
        sources={f"s.{name}": Source("s", name, "nowhere.parquet", clock) for name, clock in clocks.items()},
        seeds=(),
        models=(),
        macros=(),
        properties={},
    )


def model(text: Text) -> Model:
    """A model, parsed, its relations known by name."""
    tree = sqlglot.parse_one(text.sql, read="duckdb")
    assert isinstance(tree, exp.Query)
    file = File(f"models/{text.name}.sql", text.sql)
    for node in tree.walk():
        node.pop_comments()
        node._meta = None  # places are for diagnostics, and dear to copy
    references: list[Reference] = []
    for table in [t for t in tree.find_all(exp.Table) if t.catalog]:
        source = table.catalog == "sources"
        name = f"{table.db}.{table.name}" if source else table.name
        table.meta["relation"] = f"{'source' if source else 'model'}:{name}"
        references.append(Reference("source" if source else "ref", name, file.place(1)))
    chunks = (Chunk(0, file, 1, 1, True),)
    return Model(Rendered(text.name, file, text.config, text.sql, chunks, tuple(references)), tree)


def compiled(case: Case, extra: Sequence[Text] = ()) -> Checked:
    """The project up to where it could be planned."""
    texts = (*case.models, *extra)
    graph = link(tuple(model(text) for text in texts), project(case.clocks, case.match_nulls))
    shared = scratch()
    catalog = describe(graph, {source_key(f"s.{name}"): case.columns for name in case.clocks}, shared)
    resolved = {name: qualify(each, catalog) for name, each in graph.models.items()}
    return Checked(graph, catalog, resolved, Lineage({}, {}))
