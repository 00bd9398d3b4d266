"""FS602: a features model reads labels, or what was made of them."""

from __future__ import annotations

from collections.abc import Iterator

from featsql.errors import Diagnostic
from featsql.resolve.subject import Subject, named


def check(subject: Subject) -> Iterator[Diagnostic]:
    """Nothing downstream of an outcome may become a feature."""
    if subject.kind != "features":
        return
    for table, info in subject.reads:
        above = subject.graph.upstream([info.key])
        leaking = sorted(key for key in above if subject.kind_of(key) in {"labels", "training_set"})
        if leaking and subject.kind_of(info.key) != "features":
            through = "" if leaking == [info.key] else f", by way of {named(info.key)}"
            message = f"this feature reads {named(leaking[0])}, which knows what came after{through}"
            yield subject.found("FS602", message, table, "read the events behind the labels, which have a clock")
