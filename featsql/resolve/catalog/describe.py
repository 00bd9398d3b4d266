"""Stage 5: the columns and types of every relation, bound by the engine itself on empty tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from threading import Thread

from sqlglot import exp

from featsql.engine import Column, Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError, Place, raise_errors
from featsql.read.model import Model
from featsql.read.project import Config, Target
from featsql.read.sql.vocabulary import aggregate_functions
from featsql.resolve.catalog.advice import advice
from featsql.resolve.catalog.catalog import Catalog, RelationInfo
from featsql.resolve.catalog.constants import unreadable
from featsql.resolve.catalog.inherit import inherit_clock
from featsql.resolve.graph import Graph, model_key
from featsql.resolve.keys.entity_keys import missing_columns, missing_keys
from featsql.resolve.nanoseconds import is_zoned
from featsql.temporal import Clock

EPHEMERAL = "__ephemeral"
LONGEST_HINT = 200
WORD = re.compile(r"\w+")
NAIVE, ZONED = "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"


Columns = tuple[Column, ...]


def describe(
    graph: Graph, sources: Mapping[str, Columns], scratch: Scratch, published: Mapping[str, Columns] | None = None
) -> Catalog:
    """Bind every model, parents first, in a scratch database that comes to hold them as empty tables.

    `sources` gives the columns of every source and seed by relation key, as the engine reads them;
    `published` those of incremental models' tables by name, which their own text may read as `this`.
    Raises FeatsqlError with what is wrong with any; models that read one of those are passed over, since
    their own errors would only repeat the first.
    """
    relations = {key: RelationInfo(key, columns, graph.sources[key].clock) for key, columns in sources.items()}
    scratch.begin(graph, relations)
    found: list[Diagnostic] = []
    for name, model in graph.models.items():
        if all(parent in relations for parent in graph.parents[model_key(name)]):
            try:
                relations[model_key(name)] = bound(model, graph, relations, scratch, published or {})
            except FeatsqlError as error:
                found.extend(error.diagnostics)
    raise_errors(found)
    return Catalog(relations, aggregate_functions(scratch.engine))


def bound(
    model: Model,
    graph: Graph,
    relations: Mapping[str, RelationInfo],
    scratch: Scratch,
    published: Mapping[str, Columns],
) -> RelationInfo:
    """One model as a relation. Raises FeatsqlError with FS510 where it does not bind, FS603, FS711,
    FS713 and FS715 where its columns lack one that its header names, or share a name."""
    key = model_key(model.name)
    if model.name in published:
        scratch.engine.create_empty([(rendered_name(key, graph), published[model.name])])
    try:
        columns = scratch.bind(model, as_of_type(model, graph, relations) if asks_instant(model) else None)
    except EngineError as error:
        raise FeatsqlError(unbound(model, error, graph)) from None
    names = [column.name for column in columns]
    missing = [*missing_keys(model, names, graph.project.entities), *missing_columns(model, names)]
    raise_errors([*repeated_names(model, columns), *missing, *unreadable(model, scratch.engine)])
    return RelationInfo(key, columns, *clock_of(model, relations))


def make_schema(engine: Engine, database: str, schema: str) -> None:
    """Create a schema unless it is there."""
    name = exp.table_(exp.to_identifier(schema, quoted=True), db=exp.to_identifier(database, quoted=True))
    engine.execute(exp.Create(this=name, kind="SCHEMA", exists=True).sql("duckdb"))


class Scratch:
    """A database with the relations that models read as empty tables, under the names that models use."""

    graph: Graph

    def __init__(self, target: Target) -> None:
        self.target = target
        self.relations: Mapping[str, RelationInfo] = {}
        self.forget()

    def forget(self) -> None:
        """Be as one that was never opened."""
        self.opened: Engine | None = None
        self.ahead: Thread | None = None
        self.instant = ""
        self.standing: set[str] = set()
        self.schemas: set[tuple[str, str]] = set()

    @property
    def engine(self) -> Engine:
        """The database's session, opened when it is first needed."""
        if self.ahead is not None:
            self.ahead.join()
            self.ahead = None
        if self.opened is None:
            self.opened = self.open()
        return self.opened

    def prepare(self) -> None:
        """Open the database while this thread does other things: it takes as long as to look through many models."""

        def attempt() -> None:
            with suppress(Exception):  # it is said when the database is needed
                self.opened = self.open()

        self.ahead = Thread(target=attempt)  # no daemon: the program must not end in the middle of it
        self.ahead.start()

    def open(self) -> Engine:
        """A new database with the catalogs and the schema that names begin with."""
        engine = Engine.memory({"threads": 1})  # empty tables: others would only wake up in vain
        for alias in ("sources", self.target.database):
            memory = exp.alias_(exp.Literal.string(":memory:"), alias, quoted=True)
            engine.execute(exp.Attach(this=memory).sql("duckdb"))
        make_schema(engine, self.target.database, self.target.schema)
        self.schemas.add((self.target.database, self.target.schema))
        return engine

    def close(self) -> None:
        """Release the database; it is opened again where it is needed."""
        if self.ahead is not None or self.opened is not None:
            self.engine.close()
            self.forget()

    def syntax_error(self, sql: str) -> tuple[str, int] | None:
        """What the engine's parser says against a text that may be bound next."""
        return self.engine.syntax_error(sql)

    def make_schema(self, database: str, schema: str) -> None:
        """Create a schema, once."""
        if (database, schema) not in self.schemas:
            make_schema(self.engine, database, schema)
            self.schemas.add((database, schema))

    def begin(self, graph: Graph, relations: Mapping[str, RelationInfo]) -> None:
        """Let the relations be these of a graph from here on."""
        self.graph = graph
        self.relations = relations
        self.standing = set()

    def need(self, keys: Iterable[str]) -> None:
        """Let some relations stand as empty tables."""
        missing = dict.fromkeys(key for key in keys if key not in self.standing)
        if missing:
            self.engine.create_empty(
                [(table, self.relations[key].columns) for key in missing for table in self.names(key)]
            )
            self.standing |= missing.keys()

    def names(self, key: str) -> Iterator[exp.Table]:
        """What a relation is called, in schemas that are there."""
        table = bound_name(key, self.graph)
        if key.startswith("source:"):
            self.make_schema("sources", table.db)
        if table.db == EPHEMERAL:
            self.make_schema("sources", EPHEMERAL)
            yield rendered_name(key, self.graph)
        yield table

    def bind(self, model: Model, as_of: str | None) -> tuple[Column, ...]:
        """The columns of a model's own text, in which `as_of()` has a type. Raises EngineError where it does not
        bind."""
        self.need(self.graph.parents[model_key(model.name)])
        if as_of is not None:
            self.set_instant(as_of)
        return self.engine.columns(model.rendered.text)

    def set_instant(self, kind: str, *, given: str | None = None) -> None:
        """Let `as_of()` have a type from here on. It is NULL, unless a text is `given`: what is made of NULL may be
        bound to NULL, and is forgotten."""
        value = exp.cast(exp.null() if given is None else exp.Literal.string(given), kind).sql("duckdb")
        if value != self.instant:
            self.engine.execute(f"CREATE OR REPLACE TEMP MACRO as_of() AS {value}")
            self.instant = value


