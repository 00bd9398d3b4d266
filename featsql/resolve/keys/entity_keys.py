"""FS603, FS711, FS715: a model without the columns that its header names."""

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


def missing_columns(model: Model, names: Sequence[str]) -> Iterator[Diagnostic]:
    """Labels have the column of their instants, and that of what came of them; any model has those that tell its rows
    apart, by which it grows and by which its copy is parted."""
    folded = {name.casefold() for name in names}
    config = model.config
    place = config.place or model.rendered.file.place(1)
    wanted = {each: ("FS711", "the labels have") for each in (config.as_of, config.label) if config.kind == "labels"}
    partitions = config.publish.partition_by if config.publish is not None else ()
    told = (*config.unique_key, config.incremental_time, *partitions)
    wanted |= dict.fromkeys(told, ("FS715", "the model has"))
    for column, (code, what) in wanted.items():
        if column is not None and column.casefold() not in folded:
            hint = did_you_mean(column, names, f"select it: `{column}`")
            yield Diagnostic(code, f"{what} no column `{column}`", place, hint)


def keys_of(config: Config, entities: Mapping[str, Entity]) -> frozenset[str]:
    """The folded keys of a model's entities."""
    return frozenset(key.casefold() for name in config.entity if name in entities for key in entities[name].keys)
