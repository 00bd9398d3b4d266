"""Fingerprints of code and inputs: what a result was made from, so that a change can be told."""

from __future__ import annotations

import glob
import hashlib
import json
from pathlib import Path
from typing import Any

from featsql.build.reuse.facts import facts_of
from featsql.compiler import Compiled
from featsql.read.project import Source
from featsql.resolve.graph import model_key


class Fingerprints:
    """The fingerprints of a compiled project's nodes: SHA-256 over the definition of their code (comments and
    layout change nothing), the header, and the fingerprints of everything upstream."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.known: dict[str, str] = {}

    def of(self, name: str) -> str:
        """The fingerprint of a model or a seed."""
        return self.of_key(model_key(name) if name in self.compiled.graph.models else f"seed:{name}")

    def of_key(self, key: str) -> str:
        """The fingerprint of a relation."""
        if key not in self.known:
            graph = self.compiled.graph
            parents = [self.of_key(parent) for parent in sorted(graph.parents.get(key, ()))]
            own = self.model(key) if key.startswith("model:") else self.source(graph.sources[key])
            self.known[key] = digest([key, own, parents])
        return self.known[key]

    def model(self, key: str) -> list[str]:
        """What a model's result depends on of its own."""
        model = self.compiled.graph.models[key.partition(":")[2]]
        config = model.config
        header = (config.kind, config.materialized, config.entity, config.as_of, config.horizon, config.label)
        return [
            facts_of(model.name, self.compiled).definition.code,
            repr(header),
            repr(config.clock),
            str(config.boundary),
        ]

    def source(self, source: Source) -> list[Any]:
        """What a source's rows depend on: its declaration and its files' sizes and times."""
        return [
            source.location,
            *source.declaration,
            repr(source.clock),
            *files(source, self.root),
        ]

    @property
    def root(self) -> Path:
        return self.compiled.project.root

    def inputs(self) -> dict[str, Any]:
        """Every source's files with size (bytes) and modification time (nanoseconds)."""
        graph = self.compiled.graph
        return {
            key: {"fingerprint": self.of_key(key), "files": files(source, self.root)}
            for key, source in graph.sources.items()
        }


def files(source: Source, root: Path) -> list[list[Any]]:
    """The files behind a source: path, size, time of the last change. Empty for tables, frames, URLs."""
    if source.format in {"table", "frame"} or "://" in source.location:
        return []
    found = sorted(glob.glob(str(root / source.location), recursive=True))
    return [
        [path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path), stat.st_size, stat.st_mtime_ns]
        for path, stat in ((Path(name), Path(name).stat()) for name in found)
    ]


def digest(value: Any) -> str:
    """The SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
