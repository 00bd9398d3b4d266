"""FS625: a notice of features that no training set uses."""

from __future__ import annotations

from collections.abc import Iterator

from featsql.errors import Diagnostic
from featsql.resolve.subject import Subject


def check(subject: Subject) -> Iterator[Diagnostic]:
    """Where there are training sets, a feature that none of them takes is computed for nothing."""
    if subject.kind != "features" or not any(m.config.kind == "training_set" for m in subject.graph.models.values()):
        return
    entities = subject.graph.project.entities
    keys = {key.casefold() for name in subject.model.config.entity if name in entities for key in entities[name].keys}
    used = used_columns(subject)
    names = subject.resolved.info.names
    dead = [f"`{n}`" for n in names if n.casefold() not in keys and n.casefold() not in used]
    if dead:
        verb = "is" if len(dead) == 1 else "are"
        message = f"{', '.join(dead)} {verb} used by no training set"
        yield subject.found(
            "FS625", message, subject.model.tree, "leave it out, or take it into a training set", "notice"
        )


def used_columns(subject: Subject) -> frozenset[str]:
    """Every column of the model, by its folded name, that a training set or another features model takes."""
    key = f"model:{subject.model.name}"
    return frozenset(
        edge.column.casefold()
        for child in subject.graph.children.get(key, ())
        if subject.kind_of(child) in {"training_set", "features"}
        for edge in subject.lineage.edges[child.partition(":")[2]]
        if edge.relation == key
    )
