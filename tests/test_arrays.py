"""What arrays give of ranges of rows is what a loop over the rows gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow
import pytest

from featsql.engines.duckdb.arrays import order, timeline
from featsql.engines.duckdb.arrays.aggregates import ranges, reduce, spans
from featsql.engines.duckdb.arrays.aggregates.ranges import Ranges
from featsql.engines.duckdb.arrays.rows import Column, Probes, Rows
from featsql.plan.part import FOREVER, INSTANT, Part, RefusedError, Span

SPANS: dict[int, Span] = {0: ("e0", None), 1: ("e1", None), 2: ("e2", None), 3: (None, None), 5: ("e1", "before")}


def rows(dice: np.random.Generator, reach: int) -> Rows:
    """Some hundred rows of a few groups: many at one instant, some at infinity, some known late, with gaps and NaN."""
    size = int(dice.integers(0, 300))
    group = np.sort(dice.integers(0, int(dice.integers(1, 8)), size)) + int(dice.integers(0, 3))
    at = dice.integers(-reach, reach, size)
    for end in (FOREVER, -FOREVER):
        at = np.where(dice.random(size) < dice.choice([0.0, 0.0, 0.05]), end, at)
    at = at[np.lexsort((at, group))]
    known = at + dice.integers(0, reach // 2 + 1, size) * (dice.random(size) < 0.5) if dice.random() < 0.5 else None
    floats = dice.normal(0, 1, size)
    floats[dice.random(size) < 0.02] = np.nan
    floats[dice.random(size) < 0.02] = np.inf
    columns = {
        "float": Column(floats, dice.random(size) < 0.8),
        "small": Column(dice.integers(-50, 50, size).astype(np.int32)),
        "large": Column(dice.integers(-(2**62), 2**62, size), dice.random(size) < 0.9),
        "far": Column(dice.normal(1e3, 1, size)),
        "flag": Column(dice.random(size) < 0.5),
        "kept": Column(pyarrow.array(np.arange(size))),
        "kept_number": Column(np.arange(size)),
        "word": Column(
            pyarrow.array([None if n > 4 else "abcde"[n] for n in dice.integers(0, 6, size)], pyarrow.string())
        ),
    }
    return Rows(group, at, known, columns)


def probes(dice: np.random.Generator, reach: int) -> Probes:
    """Some questions, also of groups without rows, with spans that end now and before, and some that are empty."""
    size = int(dice.integers(1, 60))
    last = dice.integers(-reach, reach, size)
    bounds = {f"e{i}": last - dice.integers(0, reach) for i in range(3)}
    if dice.random() < 0.3:
        bounds["e0"] = np.full(size, FOREVER + 2)
    bounds["before"] = last - dice.integers(0, reach)
    return Probes(np.sort(dice.integers(0, 9, size)), last, bounds)


def parts() -> Iterator[Part]:
    """Every operation over every span."""
    for span in SPANS:
        for flags in ((), ("flag",)):
            yield Part("count", None, flags, span)
            yield from (Part("count", name, flags, span) for name in ("float", "small"))
            yield from (Part("sum", name, flags, span) for name in ("float", "small"))
            yield from (Part(half, "large", flags, span) for half in ("high", "low"))
            yield from (Part("min", name, flags, span) for name in ("float", "small", "large"))
            yield from (Part("max", name, flags, span) for name in ("float", "small", "large"))
            yield from (Part("min", INSTANT, flags, span), Part("max", INSTANT, flags, span))
            yield from (Part("distinct", name, flags, span) for name in ("small", "large"))
            yield from (Part("distinct", "word", flags, span), Part("squares", "far", flags, span))
            yield from (Part("quantile", name, flags, span, share=0.3) for name in ("far", "large"))
            yield from (
                Part("value", name, flags, span, share=share) for name in ("far", "small") for share in (0, 0.7)
            )
            for latest in (False, True):
                ties = (("float", latest), ("kept_number", not latest))
                yield Part("list", "kept", flags, span, latest=latest, order=ties, limit=None if span else 3)


def looped(part: Part, given: Rows, asked: Probes, probe: int) -> Any:
    """The answer of one part for one probe; None where there is none."""
    first, last = SPANS[part.span]
    counts = (given.group == asked.group[probe]) & (given.at <= asked.last[probe])
    if first is not None:
        counts &= given.at >= asked.bounds[first][probe]
    if last is not None:
        counts &= given.at <= asked.bounds[last][probe]
    if given.known is not None:
        counts &= given.known <= asked.last[probe]
    for flag in part.flags:
        counts &= given.columns[flag].values
    if part.operation == "list":
        return ordered(part, given, np.flatnonzero(counts))
    if part.argument is None:
        return int(counts.sum())
    column = Column(given.at) if part.argument == INSTANT else given.columns[part.argument]
    if part.argument == "word":
        assert isinstance(column.values, pyarrow.Array)
        return len({each for each in column.values.filter(pyarrow.array(counts)).to_pylist() if each is not None})
    values = column.values[counts if column.valid is None else counts & column.valid]
    match part.operation:
        case "count":
            return len(values)
        case "sum":
            return values.sum()
        case "high":
            return (values >> 32).sum()
        case "low":
            return (values & 0xFFFFFFFF).sum()
        case "min" | "max" | "quantile" | "value" if not len(values):
            return None
        case "quantile":
            return np.quantile(values, float(part.share or 0))
        case "value":
            return np.sort(values)[max(1, int(np.ceil(len(values) * float(part.share or 0) - 1e-9))) - 1]
        case "min":
            return np.fmin.reduce(values)
        case "max":
            return values.max()
        case "squares":
            return ((values - values.mean()) ** 2).sum() if len(values) else 0.0
    return len(set(values.tolist()))


def ordered(part: Part, given: Rows, places: Any) -> list[int]:
    """A list in the order of instants, then of floats (a NaN the greatest, a NULL the last), then of their numbers."""
    column = given.columns["float"]
    assert column.valid is not None
    valid = column.valid

    def rank(place: int) -> tuple[Any, ...]:
        value, sign = column.values[place], -1 if part.latest else 1
        least = (1, 0.0) if np.isnan(value) else (0, value)
        own = (0, sign * least[0], sign * least[1]) if valid[place] else (1, 0, 0)
        return (sign * int(given.at[place]), *own, -sign * place)

    return sorted((int(place) for place in places), key=rank)[: part.limit]


def same(found: Any, expected: Any) -> bool:
    """Whether a value is as expected, but for the last digits of floats."""
    if expected is None or isinstance(expected, (int, list)):
        return expected is None or found == expected
    close = np.isclose(found, expected, rtol=1e-12, atol=1e-13, equal_nan=True)
    return bool(close)


@pytest.mark.parametrize(("block", "room", "most"), [(32, 1 << 62, 2), (4, 1 << 62, 0), (2, 10, 1 << 20)])
def test_ranges_are_what_a_loop_finds(block: int, room: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With long ranges through blocks, with rows written out in small batches or not looked at one by one, with no room
    for one number, and with all probes stepping over rows, or only those that have to."""
    monkeypatch.setattr(reduce, "BLOCK", block)
    monkeypatch.setattr(ranges, "MOST", most)
    monkeypatch.setattr(ranges, "LEVELS", 0 if block == 4 else 16)
    for module in (reduce, spans):
        monkeypatch.setattr(module, "LONG", 2 * block)
    monkeypatch.setattr(order, "WRITTEN_OUT", 50 * block)
    monkeypatch.setattr(ranges, "FEW", 16 if block == 32 else 0)
    monkeypatch.setattr(timeline, "ROOM", room)
    every = list(parts())
    for seed in range(12):
        dice = np.random.default_rng(seed)
        reach = int(dice.choice([10, 100, 10_000]))
        given, asked = rows(dice, reach), probes(dice, reach)
        far = bool((abs(given.at) >= FOREVER).any())
        told = [part for part in every if part.argument != INSTANT or not far]
        found = Ranges(given, asked, SPANS).measured(told)
        for part in told:
            answers: Any = found[part]
            answers = answers.to_pylist() if part.operation == "list" else answers
            for probe in range(len(asked)):
                expected = looped(part, given, asked, probe)
                assert same(answers[probe], expected), (seed, part, probe, answers[probe], expected)


def test_instants_too_far_away_to_be_told_from_others_are_refused() -> None:
    given = Rows(np.zeros(2, int), np.array([0, FOREVER]), None, {})
    asked = Probes(np.zeros(1, int), np.ones(1, int), {"from": np.zeros(1, int), "to": np.ones(1, int)})
    with pytest.raises(RefusedError):
        Ranges(given, asked, {0: ("from", "to")}).measured([Part("max", INSTANT, (), 0)])


def test_the_spread_of_infinite_values_is_refused() -> None:
    """The engine has an error to tell of them."""
    given = Rows(np.zeros(2, int), np.arange(2), None, {"x": Column(np.array([1.0, np.inf]))})
    asked = Probes(np.zeros(1, int), np.ones(1, int), {"from": np.zeros(1, int), "to": np.ones(1, int)})
    with pytest.raises(RefusedError):
        Ranges(given, asked, {0: ("from", "to")}).measured([Part("squares", "x", (), 0)])
