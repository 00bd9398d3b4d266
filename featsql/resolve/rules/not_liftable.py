"""FS608: a construct that cannot be evaluated for many instants at once."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.rules.wall_clock import nearest
from featsql.resolve.subject import Subject

HINT = "write it as a plain GROUP BY, or as several features models"


def check(subject: Subject) -> Iterator[Diagnostic]:
    """What the engine gets wrong, or cannot do, inside a correlated query."""
    if not subject.as_of_model:
        return
    for node in subject.model.tree.walk():
        construct = refused(node)
        if construct is not None:
            message = f"{construct} cannot be evaluated for many instants at once"
            yield subject.found("FS608", message, nearest(node), HINT if isinstance(node, exp.Group) else None)


def refused(node: exp.Expr) -> str | None:
    """The construct's name, if a node is one that is refused."""
    match node:
        case exp.Rollup() | exp.Cube() | exp.GroupingSets():
            return "GROUPING SETS, ROLLUP and CUBE"
        case exp.TableSample():
            return "a sample of rows"
        case exp.Join() if node.method == "POSITIONAL":
            return "a POSITIONAL JOIN"
        case exp.Grouping() | exp.GroupingId():
            return "grouping()"
        case _:
            return None
