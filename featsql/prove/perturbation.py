"""The world as it could have gone on after an instant: what a relation did not show by then, left out or made up."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace
from sqlglot import exp

from featsql.engine import Column
from featsql.prove.scratch import ID, Copy, chance
from featsql.resolve.nanoseconds import by_column, seen_at
from featsql.temporal import Boundary, Clock, available_at, column, end_available_at, interval, known, pending, reached

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
# Long enough to be later in a column of dates too.
LATER = "2 days"
MOST_LATER, MOST_POSTPONED = 5000, 2000


def arrived(copy: Copy, at: exp.Expr, boundary: Boundary) -> exp.Expr:
    """Whether a row had come to be known by an instant, whatever became of it later."""
    clock = replace(clock_of(copy), retracted_at=None)
    told = told_at(copy, at, boundary)
    was = by_column(known(clock, told, boundary), told, copy.info.coarse, boundary)
    return exp.func("coalesce", was, exp.false())


def told_at(copy: Copy, at: exp.Expr, boundary: Boundary) -> exp.Expr:
    """An instant as it is compared with those of a relation."""
    return seen_at(at, fine=copy.info.is_fine, boundary=boundary)


def past(copy: Copy, at: exp.Expr, boundary: Boundary) -> exp.Select:
    """A relation without anything that it did not show by an instant: no later rows, retractions or ends."""
    shown = unlearnt(copy, at, boundary, exp.null())
    return exp.select(*shown).from_(copy.rows.copy()).where(arrived(copy, at, boundary))


def past_and(copy: Copy, at: exp.Expr, boundary: Boundary, more: exp.Expr) -> exp.Query:
    """The past of an instant and those later rows for which `more` holds, as they are."""
    rows = exp.select(*(column(name) for name in copy.info.names)).from_(copy.rows.copy())
    later = rows.where(exp.not_(arrived(copy, at, boundary)), more)
    return exp.union(past(copy, at, boundary), later, distinct=False)


def perturbed(copy: Copy, at: exp.Expr, boundary: Boundary, keep: Collection[str], seed: int) -> exp.Query:
    """A relation in which everything that it did not show by an instant is something else.

    The soonest of the later rows have other values (the columns in `keep`, folded, and the clock stay), known rows are
    told again, changed, as if that were learnt days later; retractions and ends that were still to
    come are moved.
    """
    clock = clock_of(copy)
    moved = exp.Add(this=at.copy(), expression=interval(LATER))
    known_rows = exp.select(*unlearnt(copy, at, boundary, moved)).from_(copy.rows.copy())
    known_rows = known_rows.where(arrived(copy, at, boundary))
    soonest = exp.select("*").from_(copy.rows.copy()).where(exp.not_(arrived(copy, at, boundary)))
    soonest = soonest.order_by(exp.Ordered(this=available_at(clock), nulls_first=False), column(ID)).limit(MOST_LATER)
    later = exp.select(*(disturbed(c, copy, keep, seed) for c in copy.info.columns)).from_(soonest.subquery("soonest"))
    return exp.union(
        known_rows, exp.union(later, told_again(copy, at, boundary, keep, seed), distinct=False), distinct=False
    )


def told_again(copy: Copy, at: exp.Expr, boundary: Boundary, keep: Collection[str], seed: int) -> exp.Query:
    """Some of the known rows, changed, that are not known before a later instant."""
    outputs = told_later(copy, at, keep, seed)
    some = exp.select("*").from_(copy.rows.copy()).where(arrived(copy, at, boundary))
    some = some.order_by(chance(column(ID), seed)).limit(MOST_POSTPONED)
    return exp.select(*outputs).from_(some.subquery("told"))


def told_later(
    copy: Copy, at: exp.Expr, keep: Collection[str], seed: int, by: exp.Expr | None = None
) -> list[exp.Expr]:
    """The columns of a row that is told again, changed, days after an instant."""
    clock = clock_of(copy)
    postponed = (clock.available_at or clock.start).casefold()
    moved = exp.Add(this=at.copy(), expression=interval(LATER))
    return [
        as_type(moved, c) if c.name.casefold() == postponed else disturbed(c, copy, keep, seed + 1, by)
        for c in copy.info.columns
    ]


def unlearnt(copy: Copy, at: exp.Expr, boundary: Boundary, instead: exp.Expr) -> list[exp.Expr]:
    """A relation's columns, with `instead` for the retractions and ends that were not known by an instant."""
    found = to_learn(copy, at, boundary)
    return [
        exp.alias_(
            exp.Case(ifs=[exp.If(this=found[c.name.casefold()], true=typed(instead, c))], default=column(c.name)),
            c.name,
            quoted=True,
        )
        if c.name.casefold() in found
        else column(c.name)
        for c in copy.info.columns
    ]


def to_learn(copy: Copy, at: exp.Expr, boundary: Boundary) -> dict[str, exp.Expr]:
    """The columns, folded, of a relation's retractions and ends: whether it was still to be learnt at an instant."""
    clock, at = clock_of(copy), told_at(copy, at, boundary)
    found: dict[str, exp.Expr] = {}
    if clock.retracted_at:
        found[clock.retracted_at.casefold()] = pending(column(clock.retracted_at), at, boundary)
    if clock.kind == "periods" and clock.valid_to:
        learnt = exp.func("coalesce", reached(end_available_at(clock), at, boundary), exp.false())
        found[clock.valid_to.casefold()] = exp.not_(learnt)
    return {name: by_column(each, at, copy.info.coarse, boundary) for name, each in found.items()}


def disturbed(c: Column, copy: Copy, keep: Collection[str], seed: int, by: exp.Expr | None = None) -> exp.Expr:
    """A column of a later row with another value: numbers are changed, flags turned, all else is another
    row's, one of those that are alike in `by`."""
    clock = clock_of(copy)
    fixed = {name.casefold() for name in (*clock.instants, *clock.unique_key)} | set(keep)
    value: exp.Expr = column(c.name)
    if c.name.casefold() in fixed:
        return value
    if c.type.startswith(NUMBERS) and not c.type.endswith("]"):
        real = exp.cast(exp.func("coalesce", value.copy(), exp.Literal.number(0)), "double")
        other = exp.Sub(
            this=exp.Literal.number(17 + seed), expression=exp.Mul(this=real, expression=exp.Literal.number(3))
        )
        return exp.alias_(exp.func("coalesce", exp.TryCast(this=other, to=kind(c)), value), c.name, quoted=True)
    if c.type == "BOOLEAN":
        return exp.alias_(exp.not_(exp.func("coalesce", value, exp.false())), c.name, quoted=True)
    order = exp.Order(expressions=[exp.Ordered(this=chance(column(ID), seed))])
    parts = [by.copy()] if by is not None else []
    return exp.alias_(exp.Window(this=exp.Lag(this=value), partition_by=parts, order=order), c.name, quoted=True)


def as_type(value: exp.Expr, c: Column) -> exp.Expr:
    """A value as a column."""
    return exp.alias_(typed(value, c), c.name, quoted=True)


def typed(value: exp.Expr, c: Column) -> exp.Expr:
    """A value in a column's own type."""
    return exp.Cast(this=value.copy(), to=kind(c))


def kind(c: Column) -> exp.DataType:
    """A column's type."""
    return exp.DataType.build(c.type, dialect="duckdb", udt=True)


def clock_of(copy: Copy) -> Clock:
    """The clock of a copied relation: only such are copied."""
    assert copy.info.clock is not None
    return copy.info.clock
