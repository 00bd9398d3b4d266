"""Compute from arrays what they can give of a plan's features, and let it stand beside the columns of the spine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.build.target import checkpoint
from featsql.engine import Engine, EngineError
from featsql.engines.duckdb.columnar.latest_request import findable
from featsql.engines.duckdb.columnar.window_request import Arrays, types
from featsql.engines.duckdb.lower.over import Frames
from featsql.engines.duckdb.lower.result_columns import nameable
from featsql.plan.part import RefusedError
from featsql.plan.plan import AsOf, Features, Lifted, Over, Plan
from featsql.resolve.catalog.describe import instant_type, three_part

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T")
# From how many rows and probes on arrays are worth their start.
LEAST = 200_000
# How many times the memory that the engine may take must hold what lies there at once.
ROOMS = 8
# What computes plans, with all that it loads.
COMPUTING = "featsql.engines.duckdb.columnar.compute"
# Makes a query read other relations than those that it names.
Send = Callable[[exp.Query], exp.Query]


def unmoved(query: exp.Query) -> exp.Query:
    """The query as it is."""
    return query


def arranged(plan: Plan, engine: Engine) -> Plan:
    """The plan with that marked which arrays are to give: all that they can, where there are many rows."""
    asked: int | None = None
    attachments = list(plan.attachments)
    for i, attach in enumerate(attachments if nameable(plan) else ()):
        features = attach.features
        if isinstance(features, Lifted):
            continue
        asked = engine.count(plan.spine.source) if asked is None else asked
        table = features.scan.table if isinstance(features, Over) else features.table
        if asked + engine.count(table) >= LEAST:
            attachments[i] = replace(attach, features=marked(features, engine, plan))
    return replace(plan, attachments=tuple(attachments))


def marked(features: Over | AsOf, engine: Engine, plan: Plan) -> Over | AsOf:
    """A node with what arrays can give; if what is left cannot be joined, without."""
    if isinstance(features, AsOf):
        return replace(features, arrays=findable(features, instant_type(plan.spine.as_of_type)))
    given = frozenset(read(features, plan, engine).values)
    arranged = replace(features, arrays=given)
    return arranged if given and arranged.joinable else features


def read(features: Over, plan: Plan, engine: Engine, position: int = 0) -> Arrays:
    """The parts of a node's measures, by the types that the engine gives them."""
    frames = Frames(features, "", plan.boundary)
    kinds = engine.columns(types(features, frames).sql("duckdb"))
    return Arrays(position, frames, kinds, instant_type(plan.spine.as_of_type))


class Temporaries(Struct, dict=True):
    """What lies there for one plan; it goes when the work on that ends, well or not. `send` tells which relations are
    read, `refused` whether arrays refused anything; `target` is the database that is built into (None: none is)."""

    engine: Engine
    send: Send = unmoved
    target: str | None = None
    tables: list[exp.Table] = []
    frames: list[str] = []
    refused: bool = False

    @cached_property
    def room(self) -> int:
        """How many bytes of rows may lie in memory at once: to put them in order takes as much again, and the engine
        needs room, too."""
        from featsql.engines.duckdb.columnar.fetch import memory_limit  # it loads NumPy, which most commands do without

        return memory_limit(self.engine) // ROOMS

    def __enter__(self) -> Temporaries:
        return self

    def __exit__(self, *raised: object) -> None:
        for table in self.tables:
            self.engine.execute(exp.Drop(tables=[table], kind="TABLE", exists=True).sql("duckdb"))
        for name in self.frames:
            self.engine.unregister(name)
        self.tables.clear()
        self.frames.clear()

    @property
    def empty(self) -> bool:
        """Whether nothing lies there."""
        return not self.tables and not self.frames

    def precomputed(self, plan: Plan) -> Plan:
        """The plan with all that comes from arrays computed; what they refuse is left to the query."""
        if not any(isinstance(each.features, Over | AsOf) and each.features.arrays for each in plan.attachments):
            return plan
        with self.stored():
            from featsql.engines.duckdb.columnar.compute import Computation

        return self.tried(Computation(plan, self).precomputed) or without(plan)

    @contextmanager
    def stored(self) -> Iterator[None]:
        """While modules are loaded, which is work for one core, have the engine bring what was built so far to its
        place in the target's file: else it does so in the end, when all wait for it."""
        if self.target is None or COMPUTING in sys.modules:
            yield
            return
        session = self.engine.cursor()
        storing = Thread(target=checkpoint, args=(session, self.target))
        storing.start()
        try:
            yield
        finally:
            storing.join()
            session.close()

    def tried(self, work: Callable[[], T]) -> T | None:
        """What work gives; None where arrays refuse it, or stumble: then the query says itself what is wrong, and
        where."""
        try:
            return work()
        except (RefusedError, EngineError):
            self.refused = True
            return None

    def create(self, name: str, query: exp.Query) -> exp.Table:
        """A new table of a query's rows."""
        table = three_part("temp", "main", f"{name}_{len(self.tables)}")
        self.tables.append(table)
        self.engine.create_as("OR REPLACE TEMP TABLE", table, self.send(query).sql("duckdb"))
        return table

    def show(self, name: str, rows: pyarrow.Table) -> exp.Table:
        """A new name for some rows."""
        name = f"{name}_{len(self.frames)}"
        self.frames.append(name)
        self.engine.register(name, rows)
        return three_part("temp", "main", name)


def without(plan: Plan) -> Plan:
    """The plan with all left to the query that has not been computed."""
    return replace(plan, attachments=tuple(replace(each, features=left(each.features)) for each in plan.attachments))


def left(features: Features) -> Features:
    """A node that is left to the query, unless it was computed."""
    match features:
        case Over(precomputed=None):
            return replace(features, arrays=frozenset())
        case AsOf(precomputed=None):
            return replace(features, arrays=False)
    return features
