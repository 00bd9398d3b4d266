"""Which keys are crowded: those for which one sort costs less than joining every probe with every row."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from featsql.plan import names
from featsql.temporal import column

PROBES, ROWS = "__probes", "__rows"


def crowded(probe: str, rows: exp.Select, keys: Sequence[str], match_nulls: Sequence[bool], crowd: int) -> exp.Select:
    """The keys with p probes and r rows for which p * r, what a join costs, is more than `crowd` * (p + r), what
    frames cost: measured, a frame costs about 12 times as much as a pair that is joined."""
    asked = counted(exp.to_table(probe), keys)
    there = counted(rows.subquery("__counted"), keys)
    query = exp.select(*(column(key, PROBES) for key in keys), *([] if keys else [exp.true()]))
    query = query.from_(asked.subquery(PROBES))
    query = query.join(there.subquery(ROWS), on=exp.and_(exp.true(), *same(keys, match_nulls, PROBES, ROWS)))
    p, r = (exp.cast(column(names.COUNT, table), "double") for table in (PROBES, ROWS))
    both = exp.paren(exp.Add(this=p, expression=r))
    joined = exp.Mul(this=p.copy(), expression=r.copy())
    return query.where(exp.GT(this=joined, expression=exp.Mul(this=exp.Literal.number(crowd), expression=both)))


def counted(source: exp.Expr, keys: Sequence[str]) -> exp.Select:
    """How many rows each key has."""
    count = exp.alias_(exp.Count(this=exp.Star()), names.COUNT)
    query = exp.select(*(column(key) for key in keys), count).from_(source)
    return query.group_by(*(column(key) for key in keys)) if keys else query


def same(keys: Sequence[str], match_nulls: Sequence[bool], one: str, other: str) -> list[exp.Expr]:
    """The keys of two tables are equal, as their entities compare them."""
    return [
        (exp.NullSafeEQ if nulls else exp.EQ)(this=column(key, one), expression=column(key, other))
        for key, nulls in zip(keys, match_nulls, strict=True)
    ]


def among(table: str, crowds: str, keys: Sequence[str], match_nulls: Sequence[bool]) -> exp.Expr:
    """Whether a row of `table` is of a crowded key."""
    found = exp.select("1").from_(exp.to_table(crowds).as_("__crowds"))
    return exp.Exists(this=found.where(*same(keys, match_nulls, "__crowds", table)))
