"""Which rows in the range of a probe became known only after it."""

from __future__ import annotations

from itertools import chain
from typing import Literal, Protocol, Self

import numpy as np

from featsql.engines.duckdb.arrays.order import in_portions
from featsql.engines.duckdb.arrays.rows import Integers, Probes, Rows

# How many rows and probes tell how late rows are, and the shares of them that may count as not very late.
SAMPLE, SHARES = 4096, (0.5, 0.9, 0.99, 0.999, 1.0)


class Ranges(Protocol):
    """Ranges of rows, as far as it matters here; `widest` is where that of each probe begins and ends."""

    @property
    def rows(self) -> Rows: ...

    @property
    def probes(self) -> Probes: ...

    @property
    def widest(self) -> tuple[Integers, Integers]: ...

    def of(self, probes: Probes) -> Self: ...

    def places(self, at: Integers, side: Literal["left", "right"]) -> Integers: ...


def known_later(ranges: Ranges) -> tuple[Integers, Integers]:
    """The rows in the ranges that became known after the probe: by the position of the probe, where each lies.
    Raises RefusedError."""
    assert ranges.rows.known is not None
    begin, end = ranges.widest
    lateness = ranges.rows.known - ranges.rows.at
    limit = best_limit(ranges, lateness, begin, end)
    recent = np.clip(ranges.places(ranges.probes.last - limit, "right"), begin, end)
    very_late = np.flatnonzero(lateness > limit)
    far = np.searchsorted(very_late, begin), np.searchsorted(very_late, recent)
    looked_at = chain(
        ((probes[owner], places) for probes, places, owner in in_portions(recent, end)),
        ((probes[owner], very_late[places]) for probes, places, owner in in_portions(*far)),
    )
    keys = [
        (owner * len(ranges.rows) + place)[ranges.rows.known[place] > ranges.probes.last[owner]]
        for owner, place in looked_at
    ]
    owner, place = np.divmod(np.sort(np.concatenate(keys)), len(ranges.rows))
    return owner, place


def best_limit(ranges: Ranges, lateness: Integers, begin: Integers, end: Integers) -> int:
    """The lateness up to which it is best to look at every row that happened so shortly before a probe, and beyond
    which at every row that is so late."""
    some = np.sort(lateness[:: max(len(lateness) // SAMPLE, 1)])
    each = slice(None, None, max(len(begin) // SAMPLE, 1))
    sampled = ranges.of(ranges.probes.taken(each))
    costs: dict[int, int] = {}
    for share in SHARES:
        limit = int(some[min(int(share * len(some)), len(some) - 1)]) if share < 1 else int(lateness.max())
        recent = np.clip(sampled.places(sampled.probes.last - limit, "right"), begin[each], end[each])
        very_late = np.flatnonzero(lateness > limit)
        looked_at = np.searchsorted(very_late, recent) - np.searchsorted(very_late, begin[each])
        costs[limit] = int((end[each] - recent).sum() + looked_at.sum())
    return min(costs, key=lambda limit: costs[limit])
