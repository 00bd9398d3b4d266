"""What the engine refused while it ran a query, said as a diagnostic of the project."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from featsql.build.several import rows_behind
from featsql.compiler import Compiled
from featsql.engine import Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError, Place
from featsql.plan.plan import Features, Plan
from featsql.read.model import Model
from featsql.secrets import redact
from featsql.sources.files.survey import column_of

STOPPED = re.compile(r"(FS80[15]|FS507): (.*)")
HINTS = {
    "FS801": "group by the entity's keys, or pick one row: qualify row_number() over (partition by key ...) = 1",
    "FS507": "declare the type that the values have, and cast them in a model",
    "FS805": "join relations by a unique key, with LEFT JOIN",
}

OVERLAP = (
    "periods of one key overlap: let each end where the next begins, or pick one: qualify row_number() over (...) = 1"
)


def failure(name: str | None, error: EngineError, compiled: Compiled, engine: Engine | None = None) -> Diagnostic:
    """The diagnostic of a query that failed: that of node `name`, or one that nothing is named after.

    FS801 where a features model had several rows for an entity, with those of its sources that an `engine` finds, FS805
    where a training set would not have the rows of its labels, FS507 where a value does not fit a declared type, FS807
    for everything else.
    """
    model = compiled.graph.models.get(name or "")
    seed = compiled.graph.sources.get(f"seed:{name}")
    place = model.rendered.file.place(1) if model is not None else seed.place if seed is not None else None
    message = redact(error.message, compiled.project.secrets)
    stopped = STOPPED.search(message)
    if stopped is not None:
        code, said = stopped.groups()
        if code == "FS507":
            return Diagnostic(code, said, declared_at(said, compiled), HINTS[code])
        named = [other for key, other in compiled.graph.models.items() if said.find(f"`{key}`") >= 0]
        culprit = min(named, key=lambda other: said.find(f"`{other.name}`"), default=model)
        if culprit is not None and code == "FS801":
            return several(culprit, said, compiled, engine)
        return Diagnostic(code, said, culprit.rendered.file.place(1) if culprit else place, HINTS[code])
    if error.offset is not None and model is not None and model.config.kind in {"plain", "labels"}:
        place, _ = model.rendered.origin(error.offset)
    return Diagnostic("FS807", message, place)


def several(model: Model, said: str, compiled: Compiled, engine: Engine | None) -> Diagnostic:
    """FS801 for a features model, with the rows of its sources that an `engine` finds."""
    features = compiled.plans[model.name]
    assert not isinstance(features, Plan)
    behind = rows_behind(said, features, compiled, engine) if engine is not None else None
    said += f": {redact(behind, compiled.project.secrets)}" if behind else ""
    hint = OVERLAP if reads_periods(features) else HINTS["FS801"]
    return Diagnostic("FS801", said, model.rendered.file.place(1), hint)


def declared_at(said: str, compiled: Compiled) -> Place | None:
    """Where the type is declared that a value does not fit, of which the engine said so."""
    for source in compiled.graph.sources.values():
        for each in source.types:
            if said.casefold().startswith(column_of(source, each.column).casefold()):
                return each.place
    return None


@contextmanager
def explained(compiled: Compiled, engine: Engine | None = None) -> Iterator[None]:
    """Let what the engine refuses pass as FeatsqlError."""
    try:
        yield
    except EngineError as error:
        raise FeatsqlError(failure(None, error, compiled, engine)) from error


def reads_periods(features: Features) -> bool:
    """Whether a model reads periods, of which several may hold at once."""
    return any(each.clock is not None and each.clock.kind == "periods" for each in features.relations)
