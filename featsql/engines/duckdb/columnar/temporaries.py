"""The tables and frames that are made for one plan on the way, and go when the work on it ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct
from sqlglot import exp

from featsql.engine import Engine, EngineError
from featsql.plan.part import RefusedError
from featsql.resolve.catalog.describe import three_part

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T")
# How many times the memory that the engine may take must hold what lies there at once.
ROOMS = 8
# Which share of it arrays may take, and how many bytes the engine has left at least: these, or a share.
ARRAYS, LEFT, SHARE = 0.9, 1 << 28, 0.25
KIBIBYTE = 1 << 10
# Makes a query read other relations than those that it names.
Send = Callable[[exp.Query], exp.Query]


def unmoved(query: exp.Query) -> exp.Query:
    """The query as it is."""
    return query


class Temporaries(Struct, dict=True):
    """What lies there for one plan; it goes when the work on that ends, well or not. `send` tells which relations are
    read, `refused` whether arrays refused anything; `target` is the database that is built into (None: none is)."""

    engine: Engine
    send: Send = unmoved
    target: str | None = None
    tables: list[exp.Table] = []
    frames: list[str] = []
    refused: bool = False
    lowered: bool = False

    @cached_property
    def limit(self) -> int:
        """How many bytes may be taken in all."""
        from featsql.engines.duckdb.columnar.fetch import memory_limit  # it loads NumPy, which most commands do without

        return memory_limit(self.engine)

    @cached_property
    def room(self) -> int:
        """How many bytes of rows may lie in memory at once: to put them in order takes as much again, and the engine
        needs room, too."""
        return self.limit // ROOMS

    def spare(self, size: int) -> None:
        """Have the engine take so many bytes less as long as anything lies here: arrays lie beside what it counts.
        Raises RefusedError where that leaves it too few."""
        if size > ARRAYS * self.limit:
            raise RefusedError
        self.lowered = True
        self.allow(max(self.limit - size, min(LEFT, int(SHARE * self.limit))))

    def allow(self, size: int) -> None:
        """Let the engine take so many bytes. Raises EngineError where it has taken more."""
        self.engine.set("memory_limit", f"{size // KIBIBYTE} KiB")

    def __enter__(self) -> Temporaries:
        return self

    def __exit__(self, *raised: object) -> None:
        for table in self.tables:
            self.engine.execute(exp.Drop(tables=[table], kind="TABLE", exists=True).sql("duckdb"))
        for name in self.frames:
            self.engine.unregister(name)
        self.tables.clear()
        self.frames.clear()
        if self.lowered:
            self.lowered = False
            self.allow(self.limit)

    @property
    def empty(self) -> bool:
        """Whether nothing lies there."""
        return not self.tables and not self.frames

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
