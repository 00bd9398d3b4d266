"""What is made of the values in ranges: by running totals where that is exact, by blocks where ranges are long."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct

from featsql.engines.duckdb.arrays.rows import Flags, Integers, Values

# How many rows a block holds, and from how many rows in a range on blocks are worth their while.
BLOCK, LONG = 32, 64


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


class Nest(Struct, dict=True):
    """Ranges of each probe that lie in each other and end together, the widest first. What lies between the beginnings
    of two is a cell, which is reduced once for all ranges that it is in."""

    begins: Sequence[Integers]
    end: Integers

    @cached_property
    def edges(self) -> Integers:
        """The edges of the cells, of which each probe has a row."""
        return np.stack([*self.begins, self.end], axis=1)

    @cached_property
    def filled(self) -> Flags:
        """Which cells have rows; and where the last of each probe ends."""
        found = np.ones(self.edges.shape, dtype=np.bool_)
        np.less(self.edges[:, :-1], self.edges[:, 1:], out=found[:, :-1])
        return found

    @cached_property
    def places(self) -> Integers:
        """The edges at which those begin and end, each once."""
        return self.edges[self.filled]

    def cells(self, call: np.ufunc, values: Values, neutral: Any) -> Values:
        """What a function of two values makes of each cell."""
        if (self.end - self.begins[0]).sum() > LONG * self.edges[:, 1:].size:
            return reduced(call, values, self.edges, neutral)
        found = np.full(self.edges.shape, neutral, dtype=values.dtype)
        found[self.filled] = call.reduceat(np.append(values, values.dtype.type(neutral)), self.places)
        return found[:, :-1]

    def reduced(self, call: np.ufunc, values: Values, neutral: Any) -> list[Values]:
        """What a function of two values makes of each range."""
        cells = self.cells(call, values, neutral)
        found = [cells[:, -1].copy()]
        for i in reversed(range(len(self.begins) - 1)):
            found.append(call(found[-1], cells[:, i]))
        return found[::-1]


def nested(edges: Sequence[tuple[Integers, Integers]]) -> tuple[Nest, list[int]] | None:
    """Several ranges of each probe, where each lies in the next and all end together, and which of them each is in that
    order. None where they do not lie so."""
    order = sorted(range(len(edges)), key=lambda i: int(edges[i][0].sum()))
    begins, end = [edges[i][0] for i in order], edges[order[-1]][1]
    together = all(end is each or np.array_equal(end, each) for _, each in edges)
    if not together or any((one > other).any() for one, other in pairwise(begins)):
        return None
    return Nest(begins, end), order


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
