"""What lies between the edges of ranges: all of it, or all but some rows, which are stepped over."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from msgspec import Struct

from featsql.engines.duckdb.arrays.aggregates.reduce import LONG, Nest, masked, nested, reduced, running
from featsql.engines.duckdb.arrays.order import spread
from featsql.engines.duckdb.arrays.rows import Flags, Integers, Values

Edges = tuple[Integers, Integers]


class Spans(Struct, dict=True):
    """Several ranges of each probe: where each begins and ends among the rows."""

    edges: Sequence[Edges]

    @cached_property
    def sizes(self) -> list[Integers]:
        """How many rows each range has."""
        return [end - begin for begin, end in self.edges]

    @cached_property
    def nest(self) -> tuple[Nest, list[int]] | None:
        """The ranges as they lie in each other, if they do."""
        return nested(self.edges)

    def counts(self, mask: Flags | None) -> list[Values]:
        """How many rows of each range count."""
        return list(self.sizes) if mask is None else self.totals(mask)

    def totals(self, values: Values) -> list[Values]:
        """The sum of whole numbers over each range, exact as long as it has 64 bits."""
        total = running(values)
        return [total[end] - total[begin] for begin, end in self.edges]

    def reduced(self, call: np.ufunc, values: Values, neutral: Any) -> list[Values]:
        """What a function of two values makes of all in each range."""
        if self.nest is None or not len(values):
            return [reduced(call, values, np.stack(each, axis=1), neutral)[:, 0] for each in self.edges]
        nest, order = self.nest
        found = nest.reduced(call, values, neutral)
        return [found[order.index(i)] for i in range(len(self.edges))]

    def seen(self, owner: Integers, place: Integers) -> Flags:
        """Whether a probe does not step over a row of its range."""
        return np.ones(np.broadcast(owner, place).size, dtype=np.bool_)

    def steps(self, i: int) -> Integers:
        """How many rows each range of those at a position steps over."""
        return np.zeros(len(self.edges[i][0]), dtype=np.int64)

    def stepped_over(self, i: int, chosen: Integers) -> Integers:
        """Of the rows of some ranges of those at a position, written out one after the other, the places of those that
        are stepped over."""
        assert len(self.edges[i][0]) >= len(chosen)
        return np.zeros(0, dtype=np.int64)


class Stepped(Spans):
    """Ranges without some rows: `place` is where each of these lies, `owner` the probe that steps over it; they come by
    owner, and those of an owner by place."""

    owner: Integers
    place: Integers
    size: int

    def key(self, owner: Integers, place: Integers) -> Integers:
        """One number in the order of owners and places."""
        return owner * (self.size + 2) + place

    def seen(self, owner: Integers, place: Integers) -> Flags:
        """Whether a probe does not step over a row of its range."""
        keys, wanted = np.append(self.key(self.owner, self.place), -1), self.key(owner, place)
        found: Flags = keys[np.searchsorted(keys[:-1], wanted)] != wanted
        return found

    def steps(self, i: int) -> Integers:
        """How many rows each range of those at a position steps over."""
        first, last = self.left_out[i]
        return last - first

    def stepped_over(self, i: int, chosen: Integers) -> Integers:
        """Of the rows of some ranges of those at a position, written out one after the other, the places of those that
        are stepped over."""
        begin, end = (each[chosen] for each in self.edges[i])
        first, last = (each[chosen] for each in self.left_out[i])
        pairs, owner = spread(first, last)
        ahead = np.cumsum(end - begin) - (end - begin)
        found: Integers = (ahead - begin)[owner] + self.place[pairs]
        return found

    @cached_property
    def left_out(self) -> list[Edges]:
        """Where those that each range steps over begin and end among all of them."""
        keys, probes = self.key(self.owner, self.place), np.arange(len(self.edges[0][0]))
        return [
            (np.searchsorted(keys, self.key(probes, begin)), np.searchsorted(keys, self.key(probes, end)))
            for begin, end in self.edges
        ]

    def counts(self, mask: Flags | None) -> list[Values]:
        """How many rows of each range count and are not stepped over."""
        if mask is not None:
            return self.totals(mask)
        pairs = zip(self.edges, self.left_out, strict=True)
        return [(end - begin) - (last - first) for (begin, end), (first, last) in pairs]

    def totals(self, values: Values) -> list[Values]:
        """The sum over each range without that of what is stepped over, as exact as that of all."""
        total, without = running(values), running(values[self.place])
        pairs = zip(self.edges, self.left_out, strict=True)
        return [(total[end] - total[begin]) - (without[last] - without[first]) for (begin, end), (first, last) in pairs]

    def reduced(self, call: np.ufunc, values: Values, neutral: Any) -> list[Values]:
        """What a function makes of each range, put together from what it makes of the cells between all points."""
        found = np.full(len(self.points), neutral, dtype=values.dtype)
        for chosen in self.long_and_short:
            edges = np.stack([self.points[chosen], self.ends[chosen]], axis=1)
            found[chosen] = reduced(call, values, edges, neutral)[:, 0]
        return [reduced(call, found, np.stack(each, axis=1), neutral)[:, 0] for each in self.cells]

    @cached_property
    def long_and_short(self) -> tuple[Integers, Integers]:
        """The cells that count: those of many rows, which are reduced in another way, and the others."""
        sizes = np.where(self.sorted_points & 1, 0, self.ends - self.points)
        return np.flatnonzero(sizes > LONG), np.flatnonzero((sizes > 0) & (sizes <= LONG))

    @cached_property
    def sorted_points(self) -> Integers:
        """Every place at which something begins or ends for a probe: in the order of probes and places, doubled; those
        at which a row is stepped over are odd, and come after the others of their place."""
        probes = np.arange(len(self.edges[0][0]))
        ends = [2 * self.key(probes, each) for edges in self.edges for each in edges]
        found = np.concatenate(
            [*ends, 2 * self.key(self.owner, self.place) + 1, 2 * self.key(self.owner, self.place + 1)]
        )
        found.sort()
        return found

    @cached_property
    def points(self) -> Integers:
        """The place of each point."""
        return (self.sorted_points >> 1) % (self.size + 2)

    @cached_property
    def ends(self) -> Integers:
        """The place of the next point of the same probe; the point's own, where it is the last."""
        owner = (self.sorted_points >> 1) // (self.size + 2)
        found = self.points.copy()
        found[:-1] = np.where(owner[1:] == owner[:-1], self.points[1:], self.points[:-1])
        return found

    @cached_property
    def cells(self) -> list[Edges]:
        """Where each range begins and ends among the points."""
        probes = np.arange(len(self.edges[0][0]))
        return [
            (
                np.searchsorted(self.sorted_points, 2 * self.key(probes, begin)),
                np.searchsorted(self.sorted_points, 2 * self.key(probes, end)),
            )
            for begin, end in self.edges
        ]


def extremes(which: Literal["min", "max"], values: Values, mask: Flags | None, spans: Spans) -> list[Values]:
    """The least or the greatest value of each range; NaN is greater than all others."""
    greatest = which == "max"
    if values.dtype.kind == "f":
        neutral = -np.inf if greatest else np.nan
        return spans.reduced(np.maximum if greatest else np.fmin, masked(values, mask, neutral), neutral)
    limits = np.iinfo(np.int64)
    bound = limits.min if greatest else limits.max
    return spans.reduced(np.maximum if greatest else np.minimum, masked(values.astype(np.int64), mask, bound), bound)
