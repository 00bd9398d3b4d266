"""Whether a reading of a relation stops at the last row visible at a probe's instant: by a frame, or by a join."""

from __future__ import annotations

from sqlglot import exp

from featsql.engines.duckdb.lower.over import LAST
from featsql.engines.duckdb.lower.pairs import ASKING, EVENT
from featsql.plan import names
from featsql.plan.microseconds import instants, last_visible
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.scope import conjuncts
from featsql.temporal import Boundary, column


def ends_at_probe(each: exp.Table, info: RelationInfo, query: exp.Select, boundary: Boundary) -> bool:
    """Whether the rows of one reading are told by when they became known, and seen by nothing but frames that end where
    a probe stands, or joins with probes that stand there: at the last instant that it sees."""
    clock, select = info.clock, each.parent_select
    if clock is None or clock.kind != "events" or clock.versioned or clock.retracted_at or select is None:
        return False
    known = instants(info)[names.ORDER].sql("duckdb")
    if [v.this.sql("duckdb") for v in select.expressions if v.alias == names.ORDER] != [known]:
        return False
    around = each.find_ancestor(exp.CTE)
    if around is None:
        return False
    stands = last_visible(info, column(names.AS_OF), boundary).sql("duckdb")
    lasts = [value.this.sql("duckdb") for value in query.find_all(exp.Alias) if value.alias == LAST]
    if stands not in lasts:
        return False
    if met_by_probe(each):
        return True
    windows = list(around.find_all(exp.Window))
    return bool(windows) and all(looks_back(window) for window in windows)


def met_by_probe(each: exp.Table) -> bool:
    """Whether the rows of one reading are only joined with probes that stand at them or after."""
    side = each.find_ancestor(exp.Subquery)
    while isinstance(side, exp.Subquery) and side.alias != EVENT:
        side = side.find_ancestor(exp.Subquery)
    join = side.parent if side is not None else None
    if not isinstance(join, exp.Join):
        return False
    seen = exp.LTE(this=column(names.ORDER, EVENT), expression=column(LAST, ASKING))
    return seen in conjuncts(join.args.get("on"))


def looks_back(window: exp.Window) -> bool:
    """Whether a window is a frame by when rows became known that ends at its row or before."""
    spec, order = window.args.get("spec"), window.args.get("order")
    if spec is None or order is None or [term.this for term in order.expressions] != [column(names.ORDER)]:
        return False
    ends: set[str] = {str(spec.args.get(part)) for part in ("kind", "end", "end_side")}
    return "RANGE" in ends and bool(ends & {"CURRENT ROW", "PRECEDING"})
