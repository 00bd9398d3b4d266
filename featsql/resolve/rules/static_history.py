"""FS624: a source is declared static, but its rows carry instants of their own."""

from __future__ import annotations

from collections.abc import Iterator

from featsql.errors import Diagnostic
from featsql.resolve.subject import Subject, named


def check(subject: Subject) -> Iterator[Diagnostic]:
    """A row that says when it was made, or last changed, was not always there."""
    if not subject.as_of_model:
        return
    for key in dict.fromkeys(info.key for _, info in subject.reads):
        info = subject.catalog.relations[key]
        if info.clock is None or info.clock.kind != "static":
            continue
        instants = [column.name for column in info.columns if column.type.upper().startswith("TIMESTAMP")]
        if instants:
            message = (
                f"cannot show that {named(key)} never changes: its rows have instants of their own, `{instants[0]}`"
            )
            hint = f"declare a clock: `kind: state`, `event_time: {instants[0]}` and a `unique_key`"
            yield subject.found("FS624", message, subject.table_of(key), hint, "warning")
