"""FS602: a features model reads labels, or what was made of them, before their outcome was known."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.lineage.span import lengths
from featsql.resolve.outcome import values_of
from featsql.resolve.stamp import moved_by
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
    """Whether labels are only read by models that declare themselves known no sooner than their outcome."""
    model = subject.graph.models[key.partition(":")[2]]
    readers = [child for child in subject.graph.children.get(key, ()) if child in above]
    if model.config.kind != "labels" or model.config.horizon is None or not readers:
        return False
    least = lengths(interval(model.config.horizon))
    waits = [waits_for(reader.partition(":")[2], model.config.as_of or "", subject) for reader in readers]
    return least is not None and all(each is not None and each >= least[1] for each in waits)


def waits_for(name: str, as_of: str, subject: Subject) -> float | None:
    """How long after the instant of labels a model that reads them declares its rows to be known."""
    clock, tree = subject.graph.models[name].config.clock, subject.others[name].tree
    if clock is None or clock.kind == "static":
        return None
    total = 0.0
    for value in values_of(tree, clock.available_at or clock.start):
        value, total = moved_by(value)
        if not isinstance(value, exp.Column) or value.name.casefold() != as_of.casefold():
            return None
    delay = lengths(interval(clock.delay)) if clock.delay else (0.0, 0.0)
    return None if delay is None else total + delay[1]
