"""FS601: a features model reads a relation that has no clock."""

from __future__ import annotations

from collections.abc import Iterator

from featsql.errors import Diagnostic
from featsql.resolve.subject import Subject, named


def check(subject: Subject) -> Iterator[Diagnostic]:
    """Every relation of a features model must say when its rows could be known."""
    if subject.kind != "features":
        return
    for table, info in subject.reads:
        if info.clock is None and subject.kind_of(info.key) in {"plain", "source", "seed"}:
            message = f"{named(info.key)} has no clock: when could its rows be known?"
            hint = "declare `time:` for it, or `static: true` with a reason"
            if info.why_no_clock:
                hint = f"it does not inherit one, because {info.why_no_clock}; declare `time=` in its config()"
            yield subject.found("FS601", message, table, hint)
