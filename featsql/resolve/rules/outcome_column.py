"""FS617: a training set takes a column of its labels that was only known afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from featsql.errors import Diagnostic
from featsql.resolve.lineage.lineage import ROWS
from featsql.resolve.lineage.reach import ANY, length
from featsql.resolve.outcome import Reading, Spine, readings, roots, spine_of, taken
from featsql.resolve.subject import Subject, named

HINT = "leave it out: `l.* exclude ({column})`"


def check(subject: Subject) -> Iterator[Diagnostic]:
    """Of what labels know, only the label itself may come from after the instant."""
    spine = spine_of(subject) if subject.kind == "training_set" else None
    if spine is None:
        return
    for column, output in taken(subject, spine).items():
        if spine.is_given(column):
            continue
        hint = HINT.format(column=column)
        found = after(spine, column, subject)
        if found is not None:
            text = "without end" if found.span.upper == inf else f"up to {length(found.span.upper)} after the instant"
            message = (
                f"`{output}` comes from `{column}` of {named(spine.key)}, which reads {named(found.relation)} {text}"
            )
            yield subject.found("FS617", message, subject.table_of(spine.key), hint)
        elif tells(spine, column, subject):
            message = f"`{output}` comes from `{column}` of {named(spine.key)}, of which the label is computed"
            yield subject.found("FS617", message, subject.table_of(spine.key), hint)
        elif (unbounded := without_end(spine, column, subject)) is not None:
            message = (
                f"cannot show that `{column}` of {named(spine.key)} was known at `{spine.as_of}`: "
                f"it reads {named(unbounded.relation)} of any time"
            )
            bound = f"bound its rows by the instant: `<= {spine.as_of}`"
            yield subject.found("FS617", message, subject.table_of(spine.key), bound, "warning")


def after(spine: Spine, column: str, subject: Subject) -> Reading | None:
    """A reading for a column that reaches beyond the instant for certain."""
    edges = readings(spine.resolved, column, subject)
    return next((e for e in edges if e.span.upper > 0 and e.span.lower > -inf and not e.span.is_empty), None)


def tells(spine: Spine, column: str, subject: Subject) -> bool:
    """Whether a column is computed from all that the label is computed from, and so gives it away."""
    if spine.label is None:
        return False
    given = frozenset().union(*(roots(spine, each, subject) for each in (spine.as_of or "", *spine.keys)))
    needed = roots(spine, spine.label, subject) - given
    return bool(needed) and needed <= roots(spine, column, subject)


def without_end(spine: Spine, column: str, subject: Subject) -> Reading | None:
    """A reading of rows with a clock that are aggregated, or joined to the spine's own, whenever they happened."""
    relations = subject.catalog.relations
    drawn = {relation for _, relation, _ in roots(spine, spine.as_of or "", subject)}
    for edge in readings(spine.resolved, column, subject):
        clock = relations[edge.relation].clock
        gathered = not {"aggregation", "existence"}.isdisjoint(edge.hows) or edge.column == ROWS
        foreign = bool(drawn) and "identity" in edge.hows and not drawn & lineage_of(edge.relation, subject)
        if edge.span == ANY and (gathered or foreign) and clock is not None and clock.kind != "static":
            return edge
    return None


def lineage_of(key: str, subject: Subject) -> frozenset[str]:
    """A relation and everything that it is made of."""
    return subject.graph.upstream([key])
