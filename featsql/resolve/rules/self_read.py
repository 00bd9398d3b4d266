"""FS615: a spine is drawn from events that its own features read, so that each row sees its own event."""

from __future__ import annotations

from collections.abc import Iterator

from featsql.errors import Diagnostic
from featsql.resolve.lineage.lineage import Lineage
from featsql.resolve.lineage.span import lengths
from featsql.resolve.outcome import Spine, spine_of
from featsql.resolve.subject import Subject, named
from featsql.temporal import interval

HINT = "`boundary: exclusive` leaves the event out, an earlier `as_of` too; if it is known when asked, lower the rule"


def check(subject: Subject) -> Iterator[Diagnostic]:
    """A row that is known at its own instant is in the features' windows, with all that it tells."""
    spine = spine_of(subject) if subject.kind == "training_set" else None
    boundary = subject.model.config.boundary or subject.graph.project.boundary
    if spine is None or spine.as_of is None or boundary == "exclusive":
        return
    drawn = drawn_from(spine.model.name, spine.as_of, subject.lineage)
    lineage, name = subject.lineage, spine.model.name
    telling = lineage.sources_of(name, spine.label) if spine.label else frozenset()
    for key in dict.fromkeys(info.key for _, info in subject.reads if subject.kind_of(info.key) == "features"):
        features = key.partition(":")[2]
        for output in subject.catalog.relations[key].names:
            for (relation, column), span in lineage.reach(features, output).items():
                if (relation, at_once(relation, subject)) not in drawn or not span.contains(0):
                    continue
                if (relation, column) in telling and column.casefold() not in spine.keys:
                    yield outright(subject, key, output, relation, column, spine)
                    return
    yield from looked_up(subject, drawn, telling, spine)
    yield from quietly(subject, drawn, spine)


def looked_up(
    subject: Subject, drawn: frozenset[tuple[str, str]], telling: frozenset[tuple[str, str]], spine: Spine
) -> Iterator[Diagnostic]:
    """The row's own event is joined, and with it what the label is computed from."""
    for edge in subject.lineage.edges.get(subject.model.name, ()):
        told = edge.kind == "value" and (edge.relation, edge.column) in telling
        own = (edge.relation, at_once(edge.relation, subject)) in drawn
        if told and own and edge.column.casefold() not in spine.keys:
            yield outright(subject, edge.relation, edge.output, edge.relation, edge.column, spine)
            return


def quietly(subject: Subject, drawn: frozenset[tuple[str, str]], spine: Spine) -> Iterator[Diagnostic]:
    """The row's event counts, but nothing of it is the label."""
    for key in dict.fromkeys(info.key for _, info in subject.reads if subject.kind_of(info.key) == "features"):
        for output in subject.catalog.relations[key].names:
            if output.casefold() in spine.keys:
                continue
            reached = subject.lineage.reach(key.partition(":")[2], output).items()
            own = {relation for (relation, _), span in reached if span.contains(0)}
            for relation in sorted(own):
                if (relation, at_once(relation, subject)) in drawn:
                    message = f"each row's own event of {named(relation)} is in `{output}` of {named(key)}"
                    yield subject.found("FS615", message, subject.table_of(key), HINT, "warning")
                    return


def outright(subject: Subject, key: str, output: str, relation: str, column: str, spine: Spine) -> Diagnostic:
    """What the label is computed from is in the feature."""
    message = (
        f"`{output}` of {named(key)} sees each row's own event of {named(relation)}, "
        f"and `{column}` in it, of which the label `{spine.label}` is computed"
    )
    return subject.found("FS615", message, subject.table_of(key), HINT)


def at_once(relation: str, subject: Subject) -> str:
    """The folded column of instants at which rows of a relation are known; '' where none is told."""
    clock = subject.catalog.relations[relation].clock
    if clock is None or clock.kind == "static":
        return ""
    if clock.available_at:
        return clock.available_at.casefold()
    known = lengths(interval(clock.delay)) if clock.delay else (0.0, 0.0)
    return clock.start.casefold() if known == (0.0, 0.0) else ""


def drawn_from(name: str, column: str, lineage: Lineage) -> frozenset[tuple[str, str]]:
    """The columns of sources that an output is, unchanged, all the way up."""
    found: set[tuple[str, str]] = set()
    for edge in lineage.edges.get(name, ()):
        if edge.output.casefold() != column.casefold() or edge.kind != "value" or edge.how != "identity":
            continue
        sort, _, below = edge.relation.partition(":")
        found |= (
            drawn_from(below, edge.column, lineage) if sort == "model" else {(edge.relation, edge.column.casefold())}
        )
    return frozenset(found)
