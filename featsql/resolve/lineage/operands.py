"""What the parts of an expression do in it: flow on, decide, or pick the rows that count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from featsql.resolve.aggregates import has_aggregate
from featsql.resolve.lineage.lineage import Influence, Transformation
from featsql.resolve.lineage.lookback import STILL
from featsql.resolve.scope import joins, output

# Aggregates over which a row whose argument is NULL is no row at all.
SKIPPING = (exp.Sum, exp.Avg, exp.Count, exp.Min, exp.Max)

# The clauses that cut a result short, and how what they name decides about it.
CUTTING: Mapping[str, Influence] = {"order": "ordering", "limit": "limit", "offset": "limit"}
# What decides about which rows there are.
DECISIVE: Mapping[str, Influence] = {"where": "filter", "group": "grouping", "having": "filter", "qualify": "filter"}

# What has no operands: texts, types, and words, which have a rule of their own.
WORDS = (exp.DataType, exp.Identifier, exp.Literal, exp.Var)

# What has arguments that only decide.
DECIDING = (exp.Exists, exp.Filter, exp.In, exp.Order, exp.Window)


def meet_by_instant(select: exp.Select) -> bool:
    """Whether rows of different instants do not meet in a SELECT, if its instant is a column that it gives."""
    if any(select.args.get(part) for part in STILL if part not in {"group", "having"}):
        return False
    inside = select.walk(prune=lambda node: isinstance(node, exp.Query) and node is not select)
    group = select.args.get("group")
    sets = group is not None and any(group.args.get(part) for part in ("grouping_sets", "cube", "rollup"))
    return not sets and not any(isinstance(node, exp.Window) for node in inside)


def picked(node: exp.Expr) -> exp.Expr | None:
    """The condition of `sum(case when … then x end)` and its kin, without which a row counts for nothing."""
    inner = node.this if isinstance(node, SKIPPING) and not node.expressions else None
    if isinstance(inner, exp.Distinct) and len(inner.expressions) == 1:
        inner = inner.expressions[0]
    if isinstance(inner, exp.Case) and inner.this is None and len(inner.args["ifs"]) == 1:
        inner, default = inner.args["ifs"][0], inner.args.get("default")
    elif isinstance(inner, exp.If):
        default = inner.args.get("false")
    else:
        return None
    condition = inner.this if default is None or isinstance(default, exp.Null) else None
    return condition if isinstance(condition, exp.Expr) else None


def is_parameter(column: exp.Expr) -> bool:
    """Whether a column without a table is the parameter of a lambda."""
    node: exp.Expr | None = column.parent
    while node is not None:
        if isinstance(node, exp.Lambda) and column.name in {each.name for each in node.expressions}:
            return True
        if isinstance(node, exp.Comprehension) and node.expression.name == column.name:
            return True
        node = node.parent
    return False


def aliased(column: exp.Expr) -> exp.Expr | None:
    """The expression behind an output that ORDER BY or HAVING names."""
    select = column.parent_select
    value = output(select, column.name) if isinstance(select, exp.Select) else None
    inside = value is not None and any(node is column for node in value.walk())
    return None if inside else value


def clauses_of(select: exp.Select, aggregates: frozenset[str]) -> Iterator[tuple[exp.Expr, Influence]]:
    """What decides which rows a SELECT has and how they meet, and how it does."""
    found: list[tuple[object, Influence]] = [(each.args.get("on"), "join") for each in joins(select)]
    found += [(select.args.get(part), how) for part, how in DECISIVE.items()]
    distinct = select.args.get("distinct")
    if select.args.get("limit") or select.args.get("offset") or distinct:
        found += [(select.args.get(part), how) for part, how in CUTTING.items()]
        found += [(value, "ordering") for value in named_in_order(select)]
        found.append((distinct, "deduplication"))
    group = select.args.get("group")
    if group is not None and group.args.get("all"):
        plain = [value for value in select.expressions if not has_aggregate(value, aggregates)]
        found += [(value, "grouping") for value in plain]
    yield from ((clause, how) for clause, how in found if isinstance(clause, exp.Expr))


def named_in_order(select: exp.Select) -> Iterator[exp.Expr]:
    """The outputs that an ORDER BY means by their names, which come before those of columns, by their places, or by
    ALL."""
    order = select.args.get("order")
    for term in order.expressions if order is not None else ():
        inner = term.this
        if isinstance(inner, exp.Column) and not inner.table:
            value = output(select, inner.name)
            yield from () if value is None else (value,)
        elif isinstance(inner, exp.Var) or inner.name.upper() == "ALL":
            yield from (each.unalias() for each in select.expressions)
        elif isinstance(inner, exp.Literal) and inner.is_int and 0 < int(inner.this) <= len(select.expressions):
            yield select.expressions[int(inner.this) - 1].unalias()


def parts_of(
    value: exp.Expr, aggregates: frozenset[str], bare: bool
) -> Iterator[tuple[exp.Expr, Transformation, Influence | None]]:
    """The operands of an expression, each with what the expression makes of it, and how it decides where it only
    does so. A `bare` one is known to aggregate nothing."""
    step: Transformation = "expression"
    if isinstance(value, exp.Window):
        step = "window"
    elif isinstance(value, exp.Order):
        step = "identity"
    elif not bare and has_aggregate(value, aggregates) and not isinstance(value, exp.Alias):
        own = isinstance(value, exp.AggFunc | exp.Anonymous | exp.AnonymousAggFunc | exp.Filter | exp.WithinGroup)
        step = "aggregation" if own else "expression"
    decides = isinstance(value, DECIDING)
    for name, argument in value.args.items():
        how = deciding(value, name) if decides else None
        for part in argument if isinstance(argument, list) else [argument]:
            if isinstance(value, exp.WithinGroup) and isinstance(part, exp.Order):
                yield from ((each.this, step, None) for each in part.expressions)
            elif isinstance(part, exp.Expr) and not isinstance(part, WORDS):
                yield part, step, how


def deciding(value: exp.Expr, name: str) -> Influence | None:
    """How an argument of an expression decides about its value without flowing into it; None where it flows."""
    match value, name:
        case exp.Filter(), "expression":
            return "filter"
        case exp.Window(), "partition_by":
            return "partitioning"
        case exp.Window(), "order":
            return "ordering"
        case exp.Order(), "expressions":
            return "ordering"
        case (exp.Exists(), _) | (exp.In(), "query"):
            return "existence"
    return None
