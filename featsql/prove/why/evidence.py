"""What a relation had to say at an instant: each of its rows visible or not, and why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlglot import exp

from featsql.engine import Engine
from featsql.plan.known import known_from
from featsql.prove.perturbation import arrived, clock_of, told_at
from featsql.prove.reference import newest_only, visible_rows
from featsql.prove.scratch import ID, Copy
from featsql.prove.why.explanation import Fact
from featsql.resolve.nanoseconds import by_column
from featsql.temporal import Boundary, Clock, column, reached
from featsql.temporal import known as is_known

PART, HAPPENED, KNOWN = "__part", "__happened", "__known"
VISIBLE, GONE = "visible", "gone"


def parted(copy: Copy, at: exp.Expr, boundary: Boundary, since: exp.Expr | None) -> exp.Select:
    """All rows of a copied relation with their number, their part and their instants."""
    clock = clock_of(copy)
    return exp.select(
        *(column(name) for name in copy.numbered.names),
        exp.alias_(part(copy, at, boundary, since), PART),
        exp.alias_(column(clock.start), HAPPENED),
        exp.alias_(known(clock), KNOWN),
    ).from_(copy.rows.copy())


def known(clock: Clock) -> exp.Expr:
    """The instant at which a row is first known; NULL where one of its instants is."""
    whole = [exp.Is(this=column(name), expression=exp.null()) for name in (clock.start, clock.available_at) if name]
    return exp.Case(ifs=[exp.If(this=exp.or_(*whole), true=exp.null())], default=known_from(clock))


def part(copy: Copy, at: exp.Expr, boundary: Boundary, since: exp.Expr | None) -> exp.Expr:
    """What a row has to do with the instant."""
    clock, at = clock_of(copy), told_at(copy, at, boundary)
    seen = exp.select(column(ID)).from_(visible_rows(copy.numbered, copy.rows, at, boundary).subquery("seen"))
    visible = exp.In(this=column(ID), query=seen.subquery())
    ifs: list[tuple[exp.Expr, str]] = []
    if since is not None:
        ifs.append((exp.and_(visible, exp.LT(this=column(clock.start), expression=since.copy())), "before the window"))
    happened = reached(column(clock.start), at, boundary)
    ifs.append((visible.copy(), VISIBLE))
    ifs.append((exp.Is(this=known(clock), expression=exp.null()), "never known"))
    late = exp.not_(arrived(copy, at, boundary))
    ifs += [(exp.and_(late, happened), "held back"), (late.copy(), "later")]
    if clock.retracted_at:
        retracted = exp.func("coalesce", reached(column(clock.retracted_at), at, boundary), exp.false())
        ifs.append((retracted, "retracted"))
    if clock.versioned:
        ifs.append((exp.not_(newest(copy, at, boundary)), "superseded"))
    cases = [exp.If(this=condition, true=exp.Literal.string(name)) for condition, name in ifs]
    told = exp.Case(ifs=cases, default=exp.Literal.string(GONE))
    return by_column(told, at, copy.info.coarse, boundary)


def newest(copy: Copy, at: exp.Expr, boundary: Boundary) -> exp.Expr:
    """Whether a row is the newest known version of its key, though it be a deletion or over."""
    rows = exp.select("*").from_(copy.rows.copy()).where(is_known(clock_of(copy), at, boundary))
    first = exp.select(column(ID)).from_(newest_only(rows, copy.numbered).subquery("newest"))
    return exp.In(this=column(ID), query=first.subquery())


def counts(rows: exp.Select, engine: Engine) -> dict[str, int]:
    """How many rows there are of each part."""
    query = exp.select(column(PART), exp.Count(this=exp.Star())).from_(rows.subquery("parted")).group_by(column(PART))
    return {str(name): int(count) for name, count in engine.rows(query.sql("duckdb"))}


def numbers_of(rows: exp.Select, name: str, engine: Engine, most: int) -> list[int]:
    """The numbers of the newest rows of a part, at most so many."""
    query = exp.select(column(ID)).from_(rows.subquery("parted")).where(exp.column(PART).eq(name))
    query = query.order_by(*newest_first()).limit(most)
    return [int(number) for (number,) in engine.rows(query.sql("duckdb"))]


def facts(rows: exp.Select, copy: Copy, engine: Engine, name: str, only: Sequence[int] | None, most: int) -> list[Fact]:
    """Rows of a part (or those of it with the numbers in `only`, under that name), the newest first; of those that
    happen later the first."""
    shown = [*copy.info.names, HAPPENED, KNOWN]
    query = exp.select(*(exp.cast(column(each), "varchar") for each in shown)).from_(rows.subquery("parted"))
    if only is None:
        query = query.where(exp.column(PART).eq(name))
    else:
        query = query.where(exp.In(this=column(ID), expressions=[exp.Literal.number(number) for number in only]))
    query = query.order_by(*(oldest_first() if name == "later" else newest_first())).limit(most)
    found = []
    for *values, happened, learnt in engine.rows(query.sql("duckdb")):
        row: Mapping[str, Any] = dict(zip(copy.info.names, values, strict=True))
        found.append(Fact(name, happened, learnt, row))
    return found


def newest_first() -> list[exp.Expr]:
    """What happened last comes first."""
    return [exp.Ordered(this=column(HAPPENED), desc=True, nulls_first=False), column(ID)]


def oldest_first() -> list[exp.Expr]:
    """What happened first comes first."""
    return [exp.Ordered(this=column(HAPPENED), nulls_first=False), column(ID)]
