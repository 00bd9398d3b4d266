"""Aggregates of ranges of rows, each the rows of one group between two instants: NumPy arrays in, NumPy arrays out.

Rows lie in the order of their groups and instants, so that a range is a slice of them. What is additive and exact is
the difference of two running totals; what is not (sums of floats, extremes) is reduced over the slice itself, the
longer slices through totals of blocks, so that a value never reaches out of its range: not by rounding, not as a NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow
from msgspec import Struct
from msgspec.structs import replace

from featsql.engines.duckdb.arrays.aggregates.late import known_later
from featsql.engines.duckdb.arrays.aggregates.quantile import quantiles
from featsql.engines.duckdb.arrays.aggregates.reduce import groups_of, masked, reduced, running
from featsql.engines.duckdb.arrays.aggregates.repeats import Repeats
from featsql.engines.duckdb.arrays.aggregates.smaller import smaller
from featsql.engines.duckdb.arrays.aggregates.spans import Spans, Stepped, extremes
from featsql.engines.duckdb.arrays.arrow import array
from featsql.engines.duckdb.arrays.order import coded, in_portions, portions, replaced, sortable, spread, taken
from featsql.engines.duckdb.arrays.rows import Column, Flags, Integers, Probes, Rows, Values
from featsql.engines.duckdb.arrays.take import chosen_of
from featsql.engines.duckdb.arrays.timeline import Timeline
from featsql.plan.part import FOREVER, INSTANT, Operation, Part, RefusedError, Span

# Beyond this share of what is summed the difference of two sums of squares is not trusted.
CANCELLED = 100
HALF = 32
# Up to how many rows of ranges, for each row and range that there is, those of different values are told apart in each
# range by itself, and from how many on they are not looked at one by one.
FEW, LEVELS = 1, 16
# From which share of the probes on it pays to let all of them step.
MOST = 2


class Ranges(Struct, dict=True):
    """The ranges of some probes in some rows; `spans` name, by number, the bounds where each begins and ends; `unseen`
    tells which probe steps over which row (None: none over any)."""

    rows: Rows
    probes: Probes
    spans: Mapping[int, Span]
    chosen: dict[tuple[str | None, tuple[str, ...]], Flags | None] = {}
    unseen: tuple[Integers, Integers] | None = None

    def measured(self, parts: Sequence[Part]) -> dict[Part, Values]:
        """Every part, by probe. What is not there is the aggregate's neutral value. Raises RefusedError."""
        late = self.late()
        with np.errstate(all="ignore"):
            if late is None:
                return self.shapes(parts)
            if MOST * len(late) >= len(self.probes):
                return self.stepped(np.arange(len(self.probes))).shapes(parts)
            found = self.shapes(parts)
            for part, values in self.stepped(late).shapes(parts).items():
                found[part] = replaced(found[part], late, values)
        return found

    def shapes(self, parts: Sequence[Part]) -> dict[Part, Values]:
        """Every part, by probe, of all rows but those that are stepped over."""
        found: dict[Part, Values] = {}
        alike: dict[Part, list[Part]] = {}
        for part in parts:
            alike.setdefault(replace(part, span=0), []).append(part)
        made: dict[tuple[int, ...], Spans] = {}
        for shape, each in alike.items():
            numbers = tuple(part.span for part in each)
            if numbers not in made:
                edges = [self.edges[number] for number in numbers]
                made[numbers] = Spans(edges) if self.unseen is None else Stepped(edges, *self.unseen, len(self.rows))
            found |= zip(each, self.shaped(shape, made[numbers]), strict=True)
        return found

    def stepped(self, late: Integers) -> Ranges:
        """The ranges of some probes, stepping over the rows that became known after them."""
        found = self.of(self.probes.taken(late))
        found.unseen = known_later(found)
        return found

    def of(self, probes: Probes) -> Ranges:
        """The ranges of some of the probes in the same rows, which are numbered as they are for all."""
        found = replace(self, probes=probes)
        found.__dict__["timeline"] = self.timeline
        return found

    @cached_property
    def edges(self) -> dict[int, tuple[Integers, Integers]]:
        """Where each span begins and ends among the rows, by probe."""
        ends = [set(each) for each in zip(*self.spans.values(), strict=True)]
        bounds = self.probes.bounds
        firsts = {name: self.starts() if name is None else self.places(bounds[name], "left") for name in ends[0]}
        lasts = {name: self.places(self.probes.last if name is None else bounds[name], "right") for name in ends[1]}
        found = {i: (firsts[first], lasts[last]) for i, (first, last) in self.spans.items()}
        return {i: (begin, np.maximum(begin, end)) for i, (begin, end) in found.items()}

    @cached_property
    def timeline(self) -> Timeline:
        """The rows as they are searched."""
        return Timeline.of(self.rows, self.probes)

    def starts(self) -> Integers:
        """Where the group of each probe begins."""
        none = not len(self.rows)
        return np.zeros(len(self.probes), dtype=np.int64) if none else self.timeline.starts(self.probes.group)

    def places(self, bound: Integers, side: Literal["left", "right"]) -> Integers:
        """How many rows come before a bound of each probe; those at the bound itself count by `side`."""
        none = not len(self.rows)
        return np.zeros(len(bound), dtype=np.int64) if none else self.timeline.places(self.probes.group, bound, side)

    def late(self) -> Integers | None:
        """The probes of which a range has rows that became known after them; None if none is."""
        if self.rows.known is None or not len(self.rows):
            return None
        begin, end = self.widest
        known = reduced(np.maximum, self.rows.known, np.stack([begin, end], axis=1), np.iinfo(np.int64).min)[:, 0]
        found = np.flatnonzero(known > self.probes.last)
        return found if len(found) else None

    @property
    def widest(self) -> tuple[Integers, Integers]:
        """Where the first span of each probe begins, and the last ends."""
        begin, end = (np.stack(each) for each in zip(*self.edges.values(), strict=True))
        return begin.min(axis=0), end.max(axis=0)

    def counted(self, argument: str | None, flags: tuple[str, ...]) -> Flags | None:
        """Which rows an aggregate counts; None for all."""
        if (argument, flags) not in self.chosen:
            masks = [self.rows.columns[flag].values for flag in flags]
            valid = self.rows.columns[argument].valid if argument not in {None, INSTANT} else None
            masks += [] if valid is None else [valid]
            self.chosen[argument, flags] = np.logical_and.reduce(masks) if masks else None
        return self.chosen[argument, flags]

    def values(self, argument: str | None) -> Any:
        """The values of an argument; of rows there are none. Raises RefusedError where an instant is too far away to be
        told from others."""
        if argument != INSTANT:
            return self.rows.columns[argument].values if argument is not None else None
        if len(self.rows) and max(abs(int(self.rows.at.min())), abs(int(self.rows.at.max()))) >= FOREVER:
            raise RefusedError
        return self.rows.at

    def outermost(self, operation: Operation, spans: Spans) -> list[Values]:
        """The first or the last instant of each range: that of the row at its end."""
        places = [begin if operation == "min" else end - 1 for begin, end in spans.edges]
        at = np.append(self.rows.at, 0)  # what an empty range has there is asked by nobody
        return [at.take(each, mode="clip") for each in places]

    def shaped(self, shape: Part, spans: Spans) -> list[Values]:
        """An aggregate of several ranges of each probe."""
        mask = self.counted(shape.argument, shape.flags)
        values = self.values(shape.argument)
        if shape.operation == "count":
            return spans.counts(mask)
        if shape.operation == "list":
            return self.listed(shape, spans)
        if shape.operation == "distinct":
            return self.distinct(shape, mask, spans)
        assert isinstance(values, np.ndarray)
        if shape.argument == INSTANT and mask is None and type(spans) is Spans:
            return self.outermost(shape.operation, spans)
        match shape.operation:
            case "sum" if values.dtype.kind == "f":
                return [total + 0.0 for total in spans.reduced(np.add, masked(values, mask, 0.0), 0.0)]
            case "sum":
                return spans.totals(masked(values, mask, 0))
            case "high":
                return spans.totals(masked(values >> HALF, mask, 0))
            case "low":
                return spans.totals(masked(values & ((1 << HALF) - 1), mask, 0))
            case "min" | "max":
                return extremes(shape.operation, values, mask, spans)
            case "squares":
                return self.squares(values, mask, spans)
            case "quantile" | "value":
                return quantiles(shape, values, mask, spans)

    def squares(self, values: Values, mask: Flags | None, spans: Spans) -> list[Values]:
        """The sum of the squared differences from the mean of each range. They are taken from the group's mean first,
        and from the range's own where too little is left of that. Raises RefusedError."""
        plain = masked(values.astype(np.float64, copy=False), mask, 0.0)
        if not np.isfinite(plain).all():
            raise RefusedError
        starts, sizes = groups_of(self.rows.group)
        inside = sizes if mask is None or not len(mask) else np.add.reduceat(mask, starts, dtype=np.int64)
        mean = np.add.reduceat(plain, starts) / np.maximum(inside, 1) if len(plain) else plain
        away = masked(plain - np.repeat(mean, sizes), mask, 0.0)
        sums = zip(
            spans.counts(mask), spans.reduced(np.add, away, 0.0), spans.reduced(np.add, away * away, 0.0), strict=True
        )
        return [self.from_mean(away, mask, spans, i, *each) for i, each in enumerate(sums)]

    def from_mean(
        self, away: Values, mask: Flags | None, spans: Spans, i: int, count: Values, total: Values, square: Values
    ) -> Values:
        """The sum of squares about the mean of the ranges at a position, from how many differences from another number
        there are, their sum and the sum of their squares."""
        begin, end = spans.edges[i]
        apart = total * total / np.maximum(count, 1)
        found: Values = np.where(count > 1, square - apart, 0.0)
        doubtful = np.flatnonzero((count > 1) & (apart > CANCELLED * found))
        for chosen, places, owner in in_portions(begin[doubtful], end[doubtful]):
            probes = doubtful[chosen]
            own = masked(away[places] - (total[probes] / count[probes])[owner], taken(mask, places), 0.0)
            own[spans.stepped_over(i, probes)] = 0.0
            found[probes] = np.bincount(owner, own * own, minlength=len(probes))
        return found

    def repeats(self, shape: Part, mask: Flags | None) -> Repeats:
        """The values of an argument, the same for all probes that are asked of the rows."""
        key = (shape.argument, shape.flags)
        if key not in self.rows.memory:
            values = coded(self.rows.columns[str(shape.argument)], mask)
            self.rows.memory[key] = Repeats(self.rows.group, *values)
        found: Repeats = self.rows.memory[key]
        return found

    def distinct(self, shape: Part, mask: Flags | None, spans: Spans) -> list[Values]:
        """How many different values each range has."""
        repeats, found = self.repeats(shape, mask), []
        for i, (begin, end) in enumerate(spans.edges):
            density = (end - begin).sum() / max(len(self.rows) + len(begin), 1)
            if type(spans) is Spans and density > LEVELS:
                found.append(smaller(repeats.before + 1, begin, end, begin + 1))
                continue
            count = repeats.different if density <= FEW else repeats.firsts
            number = np.zeros(len(begin), dtype=np.int64)
            for chosen in portions(end - begin):
                number[chosen] = count(begin[chosen], end[chosen], spans.stepped_over(i, chosen))
            found.append(number)
        return found

    def listed(self, shape: Part, spans: Spans) -> list[pyarrow.Array]:
        """The values of the rows of each range, in order."""
        assert shape.argument is not None
        rows = self.ordered(shape)
        mask = self.counted(None, shape.flags)
        kept = running(mask[rows]) if mask is not None else None
        rows = rows if mask is None else rows[mask[rows]]
        column = self.rows.columns[shape.argument]
        found = []
        for i, (begin, end) in enumerate(spans.edges):
            first, last = (begin, end) if kept is None else (kept[begin], kept[end])
            steps, limit = spans.steps(i), shape.limit
            sizes = last - first if limit is None else np.minimum(last - first, limit + steps)
            within, owner = spread(np.zeros_like(sizes), sizes)
            places = rows[(last - 1)[owner] - within if shape.latest else first[owner] + within]
            if steps.any():
                seen = spans.seen(owner, places)
                places, owner = places[seen], owner[seen]
                sizes = np.bincount(owner, minlength=len(sizes))
                if limit is not None:
                    places = places[(np.arange(len(owner)) - (np.cumsum(sizes) - sizes)[owner]) < limit]
                    sizes = np.minimum(sizes, limit)
            offsets = np.append(0, np.cumsum(sizes))
            found.append(pyarrow.LargeListArray.from_arrays(array(offsets), passed_on(column, places)))
        return found

    def ordered(self, shape: Part) -> Integers:
        """The places of the rows in the order of group, instant, and what orders those of one instant, backwards where
        the latest come first."""
        group, at = self.rows.group, self.rows.at
        places = np.arange(len(at))
        same = (group[1:] == group[:-1]) & (at[1:] == at[:-1])
        if not shape.order or not same.any():
            return places
        tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
        keys: list[Values] = []
        for name, descends in reversed(shape.order):
            keys += sortable(chosen_of(self.rows.columns[name], tied), descends is not shape.latest, shape.latest)
        places[tied] = tied[np.lexsort((*keys, at[tied], group[tied]))]
        return places


def passed_on(column: Column, places: Integers) -> pyarrow.Array:
    """The values at some places, as Arrow has them."""
    found = chosen_of(column, places)
    return found.values if isinstance(found.values, pyarrow.Array) else array(found.values, found.valid)
