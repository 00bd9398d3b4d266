"""FS614: a plain model's clock says that its rows are known before what they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, inf

from featsql.errors import Diagnostic
from featsql.resolve.lineage.reach import length
from featsql.resolve.lineage.span import lengths
from featsql.resolve.stamp import Stamp, stamp
from featsql.resolve.subject import Subject, named
from featsql.temporal import Clock, interval

MINUTES = {"day": 24 * 60, "hour": 60, "minute": 1}


def check(subject: Subject) -> Iterator[Diagnostic]:
    """A declared clock is its author's word; where the model's own text says otherwise, so do we."""
    clock = subject.model.config.clock
    if subject.kind != "plain" or clock is None or clock.kind == "static" or subject.resolved.tree is None:
        return
    for relation, upper in late(subject, clock).items():
        source = subject.catalog.relations[relation].clock
        inner, outer = wait(source), wait(clock)
        if upper + inner <= outer or (upper <= 0 and clock.available_at):
            continue
        if upper < inf:
            known = f"{length(upper + inner)} after `{clock.start}`" if upper + inner > outer else "later"
            message = (
                f"its rows are made of {named(relation)}, which may be known {known}, and not {length(outer)} after"
            )
            hint = f"stamp them with the end of what they sum up, or declare `delay: {length_text(upper + inner)}`"
            yield subject.found("FS614", message, subject.table_of(relation), hint)
        elif certainly(subject, clock):
            message = f"its rows are stamped with the first of the rows of {named(relation)} that they sum up"
            hint = "stamp them with the last of them: max() of the instants"
            yield subject.found("FS614", message, subject.table_of(relation), hint)
        elif not clock.available_at or joined(subject):
            made = f"they are made of {named(relation)} of any time"
            message = f"cannot show that its rows were known at `{clock.start}`: {made}"
            hint = f"join and group by instants: rows of {named(relation)} up to `{clock.start}`"
            yield subject.found("FS614", message, subject.table_of(relation), hint, "warning")


def late(subject: Subject, clock: Clock) -> dict[str, float]:
    """For each relation with a clock how long after a row's own instant rows act on it at most."""
    edges = (*subject.lineage.edges.get(subject.model.name, ()), *subject.lineage.presence.get(subject.model.name, ()))
    own = stamp(subject.resolved, clock.start)
    readings = [info.key for info in subject.resolved.scans.values()]
    found: dict[str, float] = {}
    for edge in edges:
        above = subject.catalog.relations[edge.relation].clock
        if above is None or above.kind == "static" or edge.span.is_empty:
            continue
        upper = edge.span.upper
        if upper == inf and own is not None and own.relation == edge.relation and readings.count(edge.relation) == 1:
            upper = own.upper
        found[edge.relation] = max(found.get(edge.relation, -inf), upper)
    return found


def certainly(subject: Subject, clock: Clock) -> bool:
    """Whether the model's instant is the first of several rows'."""
    own: Stamp | None = stamp(subject.resolved, clock.start)
    return own is not None and own.first


def joined(subject: Subject) -> bool:
    """Whether a model reads several relations, of which one tells when its rows were known."""
    return len({info.key for _, info in subject.reads}) > 1


def wait(clock: Clock | None) -> float:
    """How long after a row happened it is known; nothing, where a column tells."""
    found = lengths(interval(clock.delay)) if clock is not None and clock.delay else None
    return found[1] if found is not None else 0.0


def length_text(seconds: float) -> str:
    """A number of seconds as an interval of whole minutes, hours or days."""
    minutes = ceil(seconds / 60)
    count, unit = next((minutes // size, unit) for unit, size in MINUTES.items() if minutes % size == 0)
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
