"""What a relation holds, and how much of it stands: measured in one reading, and compared with an earlier measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from featsql.engine import Engine
from featsql.plan.microseconds import FOREVER, happened
from featsql.plan.plan import Scan
from featsql.resolve.catalog import RelationInfo
from featsql.temporal import available_at, column

HOUR = 3_600_000_000
# How wide the buckets may be in which the rows of a relation are measured, and how many there may be of them.
WIDTHS = tuple(hours * HOUR for hours in (1, 6, 24, 24 * 7, 24 * 30, 24 * 365))
BUCKETS = 500
# How many rows, and the sum of their hashes.
Measure = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Extent:
    """What a relation holds: its clock and columns (`made`), the last instant at which a row became known (None: no
    clock), all rows and those of each bucket of event time, `width` microseconds wide (None: it has no buckets)."""

    made: str
    last: str | None
    whole: Measure
    width: int | None = None
    buckets: Mapping[str, Measure] = field(default_factory=dict)


def extent_from(held: Mapping[str, Any]) -> Extent:
    """An extent as it was written down. Raises KeyError or TypeError for what is none."""
    buckets = {number: (count, total) for number, (count, total) in held["buckets"].items()}
    return Extent(held["made"], held["last"], tuple(held["whole"]), held["width"], buckets)


@dataclass(frozen=True, slots=True)
class Change:
    """Which instants may see a relation otherwise than before: those after `after`, and of them those that see
    into one of `ranges`, microseconds of event time from the first to the last (None: all)."""

    after: str | None
    ranges: tuple[tuple[int, int], ...] | None


def extent(scan: Scan, engine: Engine, before: Extent | None) -> tuple[Extent, Change | None]:
    """The extent of a relation, and what has changed since `before`; None where everything may have."""
    info, width = scan.relation, width_of(scan, engine)
    until = before.last if before else None
    now, then = measured(scan, engine, width, until)
    if before is None or before.made != now.made:
        return now, None
    if now == before:
        return now, Change(None, ())
    same = now if before.width == now.width else measured(scan, engine, before.width, until)[0]
    stable = until if then == before.whole and until is not None else None
    ranges = tuple(changed(before, same)) if bucketed(info) and before.width else None
    if ranges is not None and any(abs(end) >= FOREVER // 16 for span in ranges for end in span):
        ranges = None
    return now, None if stable is None and ranges is None else Change(stable, ranges)


def bucketed(info: RelationInfo) -> bool:
    """Whether a row of a relation tells nothing to an instant before its event time, and is one for itself."""
    return info.clock is not None and info.clock.kind == "events" and not info.clock.versioned


def width_of(scan: Scan, engine: Engine) -> int | None:
    """How wide the buckets of a relation are best."""
    if not bucketed(scan.relation):
        return None
    instant = happened(scan.relation)
    ends = [exp.Min(this=instant), exp.Max(this=instant.copy())]
    finite = exp.LT(this=exp.Abs(this=instant.copy()), expression=exp.Literal.number(FOREVER))
    first, last = engine.rows(exp.select(*ends).from_(scan.table.copy()).where(finite).sql("duckdb"))[0]
    found = (width for width in WIDTHS if first is None or (last - first) // width < BUCKETS)
    return next(found, WIDTHS[-1])


def measured(scan: Scan, engine: Engine, width: int | None, until: str | None) -> tuple[Extent, Measure]:
    """The extent of a relation, and what of it had become known until an instant. The hash is hashed
    once more, since the engine's hash of several values is too regular to be added up."""
    info, clock = scan.relation, scan.relation.clock
    timed = clock is not None and clock.kind != "static"
    known: exp.Expr = available_at(clock) if clock is not None and timed else exp.true()
    there = exp.not_(exp.Is(this=known, expression=exp.null()))
    then = exp.LTE(this=known.copy(), expression=exp.Literal.string(until)) if timed and until else exp.true()
    row = exp.func("hash", exp.func("hash", *(column(each.name) for each in info.columns)))
    last = exp.cast(exp.Max(this=known.copy()), "varchar") if timed else exp.null()
    values: list[exp.Expr] = [last]
    for condition in (there, exp.and_(there.copy(), then)):
        where, total = exp.Where(this=condition), exp.Sum(this=exp.cast(row.copy(), "hugeint"))
        values += [exp.Filter(this=call, expression=where.copy()) for call in (exp.Count(this=exp.Star()), total)]
    query = exp.select(*values).from_(scan.table.copy())
    (found,) = engine.rows(query.sql("duckdb"))
    made = repr((clock, [(each.name, each.type) for each in info.columns]))
    buckets = {}
    if width is not None:
        bucket = exp.IntDiv(this=happened(info), expression=exp.Literal.number(width))
        each = exp.select(bucket, *(value.copy() for value in values[1:3])).from_(scan.table.copy())
        rows = engine.rows(each.group_by(bucket.copy()).sql("duckdb"))
        buckets = {str(number): (count, str(total)) for number, count, total in rows if number is not None}
    return Extent(made, found[0], (found[1], str(found[2])), width, buckets), (found[3], str(found[4]))


def changed(before: Extent, now: Extent) -> Iterator[tuple[int, int]]:
    """The microseconds of event time, from the first to the last, in which rows are not as they were."""
    assert before.width is not None
    keys = (
        key for key in before.buckets.keys() | now.buckets.keys() if before.buckets.get(key) != now.buckets.get(key)
    )
    last: tuple[int, int] | None = None
    for number in sorted(map(int, keys)):
        # whichever way the engine rounds a quotient below zero
        start, end = (number - (number <= 0)) * before.width, (number + 1) * before.width
        if last is not None and start <= last[1]:
            last = (last[0], end)
            continue
        if last is not None:
            yield last
        last = (start, end)
    if last is not None:
        yield last
