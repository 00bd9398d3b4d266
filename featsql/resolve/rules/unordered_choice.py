"""FS611: a row is chosen without an order that says which."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.lineage.clocked import is_instant_of, scan_behind
from featsql.resolve.lineage.frames import NUMBERING, named, order_of
from featsql.resolve.rules.wall_clock import nearest
from featsql.resolve.subject import Subject

CHOICES = (exp.First, exp.Last, exp.FirstValue, exp.LastValue, exp.AnyValue)
LISTS = (exp.ArrayAgg, exp.GroupConcat)
# What takes a row by its place among others.
PLACED = (*NUMBERING[:1], exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lead, exp.Lag)


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
            yield subject.found("FS611", message, nearest(node), "use arg_max(value, event_time)", "warning")
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
    """A place among rows that is not settled by an instant or by a key."""
    tree = subject.resolved.tree
    for node in tree.find_all(exp.Window, exp.Limit) if tree is not None else ():
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
        else:
            query = node.parent
            order, what = query.args.get("order") if query is not None else None, "LIMIT"
        if order is not None and not settled(order, subject):
            message = (
                f"cannot show that {what} always takes the same row: rows may tie in {order.sql('duckdb').strip()}"
            )
            hint = "order by an instant or a key last, which settles what ties"
            yield subject.found("FS611", message, subject.model.tree, hint, "warning")


def settled(order: exp.Expr, subject: Subject) -> bool:
    """Whether an order has a term that tells rows apart: an instant that is no date, a key or a tie-break; what
    is computed or aggregated is taken at its author's word."""
    for term in order.expressions:
        found = scan_behind(term.this, subject.resolved)
        if found is None:
            return True
        info, name = found
        clock = info.clock
        if clock is None or name in {each.casefold() for each in (*clock.unique_key, *clock.tie_break)}:
            return True
        dated = (info.type_of(name) or "").upper() == "DATE"
        if is_instant_of(term.this, subject.resolved) and not dated:
            return True
    return False
