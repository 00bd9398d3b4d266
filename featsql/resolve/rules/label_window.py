"""FS622: a label's window is not the time between the instant and the horizon."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.lineage.reach import NOW, length
from featsql.resolve.lineage.span import lengths
from featsql.resolve.outcome import Reading, readings
from featsql.resolve.subject import Subject, named
from featsql.temporal import interval


def check(subject: Subject) -> Iterator[Diagnostic]:
    """Labels live in `(as_of, as_of + horizon]`: what is before belongs to features, what is after is not known."""
    config = subject.model.config
    if subject.kind != "labels" or config.label is None:
        return
    found = lengths(interval(config.horizon)) if config.horizon else None
    acting = readings(subject.resolved, config.label, subject)
    edges = [each for each in acting if not each.span.is_empty and each.span != NOW]
    timed = [edge for edge in edges if edge.span.lower > -inf]
    if config.horizon is None and timed:
        message = f"cannot show that `{config.label}` is ever known: its labels declare no horizon"
        hint = "say how long the outcome takes: config(horizon='30 days')"
        yield subject.found("FS622", message, subject.table_of(timed[0].relation), hint, "warning")
    late = max(timed, key=lambda edge: edge.span.upper, default=None)
    if late is not None and found is not None and late.span.upper > found[1]:
        yield subject.found("FS622", *too_late(late, config.label, config.horizon or "", subject))
    early = min(timed, key=lambda edge: edge.span.lower, default=None)
    if early is not None and early.span.lower < 0 < early.span.upper:
        back = length(-early.span.lower)
        message = f"`{config.label}` counts rows of {named(early.relation)} from {back} before the instant"
        hint = f"begin after the instant, where features end: `> {config.as_of}`"
        yield subject.found("FS622", message, subject.table_of(early.relation), hint)
    elif early is not None and early.span.lower == 0 and not early.span.opened and inclusive(subject):
        message = (
            f"`{config.label}` counts a row of {named(early.relation)} at the instant itself, which features see too"
        )
        hint = f"begin after the instant: `> {config.as_of}`; or set `boundary: exclusive`"
        yield subject.found("FS622", message, subject.table_of(early.relation), hint, "warning")


def too_late(edge: Reading, label: str, horizon: str, subject: Subject) -> tuple[str, exp.Expr, str]:
    """A window beyond the horizon: message, place and hint."""
    text = "without end" if edge.span.upper == inf else f"up to {length(edge.span.upper)} after the instant"
    message = f"`{label}` reads {named(edge.relation)} {text}, but its horizon is {horizon}"
    return message, subject.table_of(edge.relation), "end the window with the horizon, or declare a longer one"


def inclusive(subject: Subject) -> bool:
    """Whether features see what happens at the instant itself, in some training set that reads the labels."""
    graph = subject.graph
    readers = [model for model in graph.models.values() if model.config.kind == "training_set"]
    mine = [m for m in readers if f"model:{subject.model.name}" in graph.parents.get(f"model:{m.name}", ())]
    chosen = [model.config.boundary or graph.project.boundary for model in mine]
    return "inclusive" in (chosen or [graph.project.boundary])
