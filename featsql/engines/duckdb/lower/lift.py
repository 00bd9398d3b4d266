"""The general lifting: a model's own query with every relation replaced by what it is at an instant.

The result is correlated with the probe that supplies the instant and the keys; evaluated
laterally for each probe it *is* the meaning of a features model. The engine's decorrelation turns
it into joins, so that any query that the engine can decorrelate is supported as it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from sqlglot import exp

from featsql.plan.known import rows_at
from featsql.plan.outer import instant_of, is_as_of, lower_terms
from featsql.plan.plan import Scan
from featsql.resolve.nanoseconds import of_type, whole, within_reach
from featsql.temporal import Boundary, column

SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400, "WEEK": 604800}


class Moment(Struct, frozen=True):
    """From where a lifted query is looked at: the instant, the wanted keys, and how the relations
    with versions are called (by relation key)."""

    at: exp.Expr
    boundary: Boundary
    keys: Sequence[exp.Expr] = ()
    match_nulls: Sequence[bool] = ()
    versions: Mapping[str, str] | None = None


def lift(tree: exp.Query, scans: Mapping[int, Scan], moment: Moment) -> exp.Query:
    """`tree` at a moment: its relations as they are then, `as_of()` its instant."""
    return substitute(tree, moment.at, lambda index: rows(scans[index], moment))


def substitute(tree: exp.Query, at: exp.Expr, relation: Callable[[int], exp.Query]) -> exp.Query:
    """A copy of `tree` with every scan replaced by `relation(its index)`, and `as_of()` by what it is at `at`."""
    lifted = tree.copy()
    lower_terms(lifted)
    for table in [t for t in lifted.find_all(exp.Table) if "scan" in t.meta]:
        table.replace(in_place_of(table, relation(table.meta["scan"])))
    for call in [c for c in lifted.find_all(exp.Anonymous) if is_as_of(c)]:
        call.replace(instant_of(call, at))
    return lifted


def in_place_of(table: exp.Table, query: exp.Query) -> exp.Subquery:
    """`query` as a subquery with all that the table carried: its alias, joins, pivots."""
    given = table.args.get("alias")
    alias = given.copy() if given else exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
    if alias.this is None:
        alias.set("this", exp.to_identifier(table.name, quoted=True))
    subquery = exp.Subquery(this=query, alias=alias)
    for part in ("joins", "laterals", "pivots", "sample"):
        if table.args.get(part):
            subquery.set(part, table.args[part])
    return subquery


def rows(scan: Scan, moment: Moment) -> exp.Query:
    """The rows that a scan sees: visible, of the wanted keys where those may be pushed, and no older
    than the lookback."""
    versions = (moment.versions or {}).get(scan.relation.key)
    visible = rows_at(scan.relation, scan.table, moment.at, moment.boundary, versions)
    same = (same_key(name, moment.keys[i], moment.match_nulls[i]) for i, name in scan.keys)
    visible = visible.where(*same, copy=False)
    if scan.lookback is None:
        return visible
    return recent(visible, scan, moment)


def same_key(name: str, wanted: exp.Expr, match_nulls: bool) -> exp.Expr:
    """Whether a row has the wanted key; NULL equals nothing unless the entity matches nulls."""
    compare = exp.NullSafeEQ if match_nulls else exp.EQ
    return compare(this=column(name), expression=wanted.copy())


def recent(visible: exp.Select, scan: Scan, moment: Moment) -> exp.Query:
    """Only rows within the lookback, found by equality of buckets as wide as the lookback: a row that
    old or younger lies in the bucket of the instant or in the one before. A join on equality
    stays fast where the keys alone have few values."""
    clock, lookback = scan.relation.clock, scan.lookback
    assert clock is not None
    assert lookback is not None
    start, at, fine = column(clock.start), whole(moment.at), scan.relation.is_fine
    since = exp.Sub(this=at, expression=lookback.copy())
    oldest = exp.GTE(this=start, expression=within_reach(since) if fine else since)
    seconds = width(lookback)
    if seconds is None:
        return visible.where(oldest, copy=False)
    happened = whole(of_type(start, scan.relation.type_of(clock.start) or "")) if fine else start
    theirs, ours = bucket(happened, seconds), bucket(at, seconds)
    before = exp.Sub(this=ours.copy(), expression=exp.Literal.number(1))
    this_bucket = visible.where(oldest.copy(), exp.NullSafeEQ(this=theirs, expression=ours))
    previous = visible.where(oldest, exp.EQ(this=theirs.copy(), expression=before))
    return exp.union(this_bucket, previous, distinct=False)


def width(lookback: exp.Interval) -> int | None:
    """The length of an interval in seconds; None for calendar units."""
    unit = str(lookback.args.get("unit") or "").upper().removesuffix("S")
    if unit not in SECONDS or not lookback.this or not str(lookback.this.name).isdigit():
        return None
    return int(lookback.this.name) * SECONDS[unit] or None


def bucket(instant: exp.Expr, seconds: int) -> exp.Expr:
    """The number of the bucket that an instant lies in, counted from the epoch; NULL for infinite instants, which
    have no bucket before theirs."""
    epoch = exp.Anonymous(this="epoch", expressions=[instant.copy()])
    return exp.Floor(this=exp.Div(this=epoch, expression=exp.Literal.number(seconds)))
