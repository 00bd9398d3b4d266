"""What the engine refused while it ran a query, said as a diagnostic of the project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from featsql.compiler import Compiled
from featsql.engine import EngineError
from featsql.errors import Diagnostic, FeatsqlError
from featsql.run.publish import redact

SEVERAL_ROWS = "FS801: "


def failure(name: str | None, error: EngineError, compiled: Compiled) -> Diagnostic:
    """The diagnostic of a query that failed: that of node `name`, or one that nothing is named after.

    FS801 where a features model had several rows for an entity, FS807 for everything else.
    """
    model = compiled.graph.models.get(name or "")
    seed = compiled.graph.sources.get(f"seed:{name}")
    place = model.rendered.file.place(1) if model is not None else seed.place if seed is not None else None
    message = redact(error.message, compiled.project.secrets)
    marker = message.find(SEVERAL_ROWS)
    if marker >= 0:
        said = message[marker + len(SEVERAL_ROWS) :].splitlines()[0]
        culprit = next((other for key, other in compiled.graph.models.items() if f"`{key}`" in said), model)
        place = culprit.rendered.file.place(1) if culprit is not None else place
        hint = "group by the entity's keys, or pick one row: qualify row_number() over (partition by key ...) = 1"
        return Diagnostic("FS801", said, place, hint)
    if error.offset is not None and model is not None and model.config.kind in {"plain", "labels"}:
        place, _ = model.rendered.origin(error.offset)
    return Diagnostic("FS807", message, place)


@contextmanager
def explained(compiled: Compiled) -> Iterator[None]:
    """Let what the engine refuses pass as FeatsqlError."""
    try:
        yield
    except EngineError as error:
        raise FeatsqlError(failure(None, error, compiled)) from error
