"""Where the value of a row was before: what tells the first row of each value in a range."""

from __future__ import annotations

import numpy as np

from featsql.arrays.order import alike
from featsql.arrays.rows import Flags, Integers, Values


def same_before(group: Integers, values: Values, mask: Flags | None) -> Integers:
    """The place of the row before of the same group and value, -1 where there is none; of a row that does not
    count, the end."""
    size = len(values)
    found = np.full(size, size, dtype=np.int64)
    rows = np.arange(size) if mask is None else np.flatnonzero(mask)
    order = rows[alike(group[rows], values[rows])]
    same = (group[order[1:]] == group[order[:-1]]) & (values[order[1:]] == values[order[:-1]])
    found[order[:1]] = -1
    found[order[1:]] = np.where(same, order[:-1], -1)
    return found


def seen_before(before: Integers, earlier: Integers, start: Integers, places: Integers, left_out: Integers) -> Integers:
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
