"""Instants as whole microseconds with two infinities, as SQL writes them, and random ones that collide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf

from laws.dice import Dice

Instant = float | None
SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The clocks of Europe change in the middle of this night, and a month ends two days later.
NIGHT = int((datetime(2024, 3, 30, 20, tzinfo=UTC) - EPOCH).total_seconds()) * SECOND
EDGES = (
    NIGHT - 30 * DAY,  # the last evening of February
    NIGHT - 30 * DAY + 4 * HOUR,
    NIGHT + 2 * DAY + 4 * HOUR,  # the first of April
    NIGHT - 24 * HOUR,
    NIGHT - 365 * DAY,
)


def instant(dice: Dice, missing: int = 5, infinite: int = 4) -> Instant:
    """An instant that many others share; NULL and the infinities in some percent of cases."""
    if dice.chance(missing):
        return None
    if dice.chance(infinite):
        return dice.one((inf, -inf))
    if dice.chance(10):
        return dice.one(EDGES)
    hour = NIGHT + dice.number(0, 11) * HOUR
    return hour + dice.one((0, 0, 0, 0, 0, 0, 0, 1, -1, 30 * 60 * SECOND))


def text(value: Instant, zoned: bool) -> str | None:
    """An instant as the engine prints it."""
    if value is None:
        return None
    if value in (inf, -inf):
        return "infinity" if value > 0 else "-infinity"
    moment = EPOCH + timedelta(microseconds=int(value))
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction}{'+00' if zoned else ''}"


def type_name(zoned: bool) -> str:
    """The engine's name of the type of instants."""
    return "TIMESTAMP WITH TIME ZONE" if zoned else "TIMESTAMP"


def shift(value: Instant, by: int) -> Instant:
    """An instant moved by microseconds; NULL and the infinities stay."""
    return value if value is None else value + by
