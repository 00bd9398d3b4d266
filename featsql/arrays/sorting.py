"""The order of rows by group and instant, found by sorting one number for each: the rows stay where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from featsql.arrays.rows import Flags, Integers, Values

# How many rows a stretch in the order of time has at least, on the average, for stretches to be worth their while.
RUN = 4096
# How many rows are made into numbers at once.
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Runs:
    """Stretches of rows that lie in the order of time, each after the one before it: the rank in time with which each
    begins, and how much further on its rows lie than their ranks."""

    ranks: Integers
    ahead: Integers

    def places(self, ranks: Integers) -> Integers:
        """Where the rows of some ranks lie."""
        found: Integers = ranks + self.ahead[np.searchsorted(self.ranks, ranks, "right") - 1]
        return found

    def laid(self, values: Values) -> Integers:
        """Whole numbers by rank."""
        found = np.empty(len(values), dtype=np.int64)
        for rank, end, ahead in zip(self.ranks, np.append(self.ranks[1:], len(values)), self.ahead, strict=True):
            found[rank:end] = values[rank + ahead : end + ahead]
        return found


@dataclass(frozen=True, slots=True)
class Ranks:
    """Rows in the order of time: the place of each rank."""

    by_time: Integers

    def places(self, ranks: Integers) -> Integers:
        """Where the rows of some ranks lie."""
        return self.by_time[ranks].astype(np.int64)

    def laid(self, values: Values) -> Integers:
        """Whole numbers by rank."""
        found = np.empty(len(values), dtype=np.int64)
        found[:] = values[self.by_time]
        return found


@dataclass
class Sorted:
    """Rows in the order of their groups, those of a group in that of their instants: `keys` has the group of each,
    times 2^`bits`, and its rank in `time`; `at` is the instant of each row where it lies."""

    keys: Integers
    bits: int
    time: Runs | Ranks
    at: Integers

    def __len__(self) -> int:
        return len(self.keys)

    def places(self, chosen: Integers | slice) -> Integers:
        """Where the rows of some positions in the order lie."""
        return self.time.places(self.keys[chosen] & ((1 << self.bits) - 1))

    def groups(self, chosen: Integers | slice) -> Integers:
        """The groups of the rows of some positions."""
        return self.keys[chosen] >> self.bits

    def last(self, group: Integers, until: Integers) -> tuple[Integers, Flags]:
        """The position of the last row of some groups, each until an instant, and whether there is one."""
        if not len(self):
            return np.zeros(len(group), dtype=np.int64), np.zeros(len(group), dtype=np.bool_)
        ranks = searched(self.time.laid(self.at), until, "right")
        found = searched(self.keys, (group.astype(np.int64) << self.bits) + ranks, "left") - 1
        there = found >= 0
        found = np.maximum(found, 0)
        return found, there & (self.groups(found) == group)

    def twins(self, found: Integers) -> Flags:
        """Whether the row before one is of the same group and instant."""
        before = np.maximum(found - 1, 0)
        same = (self.groups(before) == self.groups(found)) & (
            self.at[self.places(before)] == self.at[self.places(found)]
        )
        alike: Flags = same & (found > 0)
        return alike

    def cuts(self, size: int) -> Iterator[tuple[slice, int | None]]:
        """Slices of whole groups, of a fair number of rows, each with the group that comes after it."""
        start = 0
        while start < len(self):
            end, following = start + size, None
            if end < len(self):
                group = int(self.keys[end] >> self.bits)
                end = int(np.searchsorted(self.keys, group << self.bits))
                if end <= start:
                    end = int(np.searchsorted(self.keys, (group + 1) << self.bits))
                following = int(self.keys[end] >> self.bits) if end < len(self) else None
            yield slice(start, min(end, len(self))), following
            start = end


def in_order(group: Values, at: Integers) -> Sorted:
    """Rows by their group and instant."""
    bits = len(at).bit_length()
    time = runs(at) or Ranks(earliest_first(at))
    keys = time.laid(group)
    keys <<= bits
    # block by block: another array of that length would cost more to get than to fill
    for start in range(0, len(at), BLOCK):
        keys[start : start + BLOCK] |= np.arange(start, min(start + BLOCK, len(at)))
    keys.sort()
    return Sorted(keys, bits, time, at)


def runs(at: Integers) -> Runs | None:
    """Instants as stretches in the order of time, as they come from relations that are written as time goes by; None
    where they are not of that kind."""
    if not len(at):
        return Runs(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))
    starts = np.append(0, np.flatnonzero(at[1:] < at[:-1]) + 1)
    if len(starts) * RUN > len(at):
        return None
    ends = np.append(starts[1:], len(at))
    order = np.argsort(at[starts], kind="stable")
    starts, ends = starts[order], ends[order]
    if (at[ends[:-1] - 1] > at[starts[1:]]).any():
        return None
    ranks = np.append(0, np.cumsum(ends - starts)[:-1])
    return Runs(ranks, starts - ranks)


def earliest_first(at: Integers) -> Integers:
    """The places of instants in their order. Where they come in long stretches of it, these are merged."""
    nearly = RUN * np.count_nonzero(at[1:] < at[:-1]) < len(at)
    places = np.argsort(at, kind="stable" if nearly else None)
    return places.astype(np.int32) if len(at) <= np.iinfo(np.int32).max else places


def searched(among: Integers, wanted: Integers, side: Literal["left", "right"]) -> Integers:
    """`numpy.searchsorted`, looked up in order: many times as fast as here and there in a long array."""
    order = np.argsort(wanted)
    found = np.empty(len(wanted), dtype=np.int64)
    found[order] = np.searchsorted(among, wanted[order], side)
    return found
