"""FS606: a features model asks for rows after the instant."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.lineage.moments import is_as_of, moment
from featsql.resolve.lineage.span import amount, lengths
from featsql.resolve.subject import Subject

HINT = "features look back: `> as_of() - interval 7 days`; an outcome belongs into a labels model"


def check(subject: Subject) -> Iterator[Diagnostic]:
    """Rows later than `as_of()` are not visible, so that a condition that wants them means something else."""
    if subject.kind != "features":
        return
    starts = {info.clock.start.casefold() for _, info in subject.reads if info.clock and info.clock.kind == "events"}
    for node in subject.model.tree.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between):
        for greater, smaller in orders(node):
            column = later(greater, smaller)
            if column is not None and column.name.casefold() in starts:
                message = f"`{node.sql('duckdb')}` asks for rows after the instant, which are never visible"
                yield subject.found("FS606", message, column, HINT)


def orders(node: exp.Expr) -> list[tuple[exp.Expr, exp.Expr]]:
    """What a comparison says is greater than what."""
    if isinstance(node, exp.Between):
        return [(node.this, node.args["low"])]
    if isinstance(node, exp.GT | exp.GTE):
        return [(node.this, node.expression)]
    return [(node.expression, node.this)]


def later(greater: exp.Expr, smaller: exp.Expr) -> exp.Column | None:
    """The column that only instants from `as_of()` on satisfy a comparison with, if that is what it demands."""
    greater, shift = greater.unnest(), 0.0
    backwards = isinstance(greater, exp.Add) or isinstance(smaller.unnest(), exp.Sub)
    if isinstance(greater, exp.DateDiff) and is_as_of(greater.expression.unnest()) and amount(smaller) is not None:
        return greater.this if isinstance(greater.this, exp.Column) else None
    if isinstance(greater, exp.Add | exp.Sub):
        length = lengths(greater.expression)
        if length is None:
            return None
        shift = length[1] if isinstance(greater, exp.Add) else -length[0]
        greater = greater.this.unnest()
    bound = moment(smaller)
    if not isinstance(greater, exp.Column) or bound is None or bound.lower < shift:
        return None
    # a window of no length looks back all the same: it ends where it begins, and is empty where one end is open
    return None if backwards and bound.lower == bound.upper == shift == 0 else greater
