"""How far before `as_of()` a row can still matter: the lower end of each scan's time interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlglot import exp

from featsql.resolve.aggregates import has_aggregate, is_aggregate
from featsql.resolve.qualify import Resolved
from featsql.resolve.scope import conjuncts

SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400, "WEEK": 604800}


def lower_bounds(resolved: Resolved, clocks: Mapping[int, str]) -> Mapping[int, exp.Interval]:
    """For each scan an interval w such that rows with `event_time < as_of() - w` change nothing.

    `clocks` gives the event-time column of each scan that is worth asking about. Found in WHERE
    and ON, and in the filters of a final aggregate if every aggregate has one: that a group is
    there at all does not matter then, because a missing row gets the aggregates' values over no rows.
    """
    if resolved.tree is None:
        return {}
    found: dict[int, exp.Interval] = {}
    for select in resolved.tree.find_all(exp.Select):
        for table, terms in filtered(select):
            number = table.meta.get("scan", -1)
            if number in clocks:
                bounds = [b for term in terms if (b := bound_of(term, table.alias_or_name, clocks[number])) is not None]
                if bounds:
                    found[number] = min(bounds, key=seconds)
    final = final_aggregate(resolved, clocks)
    if final is not None and final[0] not in found:
        found[final[0]] = final[1]
    return found


def filtered(select: exp.Select) -> Iterable[tuple[exp.Table, list[exp.Expr]]]:
    """Each table of a SELECT with the conditions that its rows must satisfy to have any effect."""
    where = conjuncts(select.args["where"].this) if select.args.get("where") else []
    clause = select.args.get("from_")
    joins: Sequence[exp.Join] = select.args.get("joins") or ()
    as_of_joined = any(join.method for join in joins)
    if clause is not None and isinstance(clause.this, exp.Table):
        yield clause.this, where
    for join in joins:
        if not isinstance(join.this, exp.Table) or join.method or as_of_joined:
            continue
        outer = join.side in {"FULL", "RIGHT"} or join.kind == "ANTI"
        on = [] if outer else conjuncts(join.args.get("on"))
        yield join.this, ([] if join.kind in {"SEMI", "ANTI"} else where) + on


def bound_of(term: exp.Expr, alias: str, column: str) -> exp.Interval | None:
    """The interval w of a term that says `column > as_of() - w`, in any spelling."""
    match term:
        case exp.GT() | exp.GTE():
            return back_from_as_of(term.this, term.expression, alias, column)
        case exp.LT() | exp.LTE():
            return back_from_as_of(term.expression, term.this, alias, column)
        case exp.Between():
            return back_from_as_of(term.this, term.args["low"], alias, column)
        case _:
            return None


def back_from_as_of(instant: exp.Expr, bound: exp.Expr, alias: str, column: str) -> exp.Interval | None:
    """The interval of `as_of() - interval`, where `instant` is the clock's column."""
    if not isinstance(instant, exp.Column):
        return None
    if (instant.table.casefold(), instant.name.casefold()) != (alias.casefold(), column.casefold()):
        return None
    bound = bound.unnest()
    if not isinstance(bound, exp.Sub) or not isinstance(bound.this, exp.Anonymous):
        return None
    back = bound.expression.unnest()
    if bound.this.name.casefold() != "as_of" or not isinstance(back, exp.Interval) or seconds(back) <= 0:
        return None
    return back


def seconds(interval: exp.Interval) -> int:
    """The length of an interval in fixed units; 0 where it is not one."""
    unit = str(interval.args.get("unit") or "").upper().removesuffix("S")
    amount = interval.this.name if isinstance(interval.this, exp.Literal) else ""
    return int(amount) * SECONDS.get(unit, 0) if amount.isdigit() else 0


def final_aggregate(resolved: Resolved, clocks: Mapping[int, str]) -> tuple[int, exp.Interval] | None:
    """The scan and the widest filter of a model that is one aggregate of one scan, every aggregate filtered."""
    select = resolved.tree
    if not isinstance(select, exp.Select) or select.args.get("joins") or not select.args.get("from_"):
        return None
    parts = ("having", "qualify", "distinct", "limit", "offset", "laterals", "with_", "sample")
    table = select.args["from_"].this
    if any(select.args.get(part) for part in parts) or not isinstance(table, exp.Table):
        return None
    number = int(table.meta.get("scan", -1))
    if number not in clocks or not groups_plainly(select):
        return None
    grouped = {value.sql("duckdb") for value in plain_projections(select, resolved.aggregates)}
    bounds: list[exp.Interval] = []
    for value in select.expressions:
        if value.unalias().sql("duckdb") in grouped:
            continue
        widest = widest_filter(value.unalias(), table.alias_or_name, clocks[number], resolved.aggregates)
        if widest is None:
            return None
        bounds.append(widest)
    return (number, max(bounds, key=seconds)) if bounds else None


def groups_plainly(select: exp.Select) -> bool:
    """Whether a SELECT groups, and by plain columns."""
    group = select.args.get("group")
    if group is None:
        return False
    odd = any(group.args.get(part) for part in ("grouping_sets", "cube", "rollup", "totals"))
    return not odd and all(isinstance(term, exp.Column) for term in group.expressions)


def plain_projections(select: exp.Select, aggregates: frozenset[str]) -> list[exp.Expr]:
    """The projections that are plain columns, the group's keys."""
    return [
        value.unalias()
        for value in select.expressions
        if isinstance(value.unalias(), exp.Column) and not has_aggregate(value, aggregates)
    ]


def widest_filter(value: exp.Expr, alias: str, column: str, aggregates: frozenset[str]) -> exp.Interval | None:
    """The widest of an expression's filters by the clock; None unless every aggregate has one and no
    column stands outside of them."""
    bounds: list[exp.Interval] = []
    if value.find(exp.Window, exp.Query):
        return None
    for node in value.walk(prune=lambda n: isinstance(n, exp.Filter)):
        if isinstance(node, exp.Filter):
            terms = conjuncts(node.expression.this)
            own = [b for term in terms if (b := bound_of(term, alias, column)) is not None]
            if not own:
                return None
            bounds.append(min(own, key=seconds))
        elif isinstance(node, exp.Column) or is_aggregate(node, aggregates):
            return None
    return max(bounds, key=seconds) if bounds else None
