"""FS610: a notice of every static relation, the one thing that can carry knowledge back in time."""

from __future__ import annotations

from collections.abc import Iterator

from featsql.errors import Diagnostic
from featsql.resolve.subject import Subject, named


def check(subject: Subject) -> Iterator[Diagnostic]:
    """Say which features lean on a relation that is read as it is today."""
    if not subject.as_of_model:
        return
    seen: set[str] = set()
    for table, info in subject.reads:
        if info.clock is not None and info.clock.kind == "static" and info.key not in seen:
            seen.add(info.key)
            message = f"{named(info.key)} is static: it is read as it is today, whatever the instant"
            yield subject.found("FS610", message, table, f"declared with: {info.clock.why}", "notice")
