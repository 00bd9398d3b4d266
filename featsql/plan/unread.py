"""What a query reads for its types alone: its rows would change nothing."""

from __future__ import annotations

from typing import TypeVar

from sqlglot import exp

from featsql.plan.outer import is_as_of

DEAD = "dead"
Tree = TypeVar("Tree", bound=exp.Expr)


def typed_null(value: exp.Expr) -> exp.Expr:
    """NULL, of the type of an expression."""
    return bury(exp.Case(ifs=[exp.If(this=exp.false(), true=value.copy())]))


def settle_common_tables(tree: exp.Query) -> None:
    """Leave out the CTEs that nobody reads any more, in place; of those that are read for their types alone nothing
    else is read, either."""
    for clause in list(tree.find_all(exp.With)):
        for cte in reversed(clause.expressions[:]):
            name = cte.alias.casefold()
            inner = {id(node) for node in cte.find_all(exp.Table)}
            read = [t for t in tree.find_all(exp.Table) if not t.db and t.name.casefold() == name]
            read = [each for each in read if id(each) not in inner]
            if not read:
                cte.pop()
            elif all(each.meta.get(DEAD) for each in read):
                bury(cte.this)
        if not clause.expressions:
            clause.pop()


def bury(tree: Tree) -> Tree:
    """Mark what a tree reads as read for its types alone."""
    for node in tree.find_all(exp.Table, exp.Anonymous):
        if isinstance(node, exp.Table) or is_as_of(node):
            node.meta[DEAD] = True
    return tree
