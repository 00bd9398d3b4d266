"""The order of rows by group and instant, found by sorting one number for each: the rows stay where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from featsql.arrays.rows import Flags, Integers, Values

# One descent in so many rows is order enough for runs to be merged.
RUN = 64
# How many rows are made into numbers at once.
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Sorted:
    """Rows in the order of their groups, those of a group in that of their instants: `keys` has the group of each,
    times 2^`bits`, and its rank in time. `by_time` is the place of each rank (None: they lie in the order of time),
    `at` the instant of each."""

    keys: Integers
    bits: int
    by_time: Integers | None
    at: Integers

    def __len__(self) -> int:
        return len(self.keys)

    def places(self, chosen: Integers | slice) -> Integers:
        """Where the rows of some positions in the order lie."""
        ranks = self.ranks(chosen)
        return ranks if self.by_time is None else self.by_time[ranks].astype(np.int64)

    def groups(self, chosen: Integers | slice) -> Integers:
        """The groups of the rows of some positions."""
        return self.keys[chosen] >> self.bits

    def instants(self, chosen: Integers | slice) -> Integers:
        """The instants of the rows of some positions."""
        return self.at[self.ranks(chosen)]

    def ranks(self, chosen: Integers | slice) -> Integers:
        """The ranks in time of the rows of some positions."""
        return self.keys[chosen] & ((1 << self.bits) - 1)

    def last(self, group: Integers, until: Integers) -> tuple[Integers, Flags]:
        """The position of the last row of some groups, each until an instant, and whether there is one."""
        if not len(self):
            return np.zeros(len(group), dtype=np.int64), np.zeros(len(group), dtype=np.bool_)
        ranks = searched(self.at, until, "right")
        found = searched(self.keys, (group.astype(np.int64) << self.bits) + ranks, "left") - 1
        there = found >= 0
        found = np.maximum(found, 0)
        return found, there & (self.groups(found) == group)

    def twins(self, found: Integers) -> Flags:
        """Whether the row before one is of the same group and instant."""
        before = np.maximum(found - 1, 0)
        same = (self.groups(before) == self.groups(found)) & (self.instants(before) == self.instants(found))
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
    """Rows by their group and instant. Rows that come in the order of time, or nearly so, are not sorted by it."""
    bits = len(at).bit_length()
    descents = int(np.count_nonzero(at[1:] < at[:-1]))
    by_time = earliest_first(at, nearly=descents * RUN < len(at)) if descents else None
    keys = np.empty(len(at), dtype=np.int64)
    # block by block: another array of that length would cost more to get than to fill
    for start in range(0, len(at), BLOCK):
        block = slice(start, start + BLOCK)
        keys[block] = group[block] if by_time is None else group[by_time[block]]
        keys[block] <<= bits
        keys[block] |= np.arange(start, min(start + BLOCK, len(at)))
    keys.sort()
    return Sorted(keys, bits, by_time, at if by_time is None else at[by_time])


def earliest_first(at: Integers, *, nearly: bool) -> Integers:
    """The places of instants in their order, which they have already but for a few runs, or not."""
    places = np.argsort(at, kind="stable" if nearly else None)
    return places.astype(np.int32) if len(at) <= np.iinfo(np.int32).max else places


def searched(among: Integers, wanted: Integers, side: Literal["left", "right"]) -> Integers:
    """`numpy.searchsorted`, looked up in order: many times as fast as here and there in a long array."""
    order = np.argsort(wanted)
    found = np.empty(len(wanted), dtype=np.int64)
    found[order] = np.searchsorted(among, wanted[order], side)
    return found
