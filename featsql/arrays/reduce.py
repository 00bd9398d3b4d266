"""What is made of the values in ranges: by running totals where that is exact, by blocks where ranges are long."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from featsql.arrays.rows import Flags, Integers, Values

# How many rows a block holds, and from how many rows in a range on blocks are worth their while.
BLOCK, LONG = 32, 64
# How many numbers have room in one of 64 bits.
ROOM = 1 << 62


def masked(values: Values, mask: Flags | None, neutral: Any) -> Values:
    """Values with a neutral one where the mask does not hold."""
    return values if mask is None else np.where(mask, values, neutral)


def groups_of(group: Integers) -> tuple[Integers, Integers]:
    """Where each group begins among the rows, and how many it has."""
    starts = np.append(0, np.flatnonzero(group[1:] != group[:-1]) + 1)[: len(group)]
    return starts, np.diff(starts, append=len(group))


def running(values: Values) -> Integers:
    """Running totals of whole numbers, the first of them nought; as 64 bits have them."""
    found = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, dtype=np.int64, out=found[1:])
    return found


def nested(call: np.ufunc, values: Values, edges: list[tuple[Integers, Integers]], neutral: Any) -> list[Values]:
    """An aggregate of several ranges of each probe. Where each lies in the next and all end together, what lies
    between their beginnings is reduced once for all of them."""
    order = sorted(range(len(edges)), key=lambda i: int(edges[i][0].sum()))
    begins = [edges[i][0] for i in order]
    end = edges[order[-1]][1]
    together = all(np.array_equal(end, each) for _, each in edges)
    if not together or any((one > other).any() for one, other in pairwise(begins)):
        return [reduced(call, values, np.stack(each, axis=1), neutral)[:, 0] for each in edges]
    cells = reduced(call, values, np.stack([*begins, end], axis=1), neutral)
    whole = call.accumulate(cells[:, ::-1], axis=1)[:, ::-1]
    return [whole[:, order.index(i)] for i in range(len(edges))]


def reduced(call: np.ufunc, values: Values, edges: Integers, neutral: Any) -> Values:
    """What a function of two values makes of all that lie between neighbouring edges, of which each probe has a row."""
    begin, end = edges[:, :-1], edges[:, 1:]
    if not len(values):
        return np.full(begin.shape, neutral, dtype=values.dtype)
    if (end - begin).sum() <= LONG * begin.size:
        ended = np.append(values, values.dtype.type(neutral))
        found = call.reduceat(ended, edges.ravel()).reshape(edges.shape)[:, :-1]
        return np.where(begin == end, neutral, found)
    # edge by edge, not probe by probe: what lies between two ranges that follow each other is reduced as well
    found = by_blocks(call, values, begin.T.ravel(), end.T.ravel(), neutral)
    return found.reshape(begin.shape[::-1]).T


def by_blocks(call: np.ufunc, values: Values, begin: Integers, end: Integers, neutral: Any) -> Values:
    """`reduced` of long ranges: the rows before the first whole block, the blocks, and the rows after the last."""
    first, last = -(-begin // BLOCK), end // BLOCK
    wide = first < last
    blocks = call.reduceat(values, np.arange(0, len(values), BLOCK))
    head = np.stack([begin, np.where(wide, first * BLOCK, end)], axis=1)
    body = np.stack([first, np.where(wide, last, first)], axis=1)
    tail = np.stack([np.where(wide, last * BLOCK, end), end], axis=1)
    parts = (
        reduced(call, each, places, neutral)[:, 0] for each, places in ((values, head), (blocks, body), (values, tail))
    )
    found: Values = call(call(next(parts), next(parts)), next(parts))
    return found
