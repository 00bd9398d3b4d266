"""FS603, FS711: a features model, or its labels, without the columns that its header names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from featsql.errors import Diagnostic
from featsql.names import did_you_mean
from featsql.read.model import Model
from featsql.read.project import Config, Entity


def missing_keys(model: Model, names: Sequence[str], entities: Mapping[str, Entity]) -> Iterator[Diagnostic]:
    """The entity must be declared, and each of its keys be among the output columns `names`.

    Asked as soon as a model's columns are known, since those that join it by its keys would only repeat it.
    """
    folded = {name.casefold() for name in names}
    place = model.config.place or model.rendered.file.place(1)
    for entity in model.config.entity:
        if entity not in entities:
            hint = did_you_mean(entity, entities, "declare it under `entities:`")
            yield Diagnostic("FS603", f"there is no entity `{entity}`", place, hint)
            continue
        for key in entities[entity].keys:
            if key.casefold() not in folded:
                message = f"the model has no column `{key}`, a key of its entity `{entity}`"
                yield Diagnostic("FS603", message, place, did_you_mean(key, names, f"select it: `{key}`"))


def missing_instants(model: Model, names: Sequence[str]) -> Iterator[Diagnostic]:
    """Labels have the column of their instants, and that of what came of them."""
    folded = {name.casefold() for name in names}
    place = model.config.place or model.rendered.file.place(1)
    for column in (model.config.as_of, model.config.label) if model.config.kind == "labels" else ():
        if column is not None and column.casefold() not in folded:
            hint = did_you_mean(column, names, f"select it: `{column}`")
            yield Diagnostic("FS711", f"the labels have no column `{column}`", place, hint)


def keys_of(config: Config, entities: Mapping[str, Entity]) -> frozenset[str]:
    """The folded keys of a model's entities."""
    return frozenset(key.casefold() for name in config.entity if name in entities for key in entities[name].keys)
