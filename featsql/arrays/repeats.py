"""Where the value of a row was before: what tells the first row of each value in a range."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from featsql.arrays.order import alike
from featsql.arrays.rows import Flags, Integers, Values

# Of rows in memory there are never more than 32 bits can tell.
Places = npt.NDArray[np.int32]


def same_before(group: Integers, values: Values, mask: Flags | None) -> Places:
    """The place of the row before of the same group and value, -1 where there is none; of a row that does not
    count, the end."""
    size = len(values)
    found = np.full(size, size, dtype=np.int32)
    if mask is None:
        order, same = alike(group, values)
    else:
        rows = np.flatnonzero(mask)
        places, same = alike(group[rows], values[rows])
        order = rows[places]
    found[order[:1]] = -1
    found[order[1:]] = np.where(same, order[:-1], -1)
    return found


def firsts(before: Places, begin: Integers, end: Integers, left_out: Integers) -> Places:
    """How many rows of each range are the first of their value in it: of all rows but those `left_out`, which are
    numbered as the rows of the ranges one after the other."""
    sizes = end - begin
    ends = np.cumsum(sizes)
    start = np.repeat(begin.astype(np.int32), sizes)
    places = np.repeat((begin - (ends - sizes)).astype(np.int32), sizes)
    places += np.arange(len(places), dtype=np.int32)
    earlier = before.take(places, mode="clip")
    if len(left_out):
        earlier = seen_before(before, earlier, start, places, left_out)
    total = np.zeros(len(places) + 1, dtype=np.int32)
    np.cumsum(earlier < start, dtype=np.int32, out=total[1:])
    found: Places = total[ends] - total[ends - sizes]
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
