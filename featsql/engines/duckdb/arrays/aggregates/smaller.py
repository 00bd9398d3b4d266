"""How many of the numbers in each of many ranges are smaller than another number, without looking at each of them.

The numbers are taken apart bit by bit, from the highest: those with a 0 go before those with a 1, otherwise they stay
in their order, so that a range stays one, and those of its numbers that have a 0 where the other number has a 1 are
counted at once (a wavelet matrix: Claude, Navarro and Ordóñez, The wavelet matrix, Information Systems 47, 2015).
"""

from __future__ import annotations

import numpy as np

from featsql.engines.duckdb.arrays.rows import Integers, Values


def smaller(values: Values, begin: Integers, end: Integers, than: Integers) -> Integers:
    """How many of the `values` from `begin` to before `end` are smaller than `than`. No number is below nought; there
    is a range."""
    found = np.zeros(len(begin), dtype=np.int64)
    low, high = int(begin.min()), int(end.max())
    if low >= high:
        return found
    values = values[low:high]
    left, right, now = begin - low, end - low, values.astype(np.int32)
    for bit in range(int(max(values.max(), than.max())).bit_length() - 1, -1, -1):
        ones = (now >> bit) & 1 == 1
        zeros = np.zeros(len(now) + 1, dtype=np.int32)
        np.cumsum(~ones, dtype=np.int32, out=zeros[1:])
        first, last = zeros.take(left), zeros.take(right)
        passes = (than >> bit) & 1 == 1
        found += np.where(passes, last - first, 0)
        left = np.where(passes, zeros[-1] + left - first, first)
        right = np.where(passes, zeros[-1] + right - last, last)
        now = np.concatenate([now[~ones], now[ones]])
    return found
