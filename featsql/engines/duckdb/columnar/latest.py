"""Find the newest rows of a state for each row of a spine, partition by partition."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from functools import partial

import pyarrow
from msgspec import Struct

from featsql.engines.duckdb.arrays.aggregates.last import last_rows, nowhere
from featsql.engines.duckdb.arrays.arrow import array
from featsql.engines.duckdb.arrays.rows import Flags, Integers, Probes
from featsql.engines.duckdb.arrays.take import handed_over
from featsql.engines.duckdb.columnar.fetch import Fetched, Partition
from featsql.engines.duckdb.columnar.latest_request import Newest

# Where each met row lies, whether one was met, and whether another could have been met instead.
Answer = tuple[Integers, Flags, bool]


class Meeting(Struct):
    """The newest rows of a state on their way: `probes` are what is asked of each row of the spine."""

    newest: Newest
    probes: Probes
    pool: Executor
    fetched: Fetched | None = None
    waiting: list[tuple[Integers, Future[Answer]]] = []
    tied: bool = False

    def partition(self, fetched: Fetched, dealt: Sequence[Integers]) -> None:
        """Have all probes answered of rows in partitions, and go on meanwhile: `dealt` has the places of each one's."""
        self.fetched = fetched
        for i, places in enumerate(dealt):
            if len(places):
                answer = self.pool.submit(answered, self.probes.taken(places), Partition(fetched, i))
                self.waiting.append((places, answer))

    def columns(self) -> dict[str, pyarrow.Array]:
        """Every column of the row that each row of the spine met, by its name, once all are found; and whether one
        was."""
        assert self.fetched is not None
        at, met = nowhere(len(self.probes))
        for places, answer in self.waiting:
            at[places], met[places], tied = answer.result()
            self.tied |= tied
        kept = self.fetched.kept
        self.fetched = None
        values = self.pool.map(partial(handed_over, places=at, met=met), kept.values())
        return {self.newest.hit: array(met, met), **dict(zip(kept, values, strict=True))}


def answered(probes: Probes, partition: Partition) -> Answer:
    """What some probes meet in their partition."""
    rows, places = partition.placed()
    found, met, tied = last_rows(rows, probes)
    return places[found] if len(places) else found, met, tied
