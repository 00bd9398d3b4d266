"""Lower those measures of an `Over` that are over all that was ever known: running values over rows and probes."""

from __future__ import annotations

from sqlglot import exp

from featsql.engines.duckdb.lower.over import LAST, Frames, there
from featsql.plan import names
from featsql.temporal import column


def running(frames: Frames, measures: list[int]) -> exp.Select:
    """For each probe its number, and the value of each of `measures` (positions) over all rows that it sees."""
    below = exp.select(exp.Star()).from_(
        exp.union(rows(frames), probes(frames), distinct=False).subquery("__both"), copy=False
    )
    for i in measures:
        measure = frames.planned.measures[i]
        counts = [exp.not_(column(names.ASKED)), *([column(measure.flag)] if measure.flag else [])]
        call = exp.Filter(this=measure.call.copy(), expression=exp.Where(this=exp.and_(*counts)))
        below = below.select(exp.alias_(so_far(call, frames.keys), names.part("value", i)), copy=False)
    wanted = (names.NUMBER, *(names.part("value", i) for i in measures))
    query = exp.select(*(column(name) for name in wanted)).from_(below.subquery("__running"), copy=False)
    return query.where(column(names.ASKED))


def rows(frames: Frames) -> exp.Select:
    """The rows: their keys, when they became known, what is aggregated of them."""
    query = exp.select(*(column(name) for name in (*frames.keys, names.ORDER, *frames.arguments)))
    query = query.select(exp.alias_(exp.false(), names.ASKED), exp.alias_(exp.null(), names.NUMBER), copy=False)
    nulls = zip(frames.keys, frames.planned.match_nulls, strict=True)
    return query.from_(frames.rows().subquery("__events")).where(*(there(key) for key, match in nulls if not match))


def probes(frames: Frames) -> exp.Select:
    """The probes among the rows, each at the last row that it sees."""
    missing = [exp.null() for _ in frames.arguments]
    query = exp.select(*(column(key) for key in frames.keys), column(LAST), *missing, exp.true(), column(names.NUMBER))
    return query.from_(exp.to_table(frames.asking))


def so_far(call: exp.Expr, keys: list[str]) -> exp.Window:
    """A call over the rows of the same keys up to where a row stands, those of its own instant included."""
    spec = exp.WindowSpec(kind="RANGE", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW", end_side=None)
    order = exp.Order(expressions=[exp.Ordered(this=column(names.ORDER), nulls_first=False)])
    return exp.Window(this=call, partition_by=[column(key) for key in keys], order=order, spec=spec)
