"""Instants as whole microseconds, the infinities at both ends, so that a window can be told by two differences."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from featsql.plan import names
from featsql.plan.edges import is_instant, is_steady
from featsql.plan.part import FOREVER
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.catalog.describe import instant_type
from featsql.resolve.nanoseconds import is_fine, is_zoned, microsecond, of_type
from featsql.temporal import Boundary, Clock, after, available_at, column, interval, last_reached

# From here on, and before, everything is as far as infinity.
EPOCHS = ("70000-01-01", "70000-01-01 (BC)")
# What no row reaches.
BEYOND = FOREVER + 2


def micros(instant: exp.Expr, kind: str) -> exp.Expr:
    """An instant of a type as microseconds since 1970; NULL stays NULL."""
    precise = instant_type(kind)
    value = microsecond(of_type(instant, kind), up=False) if is_fine(kind) else exp.cast(instant.copy(), precise)
    future, past = (exp.cast(exp.Literal.string(text), precise) for text in EPOCHS)
    return within(value, past, future, exp.Anonymous(this="epoch_us", expressions=[value.copy()]))


def within(value: exp.Expr, past: exp.Expr, future: exp.Expr, counted: exp.Expr) -> exp.Expr:
    """What is counted of a value between two ends; one of the infinities from there on, and before."""
    beyond = exp.If(this=exp.GTE(this=value.copy(), expression=future), true=number(FOREVER))
    before_all = exp.If(this=exp.LTE(this=value.copy(), expression=past), true=number(-FOREVER))
    return exp.Case(ifs=[beyond, before_all], default=counted)


def shifted(now: exp.Expr, bound: exp.Expr) -> exp.Expr | None:
    """A bound as microseconds since 1970, where it lies a steady distance from `as_of()`, whose microsecond is `now`:
    whole numbers are added much sooner than intervals. None where it does not."""
    distance = steps(bound)
    if distance is None:
        return None
    counted = now.copy()
    for step, span in distance:
        counted = step(this=counted, expression=exp.Anonymous(this="epoch_us", expressions=[span.copy()]))
    return within(now, number(-FOREVER), number(FOREVER), counted)


def steps(bound: exp.Expr) -> list[tuple[type[exp.Binary], exp.Expr]] | None:
    """The intervals that are added to `as_of()`, or taken from it, one after the other; None for anything else, and
    where one is not always equally long."""
    node = bound.unnest()
    if is_instant(node):
        return []
    if not isinstance(node, exp.Add | exp.Sub) or not is_steady(node.expression):
        return None
    below = steps(node.this)
    return None if below is None else [*below, (type(node), node.expression.unnest())]


def number(value: int) -> exp.Expr:
    """A whole number as a BIGINT."""
    return exp.cast(exp.Literal.number(value), "bigint")


def is_prompt(clock: Clock) -> bool:
    """Whether rows become known in the order in which they happen, each after the same time."""
    return clock.available_at is None and (clock.delay is None or is_steady(interval(clock.delay)))


def instants(info: RelationInfo) -> Mapping[str, exp.Expr]:
    """The instants of a relation's rows that a plan needs, by the name that it gives them: when a row became
    known and, where that tells nothing else, when it happened."""
    assert info.clock is not None
    if is_prompt(info.clock):
        return {names.ORDER: happened(info)}
    return {names.ORDER: order(info), names.HAPPENED: happened(info)}


def kind_of(info: RelationInfo) -> str:
    """The type of a relation's event times."""
    assert info.clock is not None
    return info.type_of(info.clock.start) or "TIMESTAMP"


def happened(info: RelationInfo) -> exp.Expr:
    """When a row of an events relation happened."""
    clock = info.clock
    assert clock is not None
    return micros(column(clock.start), kind_of(info))


def order(info: RelationInfo) -> exp.Expr:
    """When a row could first be known."""
    clock = info.clock
    assert clock is not None
    return exp.func("greatest", happened(info), micros(available_at(clock), known_type(info)))


def instant(count: int, info: RelationInfo) -> exp.Expr:
    """Microseconds since 1970 as an instant of a relation's clock."""
    zoned = is_zoned(kind_of(info))
    naive = exp.Anonymous(this="make_timestamp", expressions=[exp.Literal.number(count)])
    return exp.AtTimeZone(this=naive, zone=exp.Literal.string("UTC")) if zoned else naive


def known_type(info: RelationInfo) -> str:
    """The type of the instant at which a row could first be known."""
    clock = info.clock
    assert clock is not None
    return info.type_of(clock.available_at or clock.start) or "TIMESTAMP"


def last_visible(info: RelationInfo, at: exp.Expr, boundary: Boundary) -> exp.Expr:
    """The greatest `order` of the rows that are visible at an instant; beyond all of them where it is NULL."""
    clock = info.clock
    assert clock is not None
    then = before(at, clock.delay) if is_prompt(clock) else at
    return exp.func("coalesce", last_reached(micros(then, kind_of(info)), boundary), number(-BEYOND))


def before(instant: exp.Expr, delay: str | None) -> exp.Expr:
    """`instant - delay`; the instant itself where nothing would be taken away."""
    later = after(instant, delay)
    return exp.Sub(this=instant.copy(), expression=later.expression.copy()) if later is not instant else instant
