"""FS611: a row is chosen without an order that says which."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.rules.wall_clock import nearest
from featsql.resolve.subject import Subject

CHOICES = (exp.First, exp.Last, exp.FirstValue, exp.LastValue, exp.AnyValue)


def check(subject: Subject) -> Iterator[Diagnostic]:
    """LIMIT and first() without ORDER BY may give another row the next time."""
    if subject.kind != "features":
        return
    for node in subject.model.tree.walk():
        if isinstance(node, exp.Query) and node.args.get("limit") and not node.args.get("order"):
            message = "LIMIT without ORDER BY: which rows are kept is left to the engine"
            yield subject.found("FS611", message, nearest(node.args["limit"]), "add ORDER BY", "warning")
        elif isinstance(node, CHOICES) and not node.find(exp.Order) and not isinstance(node.parent, exp.Window):
            message = f"{node.key} without ORDER BY: which value it takes is left to the engine"
            yield subject.found("FS611", message, nearest(node), "use arg_max(value, event_time)", "warning")
