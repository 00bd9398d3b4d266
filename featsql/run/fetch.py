"""What a query gives, as arrays: batch by batch, so that no more is held than the arrays themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow

from featsql.arrays.arrow import column
from featsql.arrays.filling import Filling
from featsql.arrays.part import RefusedError
from featsql.arrays.rows import Column
from featsql.engine import Engine
from featsql.plan.parts import KEPT

# How many rows come at once.
BATCH = 1 << 18
# What the engine calls so many bytes.
BYTES = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}


def memory_limit(engine: Engine) -> int:
    """How many bytes the engine takes at most."""
    number, unit = str(engine.rows("SELECT current_setting('memory_limit')")[0][0]).split()
    return int(float(number) * BYTES[unit])


def fetched(engine: Engine, sql: str, limit: int) -> dict[str, Column] | None:
    """The columns of a query's rows as they come. Those whose names say so stay as they are. None where
    they have more than `limit` bytes. Raises RefusedError and EngineError."""
    batches = engine.batches(sql, BATCH)
    found = {each.name: Filling(each.type, kept=each.name.endswith(KEPT)) for each in batches.schema}
    size = 0
    for batch in read(batches):
        size += batch.nbytes
        if size > limit:
            return None  # with the stream its result goes, too: only then can the engine be asked again
        for name, values in zip(batches.schema.names, batch.columns, strict=True):
            found[name].add(values)
    return {name: each.column() for name, each in found.items()}


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
