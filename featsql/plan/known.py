"""A relation as it is at an instant: the rows of section 1 of the meaning, as a query that can be correlated.

A relation with versions is first turned into rows that each hold for one interval of knowledge,
`[known_from, known_to)`: a row stops being the newest when a newer one becomes known. Two
inequalities on one table are then all that a reader needs.
"""

from __future__ import annotations

from sqlglot import exp

from featsql.plan import names
from featsql.plan.edges import is_steady
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.nanoseconds import by_column, seen_at
from featsql.temporal import (
    Boundary,
    Clock,
    available_at,
    column,
    end_available_at,
    holds,
    interval,
    pending,
    reached,
    version_order,
    visible,
)

# Types of instants that are the same everywhere, so that to each a day may be added as so many hours.
ZONELESS = frozenset({"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"})


def rows_at(info: RelationInfo, table: exp.Expr, at: exp.Expr, boundary: Boundary, versions: str | None) -> exp.Select:
    """The rows of a relation at `at`, with the relation's own columns.

    `table` is the relation's bound name; `versions` the name of the query made by `validity_intervals`,
    which a relation with versions is read from.
    """
    clock = info.clock
    assert clock is not None, f"{info.key} has no clock"
    at = seen_at(at, fine=info.is_fine, boundary=boundary)
    if versions is None:
        found = project(info, at, boundary).from_(table.copy(), copy=False)
        return by_column(found.where(visible(clock, at, boundary), copy=False), at, info.coarse, boundary)
    rows = project(info, at, boundary).from_(exp.to_table(versions), copy=False)
    since, until = column(names.KNOWN_FROM), column(names.KNOWN_TO)
    seen = (reached(since, at, boundary), pending(until, at, boundary), holds(clock, at, boundary))
    return by_column(rows.where(*seen, copy=False), at, info.coarse, boundary)


def project(info: RelationInfo, at: exp.Expr, boundary: Boundary) -> exp.Select:
    """The relation's columns; the end of a period reads as open until it could be known."""
    clock = info.clock
    assert clock is not None
    if clock.kind != "periods":
        return exp.select(*(column(name) for name in info.names))
    learnt = reached(end_available_at(clock), at, boundary)
    assert clock.valid_to is not None
    end = exp.Case(ifs=[exp.If(this=learnt, true=column(clock.valid_to))])
    same = clock.valid_to.casefold()
    return exp.select(
        *(exp.alias_(end.copy(), name, quoted=True) if name.casefold() == same else column(name) for name in info.names)
    )


def validity_intervals(info: RelationInfo, table: exp.Expr) -> exp.Select:
    """Every version of a relation with the interval `[known_from, known_to)` in which it is the newest
    one known of its key; versions that never are the newest are left out."""
    clock = info.clock
    assert clock is not None
    assert clock.versioned
    return intervals_of_retractable(info, table) if clock.retracted_at else intervals_of_lasting(info, table)


def intervals_of_lasting(info: RelationInfo, table: exp.Expr) -> exp.Select:
    """Where nothing is retracted, a version lasts until the first newer one becomes known."""
    clock = info.clock
    assert clock is not None
    begun = (
        exp.select(exp.Star(), exp.alias_(known_from(clock), names.KNOWN_FROM))
        .from_(table.copy(), copy=False)
        .where(has_instants(clock), copy=False)
    )
    until = exp.Window(
        this=exp.Min(this=column(names.KNOWN_FROM)),
        partition_by=[column(name) for name in clock.unique_key],
        order=newest_first(info),
        spec=exp.WindowSpec(
            kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end=exp.Literal.number(1), end_side="PRECEDING"
        ),
    )
    bounded = exp.select(exp.Star(), exp.alias_(until, names.KNOWN_TO)).from_(begun.subquery("begun"), copy=False)
    lasting = exp.or_(
        exp.Is(this=column(names.KNOWN_TO), expression=exp.null()),
        exp.LT(this=column(names.KNOWN_FROM), expression=column(names.KNOWN_TO)),
    )
    return exp.select(exp.Star()).from_(bounded.subquery("bounded"), copy=False).where(lasting, copy=False)


