"""Rows dealt into partitions of whole groups as they come, and each put in the order of its groups and instants.

A partition is small enough to stay near the processor while it is sorted and read here and there.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct

from featsql.engines.duckdb.arrays.digits import digits, in_runs
from featsql.engines.duckdb.arrays.growing import Growing
from featsql.engines.duckdb.arrays.rows import Column, Integers, Probes, Values

# How many rows a partition should have, and how many partitions there may be.
PARTITION, MOST = 1 << 18, 1 << 8
# How many bits a whole number has.
BITS = 63


class Deal(Struct, frozen=True):
    """How groups are dealt: so many neighbouring ones to each of the partitions."""

    width: int
    partitions: int

    @classmethod
    def of(cls, groups: int, rows: int) -> Deal:
        """The deal of so many groups with so many rows."""
        wanted = max(min(-(-rows // PARTITION), MOST, groups), 1)
        width = max(-(-groups // wanted), 1)
        return cls(width, max(-(-groups // width), 1))

    def order(self, group: Integers) -> tuple[Values, Integers]:
        """The places of rows by partition, as they come, and where each partition begins and the last ends."""
        partition = (group // self.width).astype(np.uint8)
        ends = np.cumsum(np.bincount(partition, minlength=self.partitions))
        return np.argsort(partition, kind="stable"), np.append(0, ends)


class Partitions(Struct):
    """Rows dealt batch by batch: their columns batch after batch, each in the order of the partitions, and the places
    at which the partitions of each begin and the last ends. There is `room` for so many rows; `place` is the name under
    which each is given its place among all (None: under none)."""

    deal: Deal
    group: str
    room: int
    place: str | None = None
    columns: dict[str, Growing] = {}
    starts: list[Integers] = []
    size: int = 0

    def add(self, rows: Mapping[str, Column]) -> None:
        """The next rows."""
        order, starts = self.deal.order(rows[self.group].values)
        places = {self.place: Column(np.arange(self.size, self.size + len(order)))} if self.place else {}
        for name, each in {**rows, **places}.items():
            self.columns.setdefault(name, Growing(self.room)).add(each, order)
        self.starts.append(starts + self.size)
        self.size += len(order)

    def partition(self, i: int) -> dict[str, Column]:
        """The rows of a partition, as they came."""
        own = [slice(starts[i], starts[i + 1]) for starts in self.starts]
        return {name: joined([each.taken(some) for some in own], each.kind) for name, each in self.columns.items()}


def joined(columns: list[Column], kind: np.dtype[Any] | None) -> Column:
    """The pieces of a column one after the other, of a type."""
    there = [each.valid for each in columns if each.valid is not None]
    values = np.concatenate([each.values for each in columns], dtype=kind)
    return Column(values, np.concatenate(there) if there else None)


def in_order(group: Integers, at: Integers) -> Integers:
    """The places of rows by group and instant; those of one instant as they come.

    Where rows come in the order of time, by and large, they are only put in that of their groups. Else one number is
    sorted for each row, of its group, the highest bits of its instant, and its place, which is many times as fast as to
    sort places. Where those bits do not tell the rows of a group apart, the whole instant does."""
    size = len(at)
    if not size:
        return np.zeros(0, dtype=np.int64)
    if (digit := digits(group)) is not None and (places := in_runs(digit, at)) is not None:
        return places
    first, low = int(group.min()), int(at.min())
    for_place = size.bit_length()
    for_time = BITS - for_place - (int(group.max()) - first).bit_length()
    too_many = max((int(at.max()) - low).bit_length() - for_time, 0)
    time = at - low
    key = group.astype(np.int64) - first
    key <<= for_time
    key |= time >> too_many
    key <<= for_place
    key |= np.arange(size)
    key.sort()
    places = key & ((1 << for_place) - 1)
    if too_many:
        key >>= for_place
        same = key[1:] == key[:-1]
        tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
        places[tied] = places[tied][np.lexsort((places[tied], time[places[tied]], key[tied]))]
    return places


class Dealing(Struct):
    """Deals probes as the rows of their groups are dealt; those of which all see the same are dealt once."""

    deal: Deal
    known: list[tuple[Probes, list[Integers]]] = []

    def places(self, probes: Probes, pool: Executor) -> list[Integers]:
        """The places of the probes of each partition, in the order of their groups and of what they see."""
        for earlier, found in self.known:
            if np.array_equal(earlier.last, probes.last) and np.array_equal(earlier.group, probes.group):
                return found
        order, starts = self.deal.order(probes.group)
        partitions = [order[start:end] for start, end in pairwise(starts)]
        found = list(pool.map(partial(ordered, probes), partitions))
        self.known.append((probes, found))
        return found


def ordered(probes: Probes, places: Integers) -> Integers:
    """The places of some probes in the order of their groups and of what they see."""
    return places[in_order(probes.group[places], probes.last[places])]


def inverse(places: Integers) -> Integers:
    """For each place its position among all of them."""
    found = np.empty(len(places), dtype=np.int64)
    found[places] = np.arange(len(places))
    return found
