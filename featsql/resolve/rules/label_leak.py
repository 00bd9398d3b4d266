"""FS602: a features model reads labels, or what was made of them, before their outcome was known."""

from __future__ import annotations

from collections.abc import Iterator

from featsql.errors import Diagnostic
from featsql.resolve.moments import lengths
from featsql.resolve.subject import Subject, named
from featsql.temporal import interval


def check(subject: Subject) -> Iterator[Diagnostic]:
    """Nothing downstream of an outcome may become a feature while the outcome is not known."""
    if subject.kind != "features":
        return
    for table, info in subject.reads:
        above = subject.graph.upstream([info.key])
        leaking = sorted(key for key in above if subject.kind_of(key) in {"labels", "training_set"})
        if not leaking or subject.kind_of(info.key) == "features" or all(ripe(key, subject, above) for key in leaking):
            continue
        through = "" if leaking == [info.key] else f", by way of {named(info.key)}"
        message = f"this feature reads {named(leaking[0])}, which knows what came after{through}"
        yield subject.found("FS602", message, table, "read the events behind the labels, which have a clock")


def ripe(key: str, subject: Subject, above: frozenset[str]) -> bool:
    """Whether labels are only read by a model that declares itself known no sooner than their outcome."""
    model = subject.graph.models[key.partition(":")[2]]
    readers = [child for child in subject.graph.children.get(key, ()) if child in above]
    if model.config.kind != "labels" or model.config.horizon is None or not readers:
        return False
    least = lengths(interval(model.config.horizon))
    for reader in readers:
        clock = subject.graph.models[reader.partition(":")[2]].config.clock
        waits = lengths(interval(clock.delay)) if clock is not None and clock.delay else None
        starts = subject.lineage.edges.get(reader.partition(":")[2], ())
        instant = {e.column.casefold() for e in starts if clock and e.kind == "value" and e.output == clock.event_time}
        if least is None or waits is None or waits[1] < least[1] or instant != {(model.config.as_of or "").casefold()}:
            return False
    return True
