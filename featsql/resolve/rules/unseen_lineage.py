"""FS628: a model whose columns cannot be followed, so that no rule can vouch for it."""

from __future__ import annotations

from collections.abc import Iterator

from featsql.errors import Diagnostic
from featsql.resolve.subject import Subject


def check(subject: Subject) -> Iterator[Diagnostic]:
    """What the rules do not see they must not seem to have seen."""
    why = subject.lineage.coarse.get(subject.model.name)
    if why is None:
        return
    if subject.kind == "plain" and not is_asked(subject):
        return
    message = f"cannot show that the model does not leak: {why}"
    hint = "write its columns out, each with the name of its relation"
    yield subject.found("FS628", message, subject.model.tree, hint, "warning")


def is_asked(subject: Subject) -> bool:
    """Whether anything that is evaluated at instants, or labels, are made of a model."""
    below = subject.graph.downstream([f"model:{subject.model.name}"])
    return any(subject.kind_of(key) != "plain" for key in below)
