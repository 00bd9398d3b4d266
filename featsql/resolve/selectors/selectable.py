"""What a selector can name a relation by: its name, folder, tags, kind, source and configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from msgspec import Struct

from featsql.read.project import Config
from featsql.resolve.graph import Graph

FILES = (".sql", ".csv", ".parquet", ".json")


class Selectable(Struct, frozen=True):
    """One relation as selectors see it; `kinds` holds what it is ('model', 'features')."""

    parts: tuple[str, ...]
    kinds: frozenset[str]
    path: str = ""
    tags: tuple[str, ...] = ()
    config: Mapping[str, Any] = {}


class Method(Struct, frozen=True):
    """One way to name relations: the labels that each answers to. A wildcard of the pattern stays
    between two separators, where the labels have any."""

    labels: Callable[[Selectable], frozenset[str]]
    separator: str = "\0"

    def matches(self, node: Selectable, pattern: str) -> bool:
        """Whether one of the relation's labels fits the pattern."""
        if self.separator == "/":
            pattern = pattern.replace("\\", "/").removeprefix("./").rstrip("/")
        wanted = pattern.split(self.separator)
        return any(fits(label.split(self.separator), wanted) for label in self.labels(node))


def fits(label: list[str], pattern: list[str]) -> bool:
    """Whether each part of a label fits its part of the pattern; `**` stands for any number of parts."""
    if not pattern or not label:
        return not label and all(part == "**" for part in pattern)
    if pattern[0] == "**":
        return fits(label, pattern[1:]) or fits(label[1:], pattern)
    return fnmatchcase(label[0], pattern[0]) and fits(label[1:], pattern[1:])


def selectables(graph: Graph) -> dict[str, Selectable]:
    """Every relation of the graph by its key."""
    project = graph.project.name
    found: dict[str, Selectable] = {}
    for key, source in graph.sources.items():
        kind = key.partition(":")[0]
        parts = (project, source.table) if kind == "seed" else (project, source.source, source.table)
        found[key] = Selectable(parts, frozenset({kind}), source.location, source.tags, {"tags": source.tags})
    for name, model in graph.models.items():
        config, path = model.config, PurePosixPath(model.rendered.file.path)
        values = {key: getattr(config, key) for key in config.__struct_fields__}
        kinds = frozenset({"model", config.kind})
        found[f"model:{name}"] = Selectable((project, *path.parts[:-1], name), kinds, str(path), config.tags, values)
    return found


def method_of(value: str) -> str:
    """The method of a selector that names none."""
    if "/" in value or "\\" in value:
        return "path"
    return "file" if value.endswith(FILES) else "fqn"


def config_method(name: str) -> Method | None:
    """The method `config.materialized`, if there is such a key."""
    prefix, _, key = name.partition(".")
    if prefix != "config" or key not in Config.__struct_fields__:
        return None
    return Method(lambda node: frozenset(values(node.config.get(key))))


def values(value: Any) -> list[str]:
    """A configured value as the words that may name it: each item of a list, each key of a mapping."""
    if value is None:
        return []
    if isinstance(value, (tuple, list, Mapping)):
        return [str(item) for item in value]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def names(node: Selectable) -> frozenset[str]:
    """Every run of a dotted name: 'shop', 'shop.payments', 'staging.stg_payments'."""
    count = len(node.parts)
    return frozenset(".".join(node.parts[i:j]) for i in range(count) for j in range(i + 1, count + 1))


def folders(node: Selectable) -> frozenset[str]:
    """The path of a relation's file and of every folder around it."""
    path = PurePosixPath(node.path)
    return frozenset(str(each) for each in (path, *path.parents))


def source_names(node: Selectable) -> frozenset[str]:
    """The names of a source table: 'shop' and 'shop.payments'."""
    return names(node) - {node.parts[0]} if "source" in node.kinds else frozenset()


def file_names(node: Selectable) -> frozenset[str]:
    """The name of a relation's file, with and without its suffix."""
    path = PurePosixPath(node.path)
    return frozenset({path.name, path.stem})


METHODS: Mapping[str, Method] = {
    "fqn": Method(names, "."),
    "tag": Method(lambda node: frozenset(node.tags)),
    "path": Method(folders, "/"),
    "file": Method(file_names),
    "kind": Method(lambda node: node.kinds),
    "source": Method(source_names, "."),
    "resource_type": Method(lambda node: node.kinds & {"model", "seed", "source"}),
}