def bound_name(key: str, graph: Graph) -> exp.Table:
    """The three-part name under which a relation is found; an ephemeral model has one of its own."""
    config = config_of(key, graph)
    if config is None or config.kind != "plain" or config.materialized != "ephemeral":
        return rendered_name(key, graph)
    return ephemeral_name(key.partition(":")[2])


def rendered_name(key: str, graph: Graph) -> exp.Table:
    """The three-part name by which rendered SQL calls a relation."""
    kind, _, name = key.partition(":")
    target = graph.project.target
    if kind == "source":
        schema, _, table = name.partition(".")
        return three_part("sources", schema, table)
    return three_part(target.database, target.schema, name)


def ephemeral_name(name: str) -> exp.Table:
    """Where an ephemeral model stands while a session lasts: beside the sources, in memory."""
    return three_part("sources", EPHEMERAL, name)


def three_part(catalog: str, schema: str, name: str) -> exp.Table:
    """A table by its whole name, quoted."""
    parts = {"this": name, "db": schema, "catalog": catalog}
    return exp.Table(**{part: exp.to_identifier(text, quoted=True) for part, text in parts.items()})


def asks_instant(model: Model) -> bool:
    """Whether `as_of()` may stand in a model's text: written out, or in letters that only DuckDB can read."""
    text = model.rendered.text.casefold()
    return "as_of" in text or "u&" in text


