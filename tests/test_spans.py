"""How long intervals can be, and when the rows lie that each way of writing a condition lets through."""

from __future__ import annotations

import pytest
import sqlglot

from featsql.engine import Engine
from featsql.resolve.lineage.moments import restrictions
from featsql.resolve.lineage.reach import ANY, NEVER, NOW, PAST, Span
from featsql.resolve.lineage.span import LONGEST, lengths, longest

DAY = 86400.0


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.memory()


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ("t > as_of() - interval 30 days", "(-30d, inf)"),
        ("as_of() - interval '1 hour' >= p.t", "(-inf, -1h]"),
        ("t between as_of() - interval 3 month and as_of() - interval 1 day", "[-93d, -1d]"),
        ("t > as_of() - interval 1 month and t <= as_of() - interval 1 month", "(-31d, -28d]"),
        ("date_trunc('month', as_of()) <= t", "[-31d, inf)"),
        ("t::date >= as_of()::date - 7", "[-8d, inf)"),
        ("t < date_trunc('day', as_of())", "(-inf, 0]"),
        ("as_of() - t < interval 7 days", "(-7d, inf)"),
        ("as_of() - t > interval 1 year", "(-inf, -360d]"),
        ("date_diff('day', t, as_of()) <= 7", "[-8d, inf)"),
        ("t > as_of() - interval 1 day or t > as_of() - interval 2 day", "(-2d, inf)"),
        ("t > as_of() - 2 * interval 1 day", "(-2d, inf)"),
        ("t = as_of()", "[0, 0]"),
        ("t < as_of() + to_days(3)", "(-inf, 3d]"),
        ("t > as_of() - interval 1 day or n > 3", "any time"),
        ("not t < as_of() - interval 1 day", "any time"),
        ("t > as_of() - interval (n) day", "any time"),
    ],
)
def test_a_condition_bounds_a_clock(condition: str, text: str) -> None:
    tree = sqlglot.parse_one(f"select 1 from p where {condition.replace('p.t', 't')}", read="duckdb")
    for column in tree.find_all(sqlglot.exp.Column):
        column.set("table", sqlglot.exp.to_identifier("p"))
    assert restrictions([tree.args["where"].this]).get(("p", "t"), ANY).text == text


COUNTS = ("0.4", "0.5", "1", "1.5", "1.6", "2.5", "12")
SPELLINGS = (
    "interval '{n} {unit}s'",
    "interval '{n}' {unit}",
    "{n} * interval 1 {unit}",
    "{n} * interval '1.6 {unit}'",
)


@pytest.mark.parametrize("unit", [unit.lower() for unit in LONGEST])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_interval_is_as_long_as_it_can_be(unit: str, spelling: str, engine: Engine) -> None:
    """The engine itself, through leap years and over months of every length, goes no farther; nor less far."""
    written = {n: spelling.format(n=n, unit=unit) for n in COUNTS}
    days = "range(timestamp '2023-01-01', timestamp '2025-03-01', interval 1 day) as days(day)"
    spans = ", ".join(f"{end}(epoch_us(day) - epoch_us(day - {w}))" for w in written.values() for end in ("min", "max"))
    ((*found,),) = engine.rows(f"select {spans} from {days}")
    for text, least, most in zip(written.values(), found[::2], found[1::2], strict=True):
        known = lengths(sqlglot.parse_one(text, read="duckdb"))
        assert known is not None
        assert known[0] <= least / 1e6
        assert most / 1e6 <= known[1] + 1e-7, f"{text} may be longer"


def test_whole_intervals_are_not_widened() -> None:
    for text, seconds in (("'90 minutes'", 5400), ("'1.5 hours'", 5400), ("30 day", 30 * DAY), ("'2 weeks'", 14 * DAY)):
        assert longest(sqlglot.parse_one(f"interval {text}", read="duckdb")) == seconds


def test_spans_add_up() -> None:
    week = Span(-7 * DAY, 0, True)
    assert week.plus(Span(-3600, -60)) == Span(-7 * DAY - 3600, -60, True)
    assert week.hull(PAST) == PAST
    assert week.intersect(Span(1, 2)) == NEVER
    assert NEVER.hull(week) == week
    assert NEVER.plus(week) == NEVER
    assert week.shift(60).plus(NOW) == Span(60 - 7 * DAY, 60, True)
    assert week.as_json() == {"from": -7 * DAY, "to": 0, "text": "(-7d, 0]"}
