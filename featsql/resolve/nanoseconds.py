"""Instants with nanoseconds beside those without: compared exactly, and never rounded into the future."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TypeVar

from sqlglot import exp

from featsql.temporal import Boundary

Tree = TypeVar("Tree", bound=exp.Expr)
# What of an instant's text is less than a microsecond.
BELOW = re.compile(r"(\.\d{6})\d+")
# Between these lie all instants in nanoseconds.
FIRST, LAST = "1677-09-21 00:12:43.145225", "2262-04-11 23:47:16.854775"
UTC = exp.Literal.string("UTC")
COMPARES = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ, exp.Between, exp.NullSafeEQ, exp.NullSafeNEQ, exp.In)


def is_zoned(kind: str) -> bool:
    """Whether a type is an instant in UTC rather than a wall clock's reading."""
    return kind.upper().startswith(("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"))


def is_fine(kind: str) -> bool:
    """Whether a type tells nanoseconds apart."""
    return kind.upper().endswith("_NS")


def finest(kinds: Iterable[str]) -> str:
    """One of some types that tells nanoseconds apart."""
    return next(kind for kind in kinds if is_fine(kind))


def data_type(kind: str) -> exp.DataType:
    """A type as the engine spells it; the parser does not know all of them."""
    return exp.DataType.build(kind, dialect="duckdb", udt=True)


def literal(text: str | None, kind: str) -> exp.Cast:
    """An instant of a type, from its text."""
    return exp.Cast(this=exp.null() if text is None else exp.Literal.string(text), to=data_type(kind))


def of_type(instant: exp.Expr, kind: str) -> exp.Expr:
    """An instant that knows its type."""
    known = instant.copy()
    known.type = data_type(kind) if kind else None
    return known


def type_of(instant: exp.Expr) -> str:
    """The type that an instant is known to have; empty where it is not."""
    kind = instant.to if isinstance(instant, exp.Cast) else instant.type
    return kind.sql("duckdb") if kind is not None else ""


def asks_exactly(kind: str, *, fine: bool, boundary: Boundary) -> bool:
    """Whether instants of a type are asked as they are: rows can lie within a microsecond (`fine`), or an edge."""
    return is_fine(kind) and (fine or boundary == "exclusive")


def authored(at: exp.Expr, call: exp.Expr) -> exp.Expr:
    """What a `call` of `as_of()` is at an instant: the instant itself where it is compared, else the microsecond in
    which it lies. The engine has no functions for some types, and rounds in others to what is nearest, which may be
    later."""
    return at.copy() if is_fine(type_of(at)) and is_compared(call) else whole(at)


def is_compared(call: exp.Expr) -> bool:
    """Whether an instant, or one at some distance from it, is a side of a comparison."""
    node, parent = call, call.parent
    while isinstance(parent, exp.Paren | exp.Add | exp.Sub):
        if not isinstance(parent, exp.Paren) and (parent.this is not node or not is_interval(parent.expression)):
            return False
        node, parent = parent, parent.parent
    return isinstance(parent, COMPARES)


def is_interval(node: exp.Expr) -> bool:
    """Whether something is written as an interval."""
    return isinstance(node.unnest(), exp.Interval)


def whole(at: exp.Expr) -> exp.Expr:
    """An instant of any type as one in microseconds, the last that is not after it."""
    kind = type_of(at)
    if is_fine(kind):
        return microsecond(at, up=False)
    return exp.cast(at.copy(), "timestamp") if kind.startswith(("DATE", "TIMESTAMP_")) else at.copy()


def seen_at(at: exp.Expr, *, fine: bool, boundary: Boundary) -> exp.Expr:
    """The instant that the visible rows of a relation are told by: for rows with nanoseconds (`fine`) itself, for
    others the microsecond that shows the same of them; none with which the engine could not compare them."""
    exact = is_fine(type_of(at))
    if fine:
        return at.copy() if exact else within_reach(at)
    return microsecond(at, up=boundary == "exclusive") if exact else at.copy()


def by_column(tree: Tree, at: exp.Expr, coarse: Collection[str], boundary: Boundary) -> Tree:
    """A condition, changed in place: what it compares with an instant in nanoseconds is told by the microsecond that
    shows the same, where it is made of `coarse` columns: the engine could not make nanoseconds of all of theirs."""
    if not coarse or not is_fine(type_of(at)):
        return tree
    for node in list(tree.find_all(exp.LT, exp.LTE, exp.GT, exp.GTE)):
        names = {each.name.casefold() for each in node.this.find_all(exp.Column)}
        if node.expression == at and names and names <= set(coarse):
            node.set("expression", microsecond(at, up=boundary == "exclusive"))
    return tree


def microsecond(at: exp.Expr, *, up: bool) -> exp.Expr:
    """The last microsecond that is not after an instant in nanoseconds, or the first that is not before it."""
    zoned = is_zoned(type_of(at))
    naive = exp.AtTimeZone(this=at.copy(), zone=UTC.copy()) if zoned else at.copy()
    counted = exp.Anonymous(this="epoch_ns", expressions=[naive])
    thousand, nothing = exp.Literal.number(1000), exp.Literal.number(0)
    rest = exp.Mod(this=counted, expression=thousand)
    beyond = exp.GT(this=rest, expression=nothing) if up else exp.LT(this=rest, expression=nothing)
    step = exp.Case(ifs=[exp.If(this=beyond, true=exp.Literal.number(1))], default=nothing.copy())
    cut = exp.IntDiv(this=counted.copy(), expression=thousand.copy())  # towards 1970
    moved = exp.Add(this=cut, expression=step) if up else exp.Sub(this=cut, expression=step)
    made = exp.If(this=finite(naive), true=exp.Anonymous(this="make_timestamp", expressions=[moved]))
    found = exp.Case(ifs=[made], default=exp.cast(naive.copy(), "timestamp"))
    return exp.AtTimeZone(this=exp.paren(found), zone=UTC.copy()) if zoned else found


def within_reach(at: exp.Expr) -> exp.Expr:
    """An instant, if it lies among those in nanoseconds, else the first or last of these: the engine makes such of it
    to compare it with them."""
    first, last = (exp.cast(exp.Literal.string(text), "timestamp") for text in (FIRST, LAST))
    nearest = exp.func("least", exp.func("greatest", at.copy(), first), last)
    return exp.Case(ifs=[exp.If(this=finite(at), true=nearest)], default=at.copy())


def beside(instant: exp.Expr, at: exp.Expr) -> exp.Expr:
    """An instant in microseconds, as it is compared with `at`: the same, but for those that lie far from all that the
    type of that has."""
    return within_reach(instant) if is_fine(type_of(at)) else instant.copy()


def finite(instant: exp.Expr) -> exp.Expr:
    """Whether an instant is neither of the infinities."""
    return exp.Anonymous(this="isfinite", expressions=[instant.copy()])
