"""Compute the parts of a node's measures for each row of a spine, pile by pile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

import numpy as np
import pyarrow
from msgspec import Struct, field

from featsql.arrays.arrow import array, numbers
from featsql.arrays.part import Part
from featsql.arrays.piles import in_order, inverse
from featsql.arrays.ranges import Ranges
from featsql.arrays.rows import Integers, Probes, Rows, Values
from featsql.plan import names
from featsql.plan.arrays import GROUP, Arrays
from featsql.run.fetch import Fetched, Pile, columns, read

# For how many probes at least, and at most, rows are aggregated at once.
FEWEST, MOST = 1 << 12, 1 << 16
# Gives the rows of some probes' groups, when they are needed.
Take = Callable[[], Rows]
# Some probes, by their places among the rows of the spine, and the rows of their groups.
Piece = tuple[Integers, Take]


class Measuring(Struct):
    """The parts of a node's measures on their way: `probes` are what is asked of each row of the spine; `pool` works on
    so many pieces at once as it has `workers`."""

    arrays: Arrays
    probes: Probes
    pool: Executor
    workers: int
    waiting: deque[tuple[Integers, Future[dict[Part, Any]]]] = field(default_factory=deque)
    answered: list[Integers] = []
    found: dict[Part, list[Any]] = {}

    def __post_init__(self) -> None:
        self.found = {part: [] for part in self.arrays.parts}

    def pile(self, fetched: Fetched, dealt: Sequence[Integers]) -> None:
        """Have all probes answered of rows in piles, and go on meanwhile: `dealt` are the places of those of each."""
        for i, places in enumerate(dealt):
            self.send(places, Pile(fetched, i).rows)

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
            self.waiting.append((some, self.pool.submit(answered, self.arrays, self.probes.taken(some), take)))

    def collect(self) -> None:
        """Take the next answers. Raises RefusedError."""
        places, future = self.waiting.popleft()
        for part, values in future.result().items():
            self.found[part].append(values)
        self.answered.append(places)

    def columns(self) -> dict[str, pyarrow.Array]:
        """Every part by the name of its column, once all answers are there. Raises RefusedError."""
        try:
            while self.waiting:
                self.collect()
        finally:
            for _, future in self.waiting:
                future.cancel()
        back = inverse(np.concatenate(self.answered))
        alike = {part: tuple(map(id, pieces)) for part, pieces in self.found.items()}
        different = dict(zip(alike.values(), self.found.values(), strict=True))
        slow = [key for key, pieces in different.items() if not isinstance(pieces[0], np.ndarray)]
        made = {key: self.shared(different[key], back) for key in slow}
        quick = {key: pieces for key, pieces in different.items() if key not in made}
        made |= zip(quick, self.pool.map(partial(in_places, back=back), quick.values()), strict=True)
        return {name: made[alike[part]] for part, name in self.arrays.parts.items()}

    def shared(self, pieces: list[pyarrow.Array], back: Integers) -> pyarrow.Array:
        """Answers that take long to put in their places, which all workers do together."""
        whole = pyarrow.concat_arrays(pieces)
        shares = map(array, np.array_split(back, self.workers))
        return pyarrow.concat_arrays(list(self.pool.map(whole.take, shares)))


def in_places(pieces: list[Values], back: Integers) -> pyarrow.Array:
    """Answers, piece after piece, each in its place."""
    return array(np.concatenate(pieces).take(back, mode="clip"))


def answered(arrays: Arrays, probes: Probes, take: Take) -> dict[Part, Any]:
    """Every part of some probes; parts that are the same have the same array. Raises RefusedError."""
    different, like = probes.distinct()
    found: dict[Part, Any] = dict(Ranges(take(), different, arrays.spans).measured(tuple(arrays.parts)))
    if like is None:
        return found
    each = {id(values): values for values in found.values()}
    spread = {
        key: values[like] if isinstance(values, np.ndarray) else values.take(array(like))
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
