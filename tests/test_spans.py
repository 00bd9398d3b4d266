"""The interval that each way of writing a condition gives to what it filters."""

from __future__ import annotations

import pytest
import sqlglot

from featsql.resolve.moments import restrictions
from featsql.resolve.reach import ANY, NEVER, NOW, PAST, Span

DAY = 86400.0


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


def test_spans_add_up() -> None:
    week = Span(-7 * DAY, 0, True)
    assert week.plus(Span(-3600, -60)) == Span(-7 * DAY - 3600, -60, True)
    assert week.hull(PAST) == PAST
    assert week.intersect(Span(1, 2)) == NEVER
    assert NEVER.hull(week) == week
    assert NEVER.plus(week) == NEVER
    assert week.shift(60).plus(NOW) == Span(60 - 7 * DAY, 60, True)
    assert week.as_json() == {"from": -7 * DAY, "to": 0, "text": "(-7d, 0]"}
