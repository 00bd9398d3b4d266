"""Compute the parts of a node's measures: its rows are read as they come, and aggregated slice by slice."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyarrow
from sqlglot import exp

from featsql.arrays.part import Part, RefusedError
from featsql.arrays.ranges import Ranges
from featsql.arrays.rows import Column, Probes, Rows, Values
from featsql.engine import Engine
from featsql.plan import names
from featsql.plan.arrays import GROUP, Arrays
from featsql.plan.over import LAST
from featsql.plan.parts import KEPT

# How many rows are read, and for how many probes they are aggregated at once.
SLICE, PROBES = 1 << 20, 1 << 16


def measured(arrays: Arrays, asking: exp.Query, reading: exp.Query, engine: Engine) -> pyarrow.Table:
    """The parts of every probe, beside its number: `asking` gives the probes, `reading` their rows. Raises
    RefusedError, EngineError."""
    asked = columns(engine.arrow(asking.sql("duckdb")).combine_chunks())
    given = {name: each.values for name, each in asked.items()}
    number = given.pop(names.NUMBER)
    probes = Probes(given.pop(GROUP).astype(np.int64), given.pop(LAST), given)
    found: dict[Part, list[Values]] = {part: [] for part in arrays.parts}
    workers = int(engine.rows("SELECT current_setting('threads')")[0][0])
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[dict[Part, Values]]] = deque()

        def take() -> None:
            for part, values in waiting.popleft().result().items():
                found[part].append(values)

        for some, rows in slices(probes, engine.batches(reading.sql("duckdb"), SLICE)):
            for start in range(0, max(len(some), 1), PROBES):
                asked_now = some.taken(slice(start, start + PROBES))
                waiting.append(pool.submit(Ranges(rows, asked_now, arrays.spans).measured, tuple(arrays.parts)))
                if len(waiting) > workers:
                    take()
        while waiting:
            take()
    made = {arrays.parts[part]: pyarrow.chunked_array(map(arrow, values)) for part, values in found.items()}
    return pyarrow.table({names.NUMBER: number, **made})


def arrow(values: Values | pyarrow.Array) -> pyarrow.Array:
    """What was found for some probes, without a copy: of all of them together it would need much room."""
    return values if isinstance(values, pyarrow.Array) else pyarrow.array(values)


def slices(probes: Probes, batches: pyarrow.RecordBatchReader) -> Iterator[tuple[Probes, Rows]]:
    """All probes in their order, each with every row of its group, a fair number of rows at once."""
    left: list[pyarrow.RecordBatch] = []
    done = 0
    for batch in read(batches):
        group = batch.column(GROUP).to_numpy()
        cut = int(np.searchsorted(group, group[-1])) if len(group) else 0
        if cut:
            ended = int(np.searchsorted(probes.group, group[cut]))
            yield probes.taken(slice(done, ended)), rows_of([*left, batch.slice(0, cut)], batches.schema)
            left, done = [batch.slice(cut)], ended
        elif len(group):
            left.append(batch)
    yield probes.taken(slice(done, None)), rows_of(left, batches.schema)


def read(batches: pyarrow.RecordBatchReader) -> Iterator[pyarrow.RecordBatch]:
    """The batches of a stream. Raises RefusedError where the engine stops in the middle of it."""
    try:
        yield from batches
    except (pyarrow.ArrowException, OSError) as error:
        raise RefusedError from error


def rows_of(batches: Sequence[pyarrow.RecordBatch], schema: pyarrow.Schema) -> Rows:
    """Batches of rows as arrays."""
    given = columns(pyarrow.Table.from_batches(batches, schema).combine_chunks())
    known = given.pop(names.ORDER, None)
    group, at = (given.pop(name).values for name in (GROUP, names.HAPPENED))
    return Rows(group.astype(np.int64), at, known.values if known is not None else None, given)


def columns(table: pyarrow.Table) -> dict[str, Column]:
    """The columns of an Arrow table as arrays; a NULL is any value."""
    found = {}
    for name, each in zip(table.column_names, table.columns, strict=True):
        if name.endswith(KEPT):
            found[name] = Column(each.combine_chunks())
            continue
        valid = each.is_valid().to_numpy() if each.null_count else None
        values = each.fill_null(pyarrow.scalar(0).cast(each.type)) if each.null_count else each
        found[name] = Column(values.to_numpy(), valid)
    return found
