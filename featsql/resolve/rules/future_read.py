"""FS606: a features model asks for rows after the instant."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.subject import Subject

LATER = (exp.GT, exp.GTE)
EARLIER = (exp.LT, exp.LTE)


def check(subject: Subject) -> Iterator[Diagnostic]:
    """Rows later than `as_of()` are not visible, so that a condition that wants them means something else."""
    if subject.kind != "features":
        return
    starts = {info.clock.start.casefold() for _, info in subject.reads if info.clock and info.clock.kind == "events"}
    for comparison in subject.model.tree.find_all(*LATER, *EARLIER):
        left, right = comparison.this, comparison.expression
        column, bound = (left, right) if isinstance(left, exp.Column) else (right, left)
        wants_later = isinstance(comparison, LATER) == (column is left)
        if isinstance(column, exp.Column) and column.name.casefold() in starts and wants_later and not_before(bound):
            message = f"`{comparison.sql('duckdb')}` asks for rows after the instant, which are never visible"
            hint = "features look back: `> as_of() - interval 7 days`; an outcome belongs into a labels model"
            yield subject.found("FS606", message, column, hint)


def not_before(bound: exp.Expr) -> bool:
    """Whether a bound is `as_of()`, or later by an interval."""
    bound = bound.unnest()
    if isinstance(bound, exp.Add) and isinstance(bound.expression, exp.Interval):
        bound = bound.this.unnest()
    return isinstance(bound, exp.Anonymous) and bound.name.casefold() == "as_of"
