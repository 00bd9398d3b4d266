"""What a query gives, as arrays: batch by batch, so that no more is held than the arrays themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Lock

import pyarrow
from msgspec import Struct, field

from featsql.engine import Engine
from featsql.engines.duckdb.arrays.arrow import column
from featsql.engines.duckdb.arrays.growing import Kept
from featsql.engines.duckdb.arrays.partitions import Deal, Partitions, in_order
from featsql.engines.duckdb.arrays.rows import Column, Integers, Rows
from featsql.engines.duckdb.arrays.take import chosen_of
from featsql.engines.duckdb.columnar.parts import KEPT
from featsql.engines.duckdb.columnar.window_request import GROUP
from featsql.plan import names
from featsql.plan.names import PLACE
from featsql.plan.part import RefusedError

# How many rows come at once.
BATCH = 1 << 18
# How many bytes a row has at least: of its group and its instant.
WIDTH = 12
# What the engine shows is cut off behind one digit: given back as it is shown, a limit would sink each time.
CUT = 0.05
# What it calls so many bytes.
BYTES = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}


def memory_limit(engine: Engine) -> int:
    """How many bytes the engine takes at most."""
    number, unit = str(engine.rows("SELECT current_setting('memory_limit')")[0][0]).split()
    return int((float(number) + CUT) * BYTES[unit])


class Fetched(Struct):
    """The rows of a query in partitions; `kept` are the columns that are only passed on, as they lie."""

    partitions: Partitions
    kept: Mapping[str, pyarrow.Array]


class Partition(Struct):
    """One of the partitions of some rows, put in order by the first of the threads that ask for it."""

    fetched: Fetched
    number: int
    lock: Lock = field(default_factory=Lock)
    found: tuple[Rows, Integers] | None = None

    def rows(self) -> Rows:
        """Its rows in the order of their groups and instants, with all of their columns."""
        rows, places = self.placed()
        kept = {name: chosen_of(Column(values), places) for name, values in self.fetched.kept.items()}
        return Rows(rows.group, rows.at, rows.known, {**rows.columns, **kept}, rows.memory) if kept else rows

    def placed(self) -> tuple[Rows, Integers]:
        """Its rows without what is only passed on, and where that lies."""
        with self.lock:
            if self.found is None:
                self.found = self.ordered()
            return self.found

    def ordered(self) -> tuple[Rows, Integers]:
        """Its rows put in order."""
        given = self.fetched.partitions.partition(self.number)
        order = in_order(given[GROUP].values, given[names.HAPPENED].values)
        found = {name: chosen_of(each, order) for name, each in given.items()}
        group, at = (found.pop(name).values.astype("int64", copy=False) for name in (GROUP, names.HAPPENED))
        places = found.pop(PLACE).values if PLACE in found else order
        known = found.pop(names.ORDER, None)
        return Rows(group, at, known.values if known is not None else None, found), places


def fetched(engine: Engine, sql: str, deal: Deal, most: int, limit: int) -> Fetched | None:
    """The rows of a query, `most` or fewer, dealt by their groups as they come. Columns whose names say so stay as they
    are. None where the rows have more than `limit` bytes. Raises RefusedError and EngineError."""
    batches = engine.batches(sql, BATCH)
    room = max(min(most, limit // WIDTH), BATCH)
    kept = {each.name: Kept(each.type, room) for each in batches.schema if each.name.endswith(KEPT)}
    partitions, size = Partitions(deal, GROUP, room, PLACE if kept else None), 0
    for batch in whole(batches):
        size += batch.nbytes
        if size > limit:
            return None  # with the stream its result goes, too: only then can the engine be asked again
        given = dict(zip(batch.schema.names, batch.columns, strict=True))
        for name, growing in kept.items():
            growing.add(given.pop(name))
        partitions.add({name: column(values) for name, values in given.items()})
    return Fetched(partitions, {name: growing.column() for name, growing in kept.items()})


def whole(batches: pyarrow.RecordBatchReader) -> Iterator[pyarrow.RecordBatch]:
    """The batches of a stream, one without rows where there is none."""
    found = False
    for batch in read(batches):
        found = True
        yield batch
    if not found:
        yield pyarrow.RecordBatch.from_pylist([], batches.schema)


def read(batches: pyarrow.RecordBatchReader) -> Iterator[pyarrow.RecordBatch]:
    """The batches of a stream. Raises RefusedError where the engine stops in the middle of it."""
    try:
        yield from batches
    except (pyarrow.ArrowException, OSError) as error:
        raise RefusedError from error


def columns(table: pyarrow.Table) -> dict[str, Column]:
    """The columns of an Arrow table as arrays."""
    whole = zip(table.column_names, (each.combine_chunks() for each in table.columns), strict=True)
    return {name: Column(each) if name.endswith(KEPT) else column(each) for name, each in whole}
