"""Bounds as whole microseconds: those a steady distance from the instant, counted, are where the engine has them."""

from __future__ import annotations

import pytest
from sqlglot import exp, parse_one

from featsql.engine import Engine
from featsql.engines.duckdb.lower.lift import substitute
from featsql.plan.microseconds import micros, shifted
from featsql.temporal import column

INSTANTS = (
    "timestamp '2024-02-29 12:34:56.789012'",
    "timestamp '1969-12-31 23:59:59.999999'",
    "timestamp '0001-01-01 00:00:00'",
    "timestamp 'infinity'",
    "timestamp '-infinity'",
    "null::timestamp",
    "timestamptz '2024-03-31 02:30:00+02'",
    "date '2024-03-01'",
)
STEADY = (
    "as_of()",
    "as_of() - interval '90 days'",
    "as_of() - interval 1 hour",
    "(as_of() - interval '1 day') - interval '2 hours'",
    "as_of() + interval '36 hours'",
    "as_of() - to_days(3)",
    "as_of() - 2 * interval '3 days'",
    "as_of() - interval '1 day 02:00:00.000001'",
    "as_of() - interval '1.5 days'",
)
UNSTEADY = (
    "as_of() - interval '1 month'",
    "date_trunc('day', as_of())",
    "as_of()::date - 3",
    "greatest(as_of(), as_of())",
)


ENGINE = Engine.memory()


def unread(position: int) -> exp.Query:
    """No relation is read by a bound."""
    raise AssertionError(position)


def asked(value: exp.Expr, instant: str) -> object:
    """What a value over an instant is."""
    kind = "TIMESTAMP WITH TIME ZONE" if "tz" in instant else "TIMESTAMP"
    now = exp.alias_(micros(column("__as_of"), kind), "__now")
    below = parse_one(f"select {instant} as __as_of", dialect="duckdb")
    assert isinstance(below, exp.Select)
    query = exp.select(exp.Star(), now).from_(below.subquery())
    return ENGINE.rows(exp.select(value.copy()).from_(query.subquery()).sql("duckdb"))[0][0]


@pytest.mark.parametrize("instant", INSTANTS)
@pytest.mark.parametrize("text", STEADY)
def test_a_steady_distance_is_counted(text: str, instant: str) -> None:
    bound = parse_one(text, dialect="duckdb")
    kind = "TIMESTAMP WITH TIME ZONE" if "tz" in instant else "TIMESTAMP"
    (moved,) = substitute(exp.select(bound.copy()), column("__as_of"), unread).expressions
    counted = shifted(column("__now"), bound)
    if counted is None:
        pytest.skip("not told to be steady: the engine adds the interval")
    assert asked(counted, instant) == asked(micros(moved, kind), instant)


def test_most_spellings_are_counted() -> None:
    assert sum(shifted(column("__now"), parse_one(text, dialect="duckdb")) is not None for text in STEADY) >= 8


@pytest.mark.parametrize("text", UNSTEADY)
def test_what_is_longer_at_times_is_left_to_the_engine(text: str) -> None:
    assert shifted(column("__now"), parse_one(text, dialect="duckdb")) is None
