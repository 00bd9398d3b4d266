"""Where a features model has no row: the one that stands for it, and whether its filters left out a group."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from sqlglot import exp

from featsql.engines.duckdb.lower.lift import Moment, in_place_of, lift, rows
from featsql.plan import names
from featsql.plan.outer import instant_of, is_as_of, lower_terms
from featsql.plan.plan import Lifted, Scan
from featsql.plan.unread import DEAD
from featsql.temporal import column


def absent(features: Lifted, row: exp.Query, moment: Moment, probe: str) -> exp.Select:
    """The one row of a model over no rows at a moment, its columns named as the model's own.

    What it reads for its types alone gives no rows, and no instant either: most such rows are then the same for
    every probe, and computed once. Subqueries beside aggregates see all rows of that moment.
    """
    lifted = row.copy()
    lower_terms(lifted)
    for table in [t for t in lifted.find_all(exp.Table) if "scan" in t.meta]:
        scan = features.scans[table.meta["scan"]]
        seen = nothing_of(scan) if DEAD in table.meta else rows(Scan(scan.relation, scan.table), moment)
        table.replace(in_place_of(table, seen))
    for call in [c for c in lifted.find_all(exp.Anonymous) if is_as_of(c)]:
        call.replace(no_instant(probe) if DEAD in call.meta else instant_of(call, moment.at))
    return exp.select(exp.Star()).from_(named(lifted, features), copy=False)


def named(row: exp.Query, features: Lifted) -> exp.Subquery:
    """The row under the names of the model's columns."""
    columns = [exp.to_identifier(name, quoted=True) for name in features.outputs]
    return exp.Subquery(this=row, alias=exp.TableAlias(this=exp.to_identifier("__absent"), columns=columns))


def nothing_of(scan: Scan) -> exp.Select:
    """No row of a relation."""
    return exp.select(exp.Star()).from_(scan.table.copy(), copy=False).where(exp.false(), copy=False)


def no_instant(probe: str) -> exp.Subquery:
    """NULL, of the type of the probes' instants."""
    query = exp.select(column(names.AS_OF)).from_(exp.to_table(probe), copy=False)
    return query.where(exp.false(), copy=False).subquery(copy=False)


def left_out(features: Lifted, moment: Moment, wanted: Sequence[exp.Expr]) -> exp.Expr | None:
    """Whether the entity has a group that the model's own filters leave out; None where they leave out nothing."""
    if features.defaults is None or features.defaults.groups is None:
        return None
    whole = {i: replace(scan, lookback=None) for i, scan in features.scans.items()}
    groups = lift(features.defaults.groups, whole, moment).subquery("__model")
    query = exp.select(exp.Literal.number(1)).from_(groups, copy=False)
    return exp.Exists(this=query.where(*(each.copy() for each in wanted), copy=False))
