"""FS611: a row is chosen without an order that says which."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.binding.fields import is_handed_out
from featsql.resolve.keys.ordering import has_tie_break, is_settled
from featsql.resolve.keys.unique import Uniqueness
from featsql.resolve.lineage.frames import NUMBERING, named, order_of
from featsql.resolve.rules.wall_clock import nearest
from featsql.resolve.subject import Subject

CHOICES = (exp.First, exp.Last, exp.FirstValue, exp.LastValue, exp.AnyValue)
LISTS = (exp.ArrayAgg, exp.GroupConcat)
# What takes the value of the greatest or the least row.
GREATEST = (exp.ArgMax, exp.ArgMin)
GREATEST_CALLS = frozenset({"arg_max_null", "arg_min_null"})
# What takes a row by its place among others.
PLACED = (*NUMBERING[:1], exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lead, exp.Lag)
HINT = "add what tells the rows apart: {example}; or declare it as `tie_break` of the clock"
BY_TWO = "`arg_max(value, (event_time, id))`"
LAST = "order by a key last"


def check(subject: Subject) -> Iterator[Diagnostic]:
    """LIMIT and first() without ORDER BY may give another row the next time, and so may rows that tie."""
    if subject.kind != "features":
        return
    for node in subject.model.tree.walk():
        if isinstance(node, exp.Query) and node.args.get("limit") and not node.args.get("order"):
            message = "LIMIT without ORDER BY: which rows are kept is left to the engine"
            yield subject.found("FS611", message, nearest(node.args["limit"]), "add ORDER BY", "warning")
        elif isinstance(node, CHOICES) and not node.find(exp.Order) and not in_window(node):
            message = f"{node.sql_name().lower()} without ORDER BY: which value it takes is left to the engine"
            yield subject.found("FS611", message, nearest(node), HINT.format(example=BY_TWO), "warning")
        elif isinstance(node, LISTS) and not node.find(exp.Order, exp.Distinct) and not in_window(node):
            message = f"`{node.sql('duckdb')}` without ORDER BY: in which order it lists is left to the engine"
            yield subject.found("FS611", message, nearest(node), "list(value order by event_time)", "warning")
        elif isinstance(node, exp.Select) and is_distinct_on(node) and not node.args.get("order"):
            message = "DISTINCT ON without ORDER BY: which row is kept is left to the engine"
            yield subject.found("FS611", message, nearest(node), "add ORDER BY", "warning")
    yield from ties(subject)


def in_window(node: exp.Expr) -> bool:
    """Whether a call is that of a window, whose order has its own place."""
    parent = node.parent
    while isinstance(parent, exp.IgnoreNulls | exp.RespectNulls | exp.Filter):
        parent = parent.parent
    return isinstance(parent, exp.Window)


def is_distinct_on(select: exp.Select) -> bool:
    """Whether a SELECT keeps one row of each group."""
    distinct = select.args.get("distinct")
    return distinct is not None and distinct.args.get("on") is not None


def ties(subject: Subject) -> Iterator[Diagnostic]:
    """A place among rows, or a value of one of them, that is not settled."""
    tree = subject.resolved.tree
    unique = Uniqueness(subject.resolved, subject.graph)
    nodes = list(tree.walk(prune=is_handed_out)) if tree is not None else []
    for node in nodes:
        what = tied(node, unique)
        if what is not None:
            message = f"cannot show that `{node.sql('duckdb')}` always takes the same value: {what}"
            example = "`mode(value order by value)`" if isinstance(node, exp.Mode) else BY_TWO
            hint = "let an order settle it: " + example if isinstance(node, exp.Mode) else HINT.format(example=example)
            yield subject.found("FS611", message, node, hint, "warning")
    for node in nodes:
        if isinstance(node, exp.Window):
            inner = node.this.this if isinstance(node.this, exp.IgnoreNulls | exp.RespectNulls) else node.this
            parts = [node, *named(node)]
            order = next((part.args["order"] for part in parts if order_of(part) is not None), None)
            if not isinstance(inner, PLACED):
                continue
            what = f"`{inner.sql('duckdb')}`"
            if order is None:
                message = f"{what} over a window without ORDER BY: which row it takes is left to the engine"
                yield subject.found("FS611", message, subject.model.tree, "add ORDER BY to the window", "warning")
                continue
        elif isinstance(node, exp.Limit):
            query = node.parent
            order, what = query.args.get("order") if query is not None else None, "LIMIT"
        else:
            continue
        if order is not None and not is_settled(order.expressions, values_of(node), within(node), unique):
            message = (
                f"cannot show that {what} always takes the same row: rows may tie in {order.sql('duckdb').strip()}"
            )
            yield subject.found("FS611", message, subject.model.tree, HINT.format(example=LAST), "warning")


def tied(node: exp.Expr, unique: Uniqueness) -> str | None:
    """Why an aggregate may take another value where rows tie."""
    call = isinstance(node, exp.Anonymous) and node.name.casefold() in GREATEST_CALLS and len(node.expressions) > 1
    if isinstance(node, GREATEST) or call:
        value, key = node.expressions[:2] if call else (node.this, node.expression)
        settled = is_settled([key], [value], within(node), unique)
        return None if settled else f"rows may tie in `{key.sql('duckdb')}`"
    if not isinstance(node, (*CHOICES, *LISTS, exp.Mode)) or in_window(node):
        return None
    order = node.find(exp.Order)
    if order is not None:
        listed = isinstance(node, LISTS)
        settled = is_settled(order.expressions, [order.this], within(node), unique, listed=listed)
        return None if settled else f"rows may tie in {order.sql('duckdb').partition(' ORDER BY ')[2]}"
    if isinstance(node, exp.Mode) and not has_tie_break(node, unique.model):
        return "several may be the most frequent, and which of these comes first is left to the engine"
    return None


def within(node: exp.Expr) -> list[exp.Expr]:
    """What the rows among which one is chosen are the same in."""
    if isinstance(node, exp.Window):
        return [each for part in (node, *named(node)) for each in part.args.get("partition_by") or ()]
    select = node.parent_select
    group = select.args.get("group") if isinstance(select, exp.Select) and not isinstance(node, exp.Limit) else None
    return list(group.expressions) if group is not None else []


def values_of(node: exp.Expr) -> list[exp.Expr]:
    """What a window takes of the row that it comes upon."""
    inner = node.this.this if isinstance(node.this, exp.IgnoreNulls | exp.RespectNulls) else node.this
    return [inner.this] if isinstance(node, exp.Window) and isinstance(inner, PLACED) and inner.this else []
