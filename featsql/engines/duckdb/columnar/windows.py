"""Compute the parts of a node's measures for each row of a spine, partition by partition."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow
from msgspec import Struct, field

from featsql.engine import ROW_GROUP
from featsql.engines.duckdb.arrays.aggregates.ranges import Ranges
from featsql.engines.duckdb.arrays.arrow import array, numbers
from featsql.engines.duckdb.arrays.growing import Growing, Kept
from featsql.engines.duckdb.arrays.partitions import in_order, inverse
from featsql.engines.duckdb.arrays.rows import Column, Integers, Probes, Rows, Values
from featsql.engines.duckdb.arrays.take import handed_over
from featsql.engines.duckdb.columnar.fetch import Fetched, Partition, columns, read
from featsql.engines.duckdb.columnar.window_request import GROUP, Arrays
from featsql.plan import names
from featsql.plan.part import Part

# For how many probes at least, and at most, rows are aggregated at once.
FEWEST, MOST = 1 << 12, 1 << 16
# Gives the rows of some probes' groups, when they are needed.
Take = Callable[[], Rows]
# Some probes, by their places among the rows of the spine, and the rows of their groups.
Piece = tuple[Integers, Take]


class Measuring(Struct, dict=True):
    """The parts of a node's measures on their way: `probes` are what is asked of each row of the spine; `pool` works on
    so many pieces at once as it has `workers`."""

    arrays: Arrays
    probes: Probes
    pool: Executor
    workers: int
    waiting: deque[tuple[Integers, Future[dict[Part, Any]]]] = field(default_factory=deque)
    answered: list[Integers] = []

    @cached_property
    def found(self) -> Found:
        """What has been answered so far."""
        return Found(len(self.probes))

    def partition(self, fetched: Fetched, dealt: Sequence[Integers]) -> None:
        """Have all probes answered of rows in partitions, and go on meanwhile: `dealt` has the places of each one's."""
        for i, places in enumerate(dealt):
            self.send(places, Partition(fetched, i).rows)

    def stream(self, batches: pyarrow.RecordBatchReader) -> None:
        """Have all probes answered of rows that come in the order of their groups and instants; of those there are no
        more in memory than the workers have at hand. Raises RefusedError."""
        for places, take in streamed(self.probes, batches):
            self.send(places, take)
            while len(self.waiting) > self.workers:
                self.collect()

    def send(self, places: Integers, take: Take) -> None:
        """Have some probes answered; of few keys by several workers."""
        together = min(max(len(self.probes) // (2 * self.workers), FEWEST), MOST)
        for start in range(0, len(places), together):
            some = places[start : start + together]
            self.waiting.append((some, self.pool.submit(answered, self.arrays, self.probes, some, take)))

    def collect(self) -> None:
        """Take the next answers. Raises RefusedError."""
        places, future = self.waiting.popleft()
        self.found.add(future.result(), len(places))
        self.answered.append(places)

    def columns(self) -> dict[str, pyarrow.Array | pyarrow.ChunkedArray]:
        """Every part by the name of its column, once all answers are there. Raises RefusedError."""
        try:
            while self.waiting:
                self.collect()
        finally:
            for _, future in self.waiting:
                future.cancel()
        back = inverse(np.concatenate(self.answered))
        made = {part: self.shared(each.column(), back) for part, each in self.found.lists.items()}
        numbers = self.found.numbers
        made |= zip(numbers, self.pool.map(partial(in_places, back=back), numbers.values()), strict=True)
        return {name: made[self.found.like[part]] for part, name in self.arrays.parts.items()}

    def shared(self, values: pyarrow.Array, back: Integers) -> pyarrow.ChunkedArray:
        """Answers that take long to put in their places, which all workers do together."""
        shares = np.split(back, range(ROW_GROUP, len(back), ROW_GROUP))
        return pyarrow.chunked_array(list(self.pool.map(partial(handed_over, values), shares)))


class Found(Struct):
    """The answers of so many probes as they come, piece by piece: numbers, and lists in Arrow's form. Parts that have
    the same array in each piece are kept once: `like` tells under which of them."""

    room: int
    size: int = 0
    numbers: dict[Part, Growing] = {}
    lists: dict[Part, Kept] = {}
    like: dict[Part, Part] = {}

    def add(self, answers: Mapping[Part, Any], size: int) -> None:
        """The answers of the next probes, which are so many."""
        first: dict[int, Part] = {}
        for part, values in answers.items():
            same = first.setdefault(id(values), part)
            if isinstance(values, np.ndarray):
                self.number(part, values, same)
            else:
                self.like[part] = part
                self.lists.setdefault(part, Kept(values.type, self.room)).add(values)
        self.size += size

    def number(self, part: Part, values: Values, same: Part) -> None:
        """Keep the next numbers of a part, unless it has always been the same as another."""
        known = self.like.setdefault(part, same)
        if known == same != part:
            return
        if known != part:  # no longer the same
            self.numbers[part] = self.numbers[known].copied(self.size)
            self.like[part] = part
        self.numbers.setdefault(part, Growing(self.room)).add(Column(values))


def in_places(found: Growing, back: Integers) -> pyarrow.Array:
    """Answers, piece after piece, each in its place. They are gone from where they were: the next find room there."""
    values = found.taken(slice(len(back))).values
    assert isinstance(values, np.ndarray)
    found.values = None
    return array(values.take(back, mode="clip").astype(found.kind, copy=False))


def answered(arrays: Arrays, asked: Probes, places: Integers, take: Take) -> dict[Part, Any]:
    """Every part of the probes at some places; parts that are the same have the same array. Raises RefusedError."""
    probes = asked.taken(places)
    different, like = probes.distinct()
    found: dict[Part, Any] = dict(Ranges(take(), different, arrays.spans).measured(tuple(arrays.parts)))
    if like is None:
        return found
    each = {id(values): values for values in found.values()}
    spread = {
        key: values[like] if isinstance(values, np.ndarray) else handed_over(values, like)
        for key, values in each.items()
    }
    return {part: spread[id(values)] for part, values in found.items()}


def streamed(probes: Probes, batches: pyarrow.RecordBatchReader) -> Iterator[Piece]:
    """All probes, each with every row of its group, of rows that come in that order."""
    order = in_order(probes.group, probes.last)
    group = probes.group[order]
    left: list[pyarrow.RecordBatch] = []
    done = 0
    for batch in read(batches):
        of_rows = numbers(batch.column(GROUP))
        cut = int(np.searchsorted(of_rows, of_rows[-1])) if len(of_rows) else 0
        if cut:
            ended = int(np.searchsorted(group, of_rows[cut]))
            yield order[done:ended], partial(rows_of, [*left, batch.slice(0, cut)], batches.schema)
            left, done = [batch.slice(cut)], ended
        elif len(of_rows):
            left.append(batch)
    yield order[done:], partial(rows_of, left, batches.schema)


def rows_of(batches: Sequence[pyarrow.RecordBatch], schema: pyarrow.Schema) -> Rows:
    """Batches of rows as arrays."""
    given = columns(pyarrow.Table.from_batches(batches, schema).combine_chunks())
    known = given.pop(names.ORDER, None)
    group, at = (given.pop(name).values for name in (GROUP, names.HAPPENED))
    return Rows(group.astype(np.int64), at, known.values if known is not None else None, given)
