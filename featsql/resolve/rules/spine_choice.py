"""FS626: which rows are asked about, or when, depends on what came after."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.outcome import readings, roots, spine_of
from featsql.resolve.subject import Subject, named


def check(subject: Subject) -> Iterator[Diagnostic]:
    """When a model is used, nobody can tell the rows whose outcome is still to come from the others."""
    spine = spine_of(subject) if subject.kind == "labels" else None
    if spine is None:
        return
    for edge in readings(subject.resolved, None, subject):
        ahead = edge.span.upper > 0 and edge.span.lower > -inf and not edge.span.is_empty
        if ahead and any(chooses(table) for table, info in subject.reads if info.key == edge.relation):
            message = f"which rows are asked about depends on rows of {named(edge.relation)} after the instant"
            hint = "ask about every row, and let the label say what came: LEFT JOIN, or a subquery"
            yield subject.found("FS626", message, subject.table_of(edge.relation), hint, "warning")
            break
    if spine.label is None or spine.as_of is None:
        return
    needed, instant = roots(spine, spine.label, subject), roots(spine, spine.as_of, subject)
    if needed and needed <= instant:
        message = f"the instant `{spine.as_of}` is computed from all that the label `{spine.label}` is computed from"
        hint = "ask at instants that are chosen before the outcome: a schedule, or the event that starts the question"
        yield subject.found("FS626", message, subject.model.tree, hint)


def chooses(table: exp.Table) -> bool:
    """Whether a row without a match in a relation is dropped; an optional side of a join drops none."""
    if table.find_ancestor(exp.Where, exp.Having, exp.Qualify) is not None:
        return True
    join = table.find_ancestor(exp.Join)
    if join is None or join.side != "LEFT":
        return True
    select = join.parent
    where = select.args.get("where") if isinstance(select, exp.Select) else None
    alias = join.this.alias_or_name.casefold()
    return where is not None and any(column.table.casefold() == alias for column in where.find_all(exp.Column))
