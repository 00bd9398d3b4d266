"""When the rows of a state are known in the order in which they happen, and what of a relation its query needs."""

from __future__ import annotations

import pytest

from featsql.engine import Column
from featsql.plan.known import known_in_order, newest_first
from featsql.resolve.catalog import RelationInfo
from featsql.temporal import Clock


def state(kind: str = "TIMESTAMP", **given: object) -> RelationInfo:
    """A relation of states whose event times are of a type."""
    columns = tuple(Column(*pair) for pair in (("id", "INTEGER"), ("x", "INTEGER"), ("ts", kind), ("seen", kind)))
    return RelationInfo("source:s.t", columns, Clock("state", "ts", unique_key=("id",), **given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "delay", "in_order"),
    [
        ("TIMESTAMP", "0 seconds", True),
        ("TIMESTAMP", "2 days", True),
        ("DATE", "1 week 2 hours", True),
        ("TIMESTAMP", "1 month", False),
        ("TIMESTAMP", "1 year 2 hours", False),
        ("TIMESTAMP WITH TIME ZONE", "36 hours", True),
        ("TIMESTAMP WITH TIME ZONE", "90 minutes", True),
        ("TIMESTAMP WITH TIME ZONE", "1 day", False),
        ("TIMESTAMP WITH TIME ZONE", "2 DAYS 03:00:00", False),
        ("TIMESTAMP WITH TIME ZONE", "1 week", False),
    ],
)
def test_a_delay_keeps_the_order(kind: str, delay: str, in_order: bool) -> None:
    assert known_in_order(state(kind, delay=delay)) is in_order


def test_other_instants_may_not_keep_the_order() -> None:
    assert not known_in_order(state(available_at="seen"))
    assert not known_in_order(state(delay="1 hour", retracted_at="seen"))


def test_an_order_of_versions_says_nothing_twice() -> None:
    assert newest_first(state(delay="2 hours", tie_break=("x",))).sql("duckdb").strip() == (
        'ORDER BY "ts" DESC, "x" DESC, "seen" DESC'
    )
    assert newest_first(state(available_at="seen"), "t").sql("duckdb").strip() == (
        'ORDER BY "t"."ts" DESC, "t"."seen" DESC, "t"."x" DESC'
    )
