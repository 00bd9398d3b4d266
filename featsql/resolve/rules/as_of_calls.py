"""FS605: `as_of()` where there is no instant, or with arguments."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.rules.wall_clock import nearest
from featsql.resolve.subject import Subject


def check(subject: Subject) -> Iterator[Diagnostic]:
    """Only features models and training sets are evaluated at an instant."""
    for call in subject.model.tree.find_all(exp.Anonymous):
        if call.name.casefold() != "as_of":
            continue
        if call.expressions:
            yield subject.found("FS605", "`as_of()` takes no arguments", nearest(call))
        elif not subject.as_of_model:
            hint = "labels name their instant by config(as_of='column')" if subject.kind == "labels" else None
            message = f"a model of kind `{subject.kind}` is not evaluated at an instant: it has no `as_of()`"
            yield subject.found("FS605", message, nearest(call), hint or "move it into a features model")
