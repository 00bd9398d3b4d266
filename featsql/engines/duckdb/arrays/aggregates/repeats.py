"""How many different values ranges of rows have: by what is written out of them, or by where the value of each row was
before, which tells the first row of each value in a range."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from featsql.engines.duckdb.arrays.digits import alike
from featsql.engines.duckdb.arrays.rows import Flags, Integers, Values, at, written_out

# Of rows in memory there are never more than 32 bits can tell.
Places = npt.NDArray[np.int32]


class Repeats(Struct, dict=True):
    """Values of rows in the order of their groups; `mask` tells which count (None: all)."""

    group: Integers
    values: Values
    mask: Flags | None

    @cached_property
    def before(self) -> Places:
        """The place of the row before of the same group and value, -1 where there is none; of a row that does not
        count, the end."""
        size = len(self.values)
        found = np.full(size, size, dtype=np.int32)
        if self.mask is None:
            order, same = alike(self.group, self.values)
        else:
            rows = np.flatnonzero(self.mask)
            places, same = alike(self.group[rows], self.values[rows])
            order = rows[places]
        found[order[:1]] = -1
        found[order[1:]] = np.where(same, order[:-1], -1)
        return found

    def different(self, begin: Integers, end: Integers, left_out: Integers) -> Integers:
        """How many different values there are in each range: of all rows but those `left_out`, which are numbered as
        the rows of the ranges one after the other. These are put in order, which is soon done where they are few."""
        sizes = end - begin
        places, owner = written_out(begin, sizes, np.int32), np.repeat(np.arange(len(begin), dtype=np.int32), sizes)
        counts = None if self.mask is None else self.mask.take(places, mode="clip")
        if len(left_out):
            counts = np.ones(len(places), dtype=np.bool_) if counts is None else counts
            counts[left_out] = False
        if counts is not None:
            places, owner = places[counts], owner[counts]
            sizes = np.bincount(owner, minlength=len(begin))
        order, same = alike(owner, at(self.values, places))
        again = owner.take(order[1:][same], mode="clip") if len(order) else owner
        return sizes - np.bincount(again, minlength=len(begin))

    def firsts(self, begin: Integers, end: Integers, left_out: Integers) -> Integers:
        """`different` by how many rows of each range are the first of their value in it."""
        sizes = end - begin
        ends = np.cumsum(sizes)
        places, start = written_out(begin, sizes, np.int32), np.repeat(begin.astype(np.int32), sizes)
        earlier = self.before.take(places, mode="clip")
        if len(left_out):
            earlier = seen_before(self.before, earlier, start, places, left_out)
        total = np.zeros(len(places) + 1, dtype=np.int32)
        np.cumsum(earlier < start, dtype=np.int32, out=total[1:])
        found: Integers = total[ends] - total[ends - sizes]
        return found


def seen_before(before: Places, earlier: Places, start: Places, places: Places, left_out: Integers) -> Places:
    """For each row of ranges written out the place of the last one before it that has the same value and is not left
    out; for those that are left out themselves, the end."""
    skipped = np.zeros(len(places), dtype=np.bool_)
    skipped[left_out] = True
    found = earlier.copy()
    # a place and what lies there are as far from each other in all rows of a range
    away = np.arange(len(places)) - places
    again = np.flatnonzero((found >= start) & (found < len(before)))
    while len(again):
        again = again[skipped[away[again] + found[again]]]
        found[again] = before[found[again]]
        again = again[found[again] >= start[again]]
    found[left_out] = len(before)
    return found
