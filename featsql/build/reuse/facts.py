"""What a build asks of a model's code: found out while its tree is there, and kept with all else known of the model."""

from __future__ import annotations

import json

from msgspec import Struct

from featsql.build.reuse.code import unknowable
from featsql.build.reuse.definition import Definition, definition
from featsql.compiler import Compiled
from featsql.resolve.graph import model_key


class Facts(Struct, frozen=True):
    """A model's definition, and why its rows may change though nothing that featsql sees does."""

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
        code, rows, columns, why = json.loads(held)
        compiled.facts[name] = Facts(Definition(code, rows, columns), why)
    found: Facts = compiled.facts[name]
    return found


def inquire(name: str, compiled: Compiled) -> bytes:
    """The facts of a model, found out and put as they are kept. May raise FeatsqlError."""
    own, why = definition(model_key(name), compiled), unknowable(compiled.graph.models[name])
    return json.dumps([own.code, own.rows, own.columns, why], separators=(",", ":")).encode()
