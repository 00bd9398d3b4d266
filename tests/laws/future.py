"""Change everything that is not known at an instant, and nothing that is."""

from __future__ import annotations

from math import inf

from featsql.temporal import Boundary, Clock
from laws.dice import Dice
from laws.instants import HOUR, Instant
from laws.oracle import end_availability, is_known, past
from laws.tables import Row, derived, random_rows


def changed(rows: list[Row], clock: Clock, t: float, boundary: Boundary, dice: Dice, *, noise: bool) -> list[Row]:
    """The rows of a source as they could have been, had the time after `t` gone otherwise: what was
    not known is left out or, with `noise`, is something else and more of it."""
    if clock.kind == "static":
        return rows
    known = [not_yet(row, clock, t, boundary, dice) for row in rows if arrived(row, clock, t, boundary)]
    if not noise:
        return known
    late = [derived({**row, **beyond(clock, t, boundary, dice)}) for row in random_rows(dice, 20)]
    return sorted((*known, *late), key=lambda _: dice.number(0, 1000))


def arrived(row: Row, clock: Clock, t: float, boundary: Boundary) -> bool:
    """Whether a row is known by `t`, retracted since or not."""
    return is_known({**row, "gone": None}, clock, t, boundary)


def not_yet(row: Row, clock: Clock, t: float, boundary: Boundary, dice: Dice) -> Row:
    """A known row of which the retraction or the end, where they lie beyond `t`, are others."""
    other = dict(row)
    if clock.retracted_at is not None and not past(row[clock.retracted_at], t, boundary):
        other[clock.retracted_at] = later(t, boundary, dice)
    if clock.kind == "periods" and not past(end_availability(row, clock), t, boundary):
        other[str(clock.valid_to)] = later(t, boundary, dice)
        if clock.valid_to_available_at is not None:
            other[clock.valid_to_available_at] = later(t, boundary, dice)
    return other


def beyond(clock: Clock, t: float, boundary: Boundary, dice: Dice) -> Row:
    """The instants of a row that is not known at `t`."""
    when = later(t, boundary, dice)
    return {"seen": when} if clock.available_at is not None else {"at": when}


def later(t: float, boundary: Boundary, dice: Dice) -> Instant:
    """An instant that has not come by `t`."""
    first = t if boundary == "exclusive" else t + 1
    return dice.one((first, first + HOUR, t + 30 * HOUR, inf, None))
