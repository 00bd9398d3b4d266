"""Quantiles of the values in ranges of rows, each from the values of its range in order."""

from __future__ import annotations

import numpy as np

from featsql.engines.duckdb.arrays.aggregates.reduce import masked
from featsql.engines.duckdb.arrays.aggregates.spans import Spans
from featsql.engines.duckdb.arrays.order import in_portions
from featsql.engines.duckdb.arrays.rows import Flags, Integers, Values
from featsql.plan.part import Part, RefusedError


def quantiles(shape: Part, values: Values, mask: Flags | None, spans: Spans) -> list[Values]:
    """A quantile of each range: between two values in proportion, or the first that enough do not exceed. Numbers are
    put in order by their ranks, which leave room for the number of their range. Raises RefusedError."""
    if values.dtype.kind == "f" and not np.isfinite(masked(values, mask, 0.0)).all():
        raise RefusedError
    size = len(values)
    order = np.argsort(values)
    ranks = np.empty(size, dtype=np.int64)
    ranks[order] = np.arange(size)
    ranks = masked(ranks, mask, size)
    ladder = np.append(values[order], values.dtype.type(0))
    counts = spans.counts(mask)
    return [quantile(shape, ranks, ladder, spans, i, inside) for i, inside in enumerate(counts)]


def quantile(shape: Part, ranks: Integers, ladder: Values, spans: Spans, i: int, inside: Integers) -> Values:
    """A quantile of each of the ranges at a position: `ranks` tells which step of the `ladder` each row's value is, the
    last of them none, and `inside` how many values the range has."""
    (begin, end), size, share = spans.edges[i], len(ranks), float(shape.share or 0.0)
    found = np.zeros(len(begin), dtype=np.float64 if shape.operation == "quantile" else ladder.dtype)
    for chosen, places, owner in in_portions(begin, end):
        keys = ranks[places]
        keys[spans.stepped_over(i, chosen)] = size
        keys += owner * (size + 1)
        keys.sort()
        number, sizes = inside[chosen], end[chosen] - begin[chosen]
        ahead = np.cumsum(sizes) - sizes
        there = np.flatnonzero(number)

        def at(place: Values, there: Integers = there, ahead: Integers = ahead, keys: Integers = keys) -> Values:
            return ladder[keys[ahead[there] + place.astype(np.int64)] % (size + 1)]

        if shape.operation == "value":
            found[chosen[there]] = at(np.maximum(1, number - np.floor(number - share * number))[there] - 1)
            continue
        place = (number[there] - 1) * share
        low, high = at(np.floor(place)).astype(np.float64), at(np.ceil(place)).astype(np.float64)
        further = place - np.floor(place)
        found[chosen[there]] = low * (1 - further) + high * further  # as the engine does it, to the last digit mostly
    return found
