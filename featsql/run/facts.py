"""What a build asks of a model's code: found out while its tree is there, and kept with all else known of the model."""

from __future__ import annotations

import json
from dataclasses import dataclass

from featsql.compiler import Compiled
from featsql.engine import DUCKDB
from featsql.resolve.graph import model_key
from featsql.run.code import unknowable
from featsql.run.definition import Definition, definition
from featsql.run.state import digest


@dataclass(frozen=True, slots=True)
class Facts:
    """The digest of a model's SQL without comments and layout, its definition, and why its rows may change though
    nothing that featsql sees does."""

    text: str
    definition: Definition
    unknowable: str | None


def facts_of(name: str, compiled: Compiled) -> Facts:
    """The facts of a model, as they are kept, or found out now."""
    if name not in compiled.facts:
        held = compiled.recall.code(name) if compiled.recall is not None else b""
        if not held:
            held = inquire(name, compiled)
            if compiled.recall is not None:
                compiled.recall.note(name, held)
        text, code, rows, columns, why = json.loads(held)
        compiled.facts[name] = Facts(text, Definition(code, rows, columns), why)
    found: Facts = compiled.facts[name]
    return found


def inquire(name: str, compiled: Compiled) -> bytes:
    """The facts of a model, found out and put as they are kept. May raise FeatsqlError."""
    model = compiled.graph.models[name]
    own = definition(model_key(name), compiled)
    text = digest(model.tree.sql(DUCKDB, comments=False))
    return json.dumps([text, own.code, own.rows, own.columns, unknowable(model)], separators=(",", ":")).encode()
