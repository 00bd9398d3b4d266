"""What a clock is and when a row is visible: the one place that knows the boundary of "as known at"."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct
from sqlglot import exp

TimeKind = Literal["events", "state", "periods", "static"]
Boundary = Literal["inclusive", "exclusive"]

UNITS = "microsecond|millisecond|sec|second|min|minute|hr|hour|day|week|mon|month|quarter|yr|year"
SPAN = re.compile(rf"(\d+(\.\d+)? *({UNITS})s? *)+(\d+:\d\d(:\d\d(\.\d+)?)?)?", re.IGNORECASE)
# A digit of an interval that is not of no length.
SOME = re.compile("[1-9]")


class Clock(Struct, frozen=True):
    """How a relation tells time: the columns (or the delay) that give each row its instants.

    events, state   happen at `event_time`; periods hold from `valid_from` until `valid_to`
    availability    the column `available_at`, or the start plus `delay` ('0 seconds' is a choice)
    retracted_at    the row is visible only before this instant
    deleted         a boolean column: the row says that its key is gone
    unique_key      rows of one key are versions: the newest known one counts
    tie_break       columns that order versions of the same instants, the greatest wins
    valid_to_available_at   when the end of a period was learnt; without it the end is known with
                    the row where `available_at` is a column, else `delay` after the end itself
    why             for a static relation: why it may be read at any instant
    """

    kind: TimeKind
    event_time: str | None = None
    available_at: str | None = None
    delay: str | None = None
    retracted_at: str | None = None
    deleted: str | None = None
    unique_key: tuple[str, ...] = ()
    tie_break: tuple[str, ...] = ()
    valid_from: str | None = None
    valid_to: str | None = None
    valid_to_available_at: str | None = None
    why: str | None = None

    @property
    def start(self) -> str:
        """The column of the instant at which a row begins to hold."""
        name = self.valid_from if self.kind == "periods" else self.event_time
        assert name is not None, "a static relation has no start"
        return name

    @property
    def instants(self) -> tuple[str, ...]:
        """Every column that holds an instant, without repetition."""
        names = (
            self.event_time,
            self.available_at,
            self.retracted_at,
            self.valid_from,
            self.valid_to,
            self.valid_to_available_at,
        )
        return tuple(dict.fromkeys(n for n in names if n))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the clock reads, without repetition."""
        flags = (self.deleted,) if self.deleted else ()
        return tuple(dict.fromkeys((*self.instants, *flags, *self.unique_key, *self.tie_break)))

    @property
    def versioned(self) -> bool:
        """Whether several rows may be versions of one, of which only the newest known counts."""
        return bool(self.unique_key)


def interval(text: str) -> exp.Interval:
    """`'30 days'` as an interval expression, in the author's own words: a parser might drop some of
    `'2 days 03:00:00'`. Raises ValueError when the text is not one, or is negative."""
    if not SPAN.fullmatch(text.strip()):
        raise ValueError(f"`{text}` is not an interval")
    return exp.Interval(this=exp.Literal.string(text.strip()))


def column(name: str, table: str | None = None) -> exp.Column:
    """A quoted column, of `table` if one is given."""
    return exp.column(name, table=table, quoted=True)


def available_at(clock: Clock, table: str | None = None) -> exp.Expr:
    """The instant at which a row could first be known."""
    if clock.available_at:
        return column(clock.available_at, table)
    return after(column(clock.start, table), clock.delay)


def end_available_at(clock: Clock, table: str | None = None) -> exp.Expr:
    """The instant at which the end of a period could first be known."""
    if clock.valid_to_available_at:
        return column(clock.valid_to_available_at, table)
    if clock.available_at:
        return column(clock.available_at, table)
    assert clock.valid_to is not None
    return after(column(clock.valid_to, table), clock.delay)


def after(instant: exp.Expr, delay: str | None) -> exp.Expr:
    """`instant + delay`; the instant itself where nothing would be added."""
    return exp.Add(this=instant, expression=interval(delay)) if delay and SOME.search(delay) else instant


def reached(instant: exp.Expr, at: exp.Expr, boundary: Boundary) -> exp.Expr:
    """Whether `instant` is on the known side of `at`: the edge of every "as known at"."""
    compare = exp.LTE if boundary == "inclusive" else exp.LT
    return compare(this=instant.copy(), expression=at.copy())


def pending(instant: exp.Expr, at: exp.Expr, boundary: Boundary) -> exp.Expr:
    """The opposite of `reached`, where NULL stands for an instant that never comes."""
    compare = exp.GT if boundary == "inclusive" else exp.GTE
    later = compare(this=instant.copy(), expression=at.copy())
    return exp.paren(exp.or_(exp.Is(this=instant.copy(), expression=exp.null()), later))


def last_reached(at: exp.Expr, boundary: Boundary) -> exp.Expr:
    """The last whole microsecond that is `reached` at the microsecond `at`."""
    return at if boundary == "inclusive" else exp.Sub(this=at, expression=exp.Literal.number(1))


def known(clock: Clock, at: exp.Expr, boundary: Boundary, table: str | None = None) -> exp.Expr:
    """Whether a row, as a version of its key, is known at `at`. NULL instants are never known."""
    if clock.kind == "static":
        return exp.true()
    instants = [available_at(clock, table)]
    if clock.kind != "periods" and instants[0] != column(clock.start, table):
        instants.insert(0, column(clock.start, table))
    conditions = [reached(instant, at, boundary) for instant in instants]
    if clock.retracted_at:
        conditions.append(pending(column(clock.retracted_at, table), at, boundary))
    return exp.and_(*conditions)


def holds(clock: Clock, at: exp.Expr, boundary: Boundary, table: str | None = None) -> exp.Expr:
    """Whether a known row is part of the relation at `at`: not deleted and, for a period, begun
    and not known to have ended."""
    conditions: list[exp.Expr] = []
    if clock.deleted:
        flag = exp.cast(column(clock.deleted, table), "boolean")
        conditions.append(exp.not_(exp.func("coalesce", flag, exp.false())))
    if clock.kind == "periods":
        assert clock.valid_to is not None
        conditions.append(reached(column(clock.start, table), at, boundary))
        ended = pending(column(clock.valid_to, table), at, boundary)
        unlearnt = pending(end_available_at(clock, table), at, boundary)
        conditions.append(exp.paren(exp.or_(ended, unlearnt)))
    return exp.and_(*conditions) if conditions else exp.true()


def visible(clock: Clock, at: exp.Expr, boundary: Boundary, table: str | None = None) -> exp.Expr:
    """Whether a row of a relation without versions is in the relation at `at`."""
    held = holds(clock, at, boundary, table)
    conditions = [known(clock, at, boundary, table), *([] if held == exp.true() else [held])]
    return exp.and_(*conditions)


def version_order(clock: Clock) -> tuple[exp.Expr, ...]:
    """What orders the versions of one key; the greatest is the newest. A state's newest row is
    the one that happened last; a correction is the one that became available last."""
    start, available = column(clock.start), available_at(clock)
    first = (start, available) if clock.kind == "state" else (available, start)
    return (*first, *(column(name) for name in clock.tie_break))
