"""Compute the parts of a node's measures: its rows are read, and aggregated slice by slice.

Where they have room in memory they come as they lie, and only numbers are sorted; else the engine gives them in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import pyarrow
from sqlglot import exp

from featsql.arrays.arrow import array, numbers
from featsql.arrays.part import Part
from featsql.arrays.ranges import Ranges
from featsql.arrays.rows import Column, Probes, Rows, Values
from featsql.arrays.sorting import Sorted, in_order
from featsql.engine import Engine
from featsql.plan import names
from featsql.plan.arrays import GROUP, Arrays
from featsql.plan.over import LAST
from featsql.run.fetch import columns, fetched, read

# How many rows are taken at once, from the engine and from memory, and for how many probes they are aggregated.
STREAMED, SLICE, PROBES = 1 << 20, 1 << 18, 1 << 16
# The rows of some probes' groups, when they are needed.
Take = Callable[[], Rows]


def measured(
    arrays: Arrays, asking: exp.Query, reading: Callable[[bool], exp.Query], engine: Engine, limit: int
) -> pyarrow.Table:
    """The parts of every probe, beside its number: `asking` gives the probes, `reading` their rows, as they lie or
    (True) in order; those that lie are at most `limit` bytes. Raises RefusedError, EngineError."""
    asked = columns(engine.arrow(asking.sql("duckdb")).combine_chunks())
    given = {name: each.values for name, each in asked.items()}
    number = given.pop(names.NUMBER)
    probes = Probes(given.pop(GROUP).astype(np.int64), given.pop(LAST), given)
    workers = int(engine.rows("SELECT current_setting('threads')")[0][0])
    lying = fetched(engine, reading(False).sql("duckdb"), limit)
    if lying is not None:
        pieces = piled(probes, lying)
    else:
        pieces = streamed(probes, engine.batches(reading(True).sql("duckdb"), STREAMED))
    found = aggregated(arrays, pieces, workers)
    made = {arrays.parts[part]: pyarrow.chunked_array(map(arrow, values)) for part, values in found.items()}
    return pyarrow.table({names.NUMBER: array(number), **made})


def aggregated(arrays: Arrays, pieces: Iterator[tuple[Probes, Take]], workers: int) -> dict[Part, list[Values]]:
    """Every part, piece by piece, on so many threads. Raises RefusedError."""
    found: dict[Part, list[Values]] = {part: [] for part in arrays.parts}
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[dict[Part, Values]]] = deque()

        def take() -> None:
            for part, values in waiting.popleft().result().items():
                found[part].append(values)

        for some, rows in pieces:
            for start in range(0, max(len(some), 1), PROBES):
                waiting.append(pool.submit(piece, arrays, some.taken(slice(start, start + PROBES)), rows))
                if len(waiting) > workers:
                    take()
        while waiting:
            take()
    return found


def piece(arrays: Arrays, probes: Probes, rows: Take) -> dict[Part, Values]:
    """Every part of some probes. Raises RefusedError."""
    return Ranges(rows(), probes, arrays.spans).measured(tuple(arrays.parts))


def arrow(values: Values | pyarrow.Array) -> pyarrow.Array:
    """What was found for some probes, without a copy: of all of them together it would need much room."""
    return values if isinstance(values, pyarrow.Array) else array(values)


def piled(probes: Probes, given: dict[str, Column]) -> Iterator[tuple[Probes, Take]]:
    """All probes in their order, each with every row of its group, of rows in memory."""
    order = in_order(given.pop(GROUP).values, given.pop(names.HAPPENED).values)
    done = 0
    for chosen, following in order.cuts(SLICE):
        ended = len(probes) if following is None else int(np.searchsorted(probes.group, following))
        yield probes.taken(slice(done, ended)), partial(rows_at, order, given, chosen)
        done = ended
    if not len(order):
        yield probes, partial(rows_at, order, given, slice(0))


def rows_at(order: Sorted, given: dict[str, Column], chosen: slice) -> Rows:
    """Some rows, by their positions in the order."""
    places = order.places(chosen)
    found = {name: each.taken(places) for name, each in given.items()}
    known = found.pop(names.ORDER, None)
    return Rows(order.groups(chosen), order.at[places], known.values if known is not None else None, found)


def streamed(probes: Probes, batches: pyarrow.RecordBatchReader) -> Iterator[tuple[Probes, Take]]:
    """All probes in their order, each with every row of its group, of rows that come in that order."""
    left: list[pyarrow.RecordBatch] = []
    done = 0
    for batch in read(batches):
        group = numbers(batch.column(GROUP))
        cut = int(np.searchsorted(group, group[-1])) if len(group) else 0
        if cut:
            ended = int(np.searchsorted(probes.group, group[cut]))
            rows = partial(rows_of, [*left, batch.slice(0, cut)], batches.schema)
            yield probes.taken(slice(done, ended)), rows
            left, done = [batch.slice(cut)], ended
        elif len(group):
            left.append(batch)
    yield probes.taken(slice(done, None)), partial(rows_of, left, batches.schema)


def rows_of(batches: Sequence[pyarrow.RecordBatch], schema: pyarrow.Schema) -> Rows:
    """Batches of rows as arrays."""
    given = columns(pyarrow.Table.from_batches(batches, schema).combine_chunks())
    known = given.pop(names.ORDER, None)
    group, at = (given.pop(name).values for name in (GROUP, names.HAPPENED))
    return Rows(group.astype(np.int64), at, known.values if known is not None else None, given)
