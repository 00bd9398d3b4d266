"""Which nodes of a tree aggregate: the functions that the engine itself calls aggregates."""

from __future__ import annotations

from sqlglot import exp

# What a call of an aggregate function is, whatever stands around it.
CALLS = (exp.AggFunc, exp.Anonymous, exp.AnonymousAggFunc)


def is_aggregate(node: exp.Expr, aggregates: frozenset[str]) -> bool:
    """Whether a node is a call of an aggregate function, with its filter and its order."""
    if isinstance(node, exp.Filter | exp.WithinGroup):
        return is_aggregate(node.this, aggregates)
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        return node.name.casefold() in aggregates
    return isinstance(node, exp.AggFunc)


def has_aggregate(value: exp.Expr, aggregates: frozenset[str]) -> bool:
    """Whether an expression aggregates, outside of subqueries and windows."""
    if value.find(*CALLS) is None:  # sqlglot looks faster than a walk can ask about each node
        return False
    found = value.walk(prune=lambda node: isinstance(node, exp.Query | exp.Window))
    return any(is_aggregate(node, aggregates) for node in found)