def intervals_of_retractable(info: RelationInfo, table: exp.Expr) -> exp.Select:
    """Where a version can be retracted an older one may come back: between any two neighbouring
    instants at which something changes for a key, the newest of the versions known there holds."""
    clock = info.clock
    assert clock is not None
    assert clock.retracted_at is not None
    begun = (
        exp.select(exp.Star(), exp.alias_(known_from(clock), names.KNOWN_FROM))
        .from_(table.copy(), copy=False)
        .where(has_instants(clock), copy=False)
    )
    keys = [column(names.key(i), "span") for i in range(len(clock.unique_key))]
    point = column(names.POINT, "span")
    same_key = [
        exp.NullSafeEQ(this=column(name, "version"), expression=key.copy())
        for name, key in zip(clock.unique_key, keys, strict=True)
    ]
    inside = [
        reached(column(names.KNOWN_FROM, "version"), point, "inclusive"),
        pending(column(clock.retracted_at, "version"), point, "inclusive"),
    ]
    first = exp.Window(
        this=exp.RowNumber(),
        partition_by=[*(key.copy() for key in keys), point.copy()],
        order=newest_first(info, "version"),
    )
    return (
        exp.select(
            *(column(name, "version") for name in info.names),
            exp.alias_(point.copy(), names.KNOWN_FROM),
            column(names.KNOWN_TO, "span"),
        )
        .from_(spans_of_change(clock, begun).subquery("span"), copy=False)
        .join(begun.subquery("version"), on=exp.and_(*same_key, *inside), copy=False)
        .qualify(exp.EQ(this=first, expression=exp.Literal.number(1)), copy=False)
    )


def spans_of_change(clock: Clock, begun: exp.Select) -> exp.Select:
    """For each key the validity intervals between neighbouring instants at which a version begins or is retracted."""
    retracted_at = column(str(clock.retracted_at))
    keys = [column(name) for name in clock.unique_key]
    starts = exp.select(*keys, exp.alias_(column(names.KNOWN_FROM), names.POINT)).from_(
        begun.subquery("begun"), copy=False
    )
    ends = exp.select(*keys, exp.alias_(retracted_at, names.POINT)).from_(begun.subquery("begun"), copy=False)
    points = exp.union(starts, ends.where(exp.not_(exp.Is(this=retracted_at.copy(), expression=exp.null()))))
    following = exp.Window(
        this=exp.Lead(this=column(names.POINT)),
        partition_by=[key.copy() for key in keys],
        order=exp.Order(expressions=[exp.Ordered(this=column(names.POINT))]),
    )
    return exp.select(
        *(exp.alias_(key.copy(), names.key(i)) for i, key in enumerate(keys)),
        column(names.POINT),
        exp.alias_(following, names.KNOWN_TO),
    ).from_(points.subquery("points"), copy=False)


def known_from(clock: Clock) -> exp.Expr:
    """The instant from which a version is known: not before it begins, and no delay is negative."""
    if clock.kind == "periods" or clock.available_at is None:
        return available_at(clock)
    return exp.Greatest(this=column(clock.start), expressions=[available_at(clock)])


def known_in_order(info: RelationInfo) -> bool:
    """Whether of two rows of a relation the one that happened first is never known later than the other: each after
    the same time. A day is as long as any other where instants have no zone, in which clocks could change."""
    clock = info.clock
    if clock is None or clock.kind not in {"events", "state"} or clock.available_at or clock.retracted_at:
        return False
    if clock.delay is None:
        return True
    delay = clock.delay.casefold()
    dated = "day" in delay or "week" in delay
    return is_steady(interval(clock.delay)) and (not dated or (info.type_of(clock.start) or "").upper() in ZONELESS)


def has_instants(clock: Clock) -> exp.Expr:
    """Whether the instants of a version are there: `greatest` would pass over a NULL in silence."""
    needed: list[exp.Expr] = [column(clock.start)] if clock.kind != "periods" else []
    if clock.available_at or not needed:
        needed.append(available_at(clock))
    return exp.and_(*(exp.not_(exp.Is(this=each, expression=exp.null())) for each in needed))


def newest_first(info: RelationInfo, table: str | None = None) -> exp.Order:
    """A total order of the versions of one key: the clock's own, then every other column, so that a tie that the
    tie-break does not settle has the same winner every time. What is the same wherever the terms before it are is
    left out."""
    assert info.clock is not None
    terms: list[exp.Expr] = []
    told = {name.casefold() for name in info.clock.unique_key}
    for term in (*version_order(info.clock), *(column(name) for name in info.names)):
        if {each.name.casefold() for each in term.find_all(exp.Column)} <= told and terms:
            continue
        terms.append(qualify(term, table))
        if isinstance(term, exp.Column):
            told.add(term.name.casefold())
    return exp.Order(expressions=[exp.Ordered(this=term, desc=True, nulls_first=False) for term in terms])


def qualify(term: exp.Expr, table: str | None) -> exp.Expr:
    """`term` with its columns bound to `table`."""
    if table is None:
        return term
    bound = term.copy()
    for each in bound.find_all(exp.Column):
        each.set("table", exp.to_identifier(table, quoted=True))
    return bound
