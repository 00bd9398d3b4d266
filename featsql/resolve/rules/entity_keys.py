"""FS603: a features model, or its labels, without the keys of its entity."""

from __future__ import annotations

from collections.abc import Iterator

from featsql.errors import Diagnostic, Place
from featsql.names import did_you_mean
from featsql.resolve.graph import model_key
from featsql.resolve.subject import Subject


def check(subject: Subject) -> Iterator[Diagnostic]:
    """The entity must be declared, and each of its keys an output column."""
    entities = subject.graph.project.entities
    names = subject.catalog.relations[model_key(subject.model.name)].names
    folded = {name.casefold() for name in names}
    for entity in subject.model.config.entity:
        if entity not in entities:
            hint = did_you_mean(entity, entities, "declare it under `entities:`")
            yield Diagnostic("FS603", f"there is no entity `{entity}`", place(subject), hint)
            continue
        for key in entities[entity].keys:
            if key.casefold() not in folded:
                message = f"the model has no column `{key}`, a key of its entity `{entity}`"
                yield Diagnostic("FS603", message, place(subject), did_you_mean(key, names, f"select it: `{key}`"))


def place(subject: Subject) -> Place:
    """Where the model's header stands."""
    return subject.model.config.place or subject.model.rendered.file.place(1)
