"""What the nodes of a tree remember of its text, in a form that costs little to copy with them."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

# Of these, and of the first part of a chain of names, more is noted later, by featsql or sqlglot.
NOTED = (exp.Column, exp.CTE, exp.Query, exp.Subquery, exp.Table)


class Notes(dict[str, Any]):
    """A node's `meta`, of values that nobody changes: a copy of the node gets a copy that shares them."""

    __slots__ = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> Notes:
        return Notes(self)


class Position(Notes):
    """The `meta` of a node that is no more than where it stands: nothing is added to it, so that copies of the node
    share it."""

    __slots__ = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> Position:
        return self


def take_notes(tree: exp.Expr, *kinds: type[exp.Expr]) -> list[exp.Expr]:
    """Let all that the nodes of a fresh tree remember be notes, and give its nodes of some kinds, as they are met
    anyway. sqlglot copies a plain dictionary value by value, which takes longer than all else about copying a tree."""
    found: list[exp.Expr] = []
    for node in tree.walk():
        if node._meta is not None:
            more = isinstance(node, NOTED) or isinstance(node.parent, exp.Dot)
            node._meta = (Notes if more else Position)(node._meta)
        node.comments = node.comments or None  # an empty list would be copied, too
        if isinstance(node, kinds):
            found.append(node)
    return found
