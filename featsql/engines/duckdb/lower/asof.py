"""Lower `AsOf`: the latest state of each probe by one as-of join."""

from __future__ import annotations

from sqlglot import exp

from featsql.engines.duckdb.lower.lift import substitute
from featsql.plan import names
from featsql.plan.plan import AsOf
from featsql.resolve.nanoseconds import of_type, seen_at
from featsql.temporal import Boundary, column, holds, reached


def as_of_joined(features: AsOf, probe: str, versions: str, boundary: Boundary) -> exp.Select:
    """For each probe the state at its instant: one as-of join on `versions`, the name of the query of the versions
    in the order in which they became the newest."""
    alias = features.alias
    keyed = [exp.not_(exp.Is(this=column(c), expression=exp.null())) for c in features.key_columns]
    newest = exp.select(exp.Star()).from_(exp.to_table(versions), copy=False).where(*keyed, copy=False)
    at = of_type(column(names.AS_OF, names.PROBE), features.as_of_type)
    same = [
        exp.EQ(this=column(c, alias), expression=column(names.key(i), names.PROBE))
        for i, c in enumerate(features.key_columns)
    ]
    then = seen_at(at, fine=features.relation.is_fine, boundary=boundary)
    since = flipped(reached(column(names.KNOWN_FROM, alias), then, boundary))
    join = exp.Join(this=newest.subquery(alias), method="ASOF", side="LEFT", on=exp.and_(*same, since))
    clock = features.relation.clock
    assert clock is not None
    # DuckDB 1.5 lets a NULL instant meet a row
    found = [exp.not_(exp.Is(this=each, expression=exp.null())) for each in (at, column(names.KNOWN_FROM, alias))]
    there = [*found, holds(clock, at, boundary, alias)]
    if features.where is not None:
        there.append(exp.paren(moved(features.where, at)))
    hit = exp.and_(*there)
    query = exp.select(at, *(column(names.key(i), names.PROBE) for i in range(len(features.keys))))
    query = query.from_(exp.to_table(probe).as_(names.PROBE), copy=False)
    query.append("joins", join)
    for name, value in features.projections:
        chosen = exp.Case(ifs=[exp.If(this=hit.copy(), true=moved(value, at))])
        query.append("expressions", exp.alias_(chosen, name, quoted=True))
    return query


def flipped(comparison: exp.Expr) -> exp.Expr:
    """`b >= a` for `a <= b`: the engine wants the probing side of an as-of join on the left."""
    opposite = exp.GTE if isinstance(comparison, exp.LTE) else exp.GT
    return opposite(this=comparison.expression.copy(), expression=comparison.this.copy())


def moved(value: exp.Expr, at: exp.Expr) -> exp.Expr:
    """A scalar expression with `as_of()` replaced by an instant."""
    (replaced,) = substitute(exp.select(value.copy()), at, no_scan).expressions
    assert isinstance(replaced, exp.Expr)
    return replaced


def no_scan(index: int) -> exp.Query:
    """A scalar expression reads no relation."""
    raise AssertionError(f"scan {index} in a scalar expression")
