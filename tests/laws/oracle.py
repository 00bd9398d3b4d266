"""Section 1 of the meaning in plain Python: what a relation is at an instant.

Written from the words alone: it shares with featsql nothing but the fields of a clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan
from typing import Any

from featsql.temporal import Boundary, Clock
from laws.instants import DAY, HOUR, Instant, shift
from laws.tables import SCALARS, Row

UNITS = {"second": 1_000_000, "hour": HOUR, "day": DAY}


def relation_at(rows: Iterable[Row], clock: Clock, t: Instant, boundary: Boundary) -> list[Row]:
    """The rows of a relation at `t`."""
    if clock.kind == "static":
        return list(rows)
    known = [row for row in rows if is_known(row, clock, t, boundary)]
    if clock.unique_key:
        known = newest(known, clock)
    return [opened(row, clock, t, boundary) for row in known if is_there(row, clock, t, boundary)]


def past(instant: Instant, t: Instant, boundary: Boundary) -> bool:
    """Whether an instant has come by `t`; NULL never comes."""
    if instant is None or t is None:
        return False
    return instant <= t if boundary == "inclusive" else instant < t


def delay(clock: Clock) -> int:
    """A clock's delay in microseconds."""
    if clock.delay is None:
        return 0
    count, unit = clock.delay.split()
    return int(count) * UNITS[unit.removesuffix("s")]


def start(row: Row, clock: Clock) -> Instant:
    """When a row happened, or its period began."""
    value: Instant = row[str(clock.valid_from if clock.kind == "periods" else clock.event_time)]
    return value


def availability(row: Row, clock: Clock) -> Instant:
    """When a row could first have been known."""
    if clock.available_at is not None:
        value: Instant = row[clock.available_at]
        return value
    return shift(start(row, clock), delay(clock))


def end_availability(row: Row, clock: Clock) -> Instant:
    """When the end of a row's period could first have been known."""
    column = clock.valid_to_available_at or clock.available_at
    return row[column] if column is not None else shift(row[str(clock.valid_to)], delay(clock))


def is_known(row: Row, clock: Clock, t: Instant, boundary: Boundary) -> bool:
    """Whether a row has come to be known by `t` and was not retracted by then."""
    if t is None or not past(availability(row, clock), t, boundary):
        return False
    if clock.kind != "periods" and not past(start(row, clock), t, boundary):
        return False
    return clock.retracted_at is None or not past(row[clock.retracted_at], t, boundary)


def newest(rows: Iterable[Row], clock: Clock) -> list[Row]:
    """Of each key, the newest version: what happened last of a state, what was learnt last else."""
    best: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple(row[name] for name in clock.unique_key)
        if key not in best or age(row, clock) > age(best[key], clock):
            best[key] = row
    return list(best.values())


def age(row: Row, clock: Clock) -> list[tuple[Any, ...]]:
    """What orders versions; the last resort is the row's own values, column by column."""
    instants = [start(row, clock), availability(row, clock)]
    if clock.kind != "state":
        instants.reverse()
    values = [*instants, *(row[name] for name in clock.tie_break), *(row[name] for name in SCALARS)]
    return [rank(value) for value in values]


def rank(value: Any) -> tuple[Any, ...]:
    """NULL is the least of all values, NaN the greatest number."""
    if value is None:
        return (0,)
    if isinstance(value, float) and isnan(value):
        return (2,)
    return (1, value)


def is_there(row: Row, clock: Clock, t: Instant, boundary: Boundary) -> bool:
    """Whether a known row is in the relation: it is no deletion, and its period is not over."""
    if clock.deleted is not None and row[clock.deleted]:
        return False
    if clock.kind != "periods":
        return True
    over = past(row[str(clock.valid_to)], t, boundary) and past(end_availability(row, clock), t, boundary)
    return past(start(row, clock), t, boundary) and not over


def opened(row: Row, clock: Clock, t: Instant, boundary: Boundary) -> Row:
    """A row whose end was not known by `t` has none."""
    if clock.kind != "periods" or past(end_availability(row, clock), t, boundary):
        return row
    return {**row, str(clock.valid_to): None}