def as_of_type(model: Model, graph: Graph, relations: Mapping[str, RelationInfo]) -> str:
    """The type of `as_of()` inside a model: that of its spine's instant, or of its relations' clocks."""
    above = sorted(graph.upstream([model_key(model.name)]))
    for key in above:
        config = config_of(key, graph)
        if config is None or config.kind != "labels" or not config.as_of:
            continue
        info = relations.get(key)
        if info is not None:
            return instant_type(info.type_of(config.as_of))
    for key in above:
        info = relations.get(key)
        if info is not None and info.clock is not None and info.clock.instants:
            return instant_type(info.type_of(info.clock.instants[0]))
    return NAIVE


def config_of(key: str, graph: Graph) -> Config | None:
    """The header of the model behind a key, None for a source or a seed."""
    kind, _, name = key.partition(":")
    return graph.models[name].config if kind == "model" and name in graph.models else None


def instant_type(type_name: str | None) -> str:
    """Whether instants of a type are zoned or naive."""
    return ZONED if type_name is not None and is_zoned(type_name) else NAIVE


def is_instant(type_name: str) -> bool:
    """Whether values of a type are instants, zoned or naive; a date is its first."""
    return type_name.upper().startswith(("TIMESTAMP", "DATE"))


def clock_of(model: Model, relations: Mapping[str, RelationInfo]) -> tuple[Clock | None, str | None]:
    """The clock of a model as a relation: declared, or inherited from the one relation it passes on;
    with the reason where there is none."""
    if model.config.kind != "plain":
        return None, None
    if model.config.clock is not None:
        return model.config.clock, None
    inherited = inherit_clock(model.tree, relations)
    return (None, inherited) if isinstance(inherited, str) else (inherited, None)


def repeated_names(model: Model, columns: Columns) -> Iterator[Diagnostic]:
    """A name that two columns have, which a table would change in silence."""
    seen: set[str] = set()
    for column in columns:
        if column.name.casefold() in seen:
            hint = "give one of them another name, or leave it out of the star: `* exclude (...)`"
            message = f"two columns of `{model.name}` are named `{column.name}`"
            place, trail = model.place_of_output(column.name)
            yield Diagnostic("FS713", message, place, hint, trail=trail)
            return
        seen.add(column.name.casefold())


def unbound(model: Model, error: EngineError, graph: Graph) -> Diagnostic:
    """The engine's refusal of a model, at the place where it points."""
    place: Place | None
    text = model.rendered.text
    first = len(text) - len(text.lstrip())
    offset = first if error.offset is None else error.offset
    word = WORD.match(text, offset)
    place, trail = model.rendered.origin(offset, len(word[0]) if word and error.offset is not None else 1)
    message, _, rest = error.message.partition("\n")
    hint = " ".join(line.strip() for line in rest.splitlines() if line.strip()) or None
    if hint is not None and len(hint) > LONGEST_HINT:
        hint = hint[:LONGEST_HINT].rpartition(" ")[0] + " ..."
    return Diagnostic("FS510", message, place, advice(message, model, graph) or hint, trail=trail)
