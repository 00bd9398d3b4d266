"""What a relation holds, and how much of it stands: measured in one reading, and compared with an earlier measure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from sqlglot import exp

from featsql.build.reuse.state import Extent as Extent
from featsql.build.reuse.state import Measure
from featsql.engine import Engine
from featsql.plan.microseconds import happened, known_type, micros
from featsql.plan.part import FOREVER
from featsql.plan.plan import Scan
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.temporal import available_at, column

HOUR = 3_600_000_000
# How wide the buckets may be in which the rows of a relation are measured, and how many there may be of them.
WIDTHS = tuple(hours * HOUR for hours in (1, 6, 24, 24 * 7, 24 * 30, 24 * 365))
BUCKETS = 500
# How many times as many there may be of a width that was best once.
MANY = 4
HOURS, STEP = "__hour", "__step"
MEASURES = ("__last", "__told", "__count", "__hashes", "__count_then", "__hashes_then")


class Change(Struct, frozen=True):
    """Which instants may see a relation otherwise than before: those after `after`, and of them those that see
    into one of `ranges`, microseconds of event time from the first to the last (None: all)."""

    after: str | None
    ranges: tuple[tuple[int, int], ...] | None


def extent(scan: Scan, engine: Engine, before: Extent | None) -> tuple[Extent, Change | None]:
    """The extent of a relation, and what has changed since `before`; None where everything may have."""
    until = before.last if before else None
    now, then = measured(scan, engine, before.width if before else None, until)
    if before is None or before.made != now.made:
        return now, None
    if now == before:
        return now, Change(None, ())
    stable = until if then == before.whole and until is not None else None
    ranges = tuple(changed(before, now)) if bucketed(scan.relation) and before.width else None
    if ranges is not None and any(abs(end) >= FOREVER // 16 for span in ranges for end in span):
        ranges = None
    if len(now.buckets) > MANY * BUCKETS:
        now, _ = measured(scan, engine, None, None)
    return now, None if stable is None and ranges is None else Change(stable, ranges)


def bucketed(info: RelationInfo) -> bool:
    """Whether a row of a relation tells nothing to an instant before its event time, and is one for itself."""
    return info.clock is not None and info.clock.kind == "events" and not info.clock.versioned


def measured(scan: Scan, engine: Engine, width: int | None, until: str | None) -> tuple[Extent, Measure]:
    """The extent of a relation in buckets of a width (None: of whatever is best), and what of it had become known
    until an instant."""
    info, clock = scan.relation, scan.relation.clock
    timed = clock is not None and clock.kind != "static"
    known: exp.Expr = available_at(clock) if clock is not None and timed else exp.true()
    there = exp.not_(exp.Is(this=known, expression=exp.null()))
    row = hashed(info.names)
    values: list[exp.Expr] = [
        exp.IntDiv(this=happened(info), expression=exp.Literal.number(HOUR)) if bucketed(info) else exp.null(),
        exp.Max(this=micros(known, known_type(info))) if timed else exp.null(),
        exp.cast(exp.Max(this=known.copy()), "varchar") if timed else exp.null(),
        *totals(row, there),
    ]
    if timed and until is not None:
        values += totals(row, exp.and_(there, exp.LTE(this=known.copy(), expression=exp.Literal.string(until))))
    named = [exp.alias_(value, name) for value, name in zip(values, (HOURS, *MEASURES), strict=False)]
    query = exp.select(*named).from_(scan.table.copy())
    if bucketed(info):
        query = widened(query.group_by(values[0].copy()), width)
    rows = engine.rows(query.sql("duckdb"))
    last = max(((latest, text) for _, latest, text, *_ in rows if latest is not None), default=(0, None))[1]
    now = added((each[3], each[4]) for each in rows)
    before = added((each[5], each[6]) for each in rows) if timed and until is not None else now
    buckets = {str(each[0]): (each[3], str(each[4])) for each in rows if each[0] is not None}
    found = rows[0][-1] * HOUR if bucketed(info) and rows else None
    return Extent(made_of(info), last, now, found or width, buckets), before


def made_of(info: RelationInfo) -> str:
    """A relation's clock and columns."""
    return repr((info.clock, [(each.name, each.type) for each in info.columns]))


def hashed(names: Iterable[str]) -> exp.Expr:
    """The hash of a row's columns, to be added up: hashed once more, since the engine's hash of several values is too
    regular for that."""
    return exp.cast(exp.func("hash", exp.func("hash", *(column(name) for name in names))), "hugeint")


def totals(row: exp.Expr, condition: exp.Expr) -> list[exp.Expr]:
    """How many rows fulfil a condition, and the sum of their hashes."""
    where = exp.Where(this=condition)
    calls = (exp.Count(this=exp.Star()), exp.Sum(this=row.copy()))
    return [exp.Filter(this=call, expression=where.copy()) for call in calls]


def widened(hours: exp.Select, width: int | None) -> exp.Select:
    """What was measured by the hour, in buckets of a width: if none is given, the least that makes few of them."""
    hour, names = column(HOURS), [value.alias for value in hours.expressions[1:]]
    step: exp.Expr = exp.Literal.number((width or HOUR) // HOUR)
    if width is None:
        finite = exp.LT(this=exp.Abs(this=hour.copy()), expression=exp.Literal.number(FOREVER // HOUR))
        spread = exp.Sub(this=exp.Max(this=hour.copy()), expression=exp.Min(this=hour.copy()))
        steps = [each // HOUR for each in WIDTHS]
        few = [
            exp.If(
                this=exp.LT(this=spread.copy(), expression=exp.Literal.number(each * BUCKETS)),
                true=exp.Literal.number(each),
            )
            for each in steps
        ]
        step = exp.Case(ifs=few, default=exp.Literal.number(steps[-1]))
        step = exp.select(step).from_("__hours").where(finite).subquery()
    chosen = exp.select(exp.alias_(exp.cast(step, "bigint"), STEP))
    bucket = exp.IntDiv(this=hour.copy(), expression=column(STEP))
    last, told, *sums = (column(name) for name in names)
    latest = [exp.Max(this=last), exp.ArgMax(this=told, expression=last.copy())]
    query = exp.select(bucket, *latest, *(exp.Sum(this=each) for each in sums), exp.Max(this=column(STEP)))
    query = query.from_("__hours")
    query = query.join(chosen.subquery("__width"), join_type="cross").group_by(bucket.copy())
    return query.with_("__hours", as_=hours)


def added(parts: Iterable[tuple[int, int | None]]) -> Measure:
    """The measure of a whole from those of its parts."""
    count = total = 0
    for each, hashes in parts:
        count, total = count + each, total + (hashes or 0)
    return count, str(total)


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
