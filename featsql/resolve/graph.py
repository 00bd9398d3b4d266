"""The noun of `link`: which relation reads which, in build order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec import Struct

from featsql.read.model import Model
from featsql.read.project import Project, Source
from featsql.resolve.reading import Reading


def model_key(name: str) -> str:
    """The relation key of a model."""
    return f"model:{name}"


def source_key(name: str) -> str:
    """The relation key of a source table, `name` being 'source.table'."""
    return f"source:{name}"


def seed_key(name: str) -> str:
    """The relation key of a seed."""
    return f"seed:{name}"


class Graph(Struct, frozen=True, dict=True):
    """Models in build order, the sources and seeds they read, and the edges by relation key. `readings` come to tell
    how the rows of sources and seeds are read, once they were looked at."""

    project: Project
    models: Mapping[str, Model]
    sources: Mapping[str, Source]
    parents: Mapping[str, tuple[str, ...]]
    readings: dict[str, Reading] = {}

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """The edges the other way round, in build order."""
        below: dict[str, list[str]] = {key: [] for key in self.parents}
        for key, parents in self.parents.items():
            for parent in parents:
                below.setdefault(parent, []).append(key)
        return {key: tuple(keys) for key, keys in below.items()}

    def upstream(self, keys: Iterable[str]) -> frozenset[str]:
        """`keys` and everything that they read, directly or not."""
        return reach(keys, self.parents)

    def downstream(self, keys: Iterable[str]) -> frozenset[str]:
        """`keys` and everything that reads them, directly or not."""
        return reach(keys, self.children)


def is_stored(key: str, graph: Graph) -> bool:
    """Whether a relation lies there by columns, on this machine: to read some of them once more is soon done."""
    source = graph.sources.get(key)
    if source is not None:
        near = "://" not in source.location
        return key.startswith("seed:") or source.format == "frame" or (source.format == "parquet" and near)
    model = graph.models.get(key.partition(":")[2])
    return model is not None and (model.config.kind != "plain" or model.config.materialized in {"table", "incremental"})


def reach(keys: Iterable[str], edges: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """Everything that can be reached from `keys` along `edges`, with `keys` themselves."""
    seen: set[str] = set()
    stack = list(keys)
    while stack:
        key = stack.pop()
        if key not in seen:
            seen.add(key)
            stack.extend(edges.get(key, ()))
    return frozenset(seen)


def read_by(name: str, graph: Graph) -> frozenset[str]:
    """The relations that a model's plan may read: what it reads, and what the features models among them do."""
    found: set[str] = set()
    stack = [model_key(name)]
    while stack:
        for key in graph.parents[stack.pop()]:
            if key not in found:
                found.add(key)
                kind, _, model = key.partition(":")
                stack += [key] if kind == "model" and graph.models[model].config.kind == "features" else []
    return frozenset(found)
