"""Stage 11: build the chosen part of a compiled project, in order, and tell what became of each node."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from featsql.compiler import Compiled
from featsql.engine import Engine, EngineError
from featsql.errors import FeatsqlError
from featsql.resolve.graph import model_key
from featsql.run.failure import failure
from featsql.run.fingerprint import Fingerprints
from featsql.run.knowledge import Knowledge
from featsql.run.manifest import write_manifest, write_results
from featsql.run.materialize import Materializer
from featsql.run.publish import publish
from featsql.run.reuse import Reuse
from featsql.run.run import Finished, Listener, Result, Run, Started, silent


def build(
    compiled: Compiled,
    engine: Engine,
    names: Sequence[str],
    *,
    listener: Listener = silent,
    full_refresh: bool = False,
    fail_fast: bool = False,
    known_at: str | None = None,
) -> Run:
    """Build `names` in their order into the engine's open target.

    What reads a node that failed is skipped; `fail_fast` skips everything after the first failure.
    A node that stands as it would be built is left alone; `full_refresh` builds it all the same.
    `known_at`, an instant in UTC, builds what would have been built then: from what was known then.
    The manifest and the run's results are written to the target path, each replaced whole.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    now, knowledge = started.isoformat(), None
    if known_at is not None:
        now, knowledge = known_at, Knowledge(known_at, compiled.project.boundary)
        knowledge.open_sources(compiled, engine)
    fresh = full_refresh or known_at is not None
    materializer = Materializer(compiled, engine, now, full_refresh=fresh, knowledge=knowledge)
    fingerprints = Fingerprints(compiled)
    kinds = {name: kind_of(name, compiled) for name in names}
    reuse = Reuse(compiled, engine, kinds, started.isoformat(), full_refresh=full_refresh, known_at=known_at)
    reuse.forget()
    results: list[Result] = []
    failed: set[str] = set()
    for index, name in enumerate(names, start=1):
        kind = kind_of(name, compiled)
        listener(Started(name, kind, index, len(names)))
        stopped = blocked(name, failed, compiled, fail_fast=fail_fast)
        result = stopped or build_changed(name, kind, materializer, reuse)
        result = replace(result, fingerprint=fingerprints.of(name), statics=statics(name, compiled))
        if result.status in {"error", "skipped"}:
            failed.add(name)
        results.append(result)
        listener(Finished(result, index, len(names)))
    seconds = time.perf_counter() - clock
    run = Run(tuple(results), started.isoformat(), seconds, fingerprints.inputs(), compiled.diagnostics, known_at)
    write_manifest(compiled, run)
    write_results(compiled, run)
    reuse.finish()
    return run


def kind_of(name: str, compiled: Compiled) -> str:
    """What a node is called in messages: its kind, or how a plain model is materialized."""
    model = compiled.graph.models.get(name)
    if model is None:
        return "seed"
    return model.config.kind if model.config.kind != "plain" else model.config.materialized


def blocked(name: str, failed: Collection[str], compiled: Compiled, *, fail_fast: bool) -> Result | None:
    """The result of a node that is not tried, because of one that failed before it."""
    if not failed:
        return None
    key = model_key(name) if name in compiled.graph.models else f"seed:{name}"
    parents = {parent.partition(":")[2] for parent in compiled.graph.upstream([key])}
    cause = next((other for other in failed if other in parents), None)
    if cause is None and not fail_fast:
        return None
    return Result(name, kind_of(name, compiled), "skipped", notes=(f"`{cause or next(iter(failed))}` failed",))


def build_changed(name: str, kind: str, materializer: Materializer, reuse: Reuse) -> Result:
    """Build one node, unless it stands as it would be built. What lives in the session is made in any case."""
    if name not in reuse.reasons and kind != "ephemeral":
        return reuse.kept(name)
    result = build_one(name, kind, materializer)
    if result.status != "success":
        return result
    if name not in reuse.reasons:
        return reuse.kept(name)
    reuse.remember(result)
    return replace(result, reason=reuse.told(name))


def build_one(name: str, kind: str, materializer: Materializer) -> Result:
    """Build one node and publish it; an error of the user's becomes its result."""
    compiled, clock = materializer.compiled, time.perf_counter()
    model = compiled.graph.models.get(name)
    try:
        built = materializer.build(name)
        published = publish(model, compiled.project, materializer.engine) if model is not None else ()
    except FeatsqlError as error:
        return Result(name, kind, "error", seconds=time.perf_counter() - clock, diagnostics=error.diagnostics)
    except EngineError as error:
        found = (failure(name, error, compiled),)
        return Result(name, kind, "error", seconds=time.perf_counter() - clock, diagnostics=found)
    seconds = time.perf_counter() - clock
    return Result(
        name, kind, "success", built.rows, seconds, published=published, notes=built.notes, methods=built.methods
    )


def statics(name: str, compiled: Compiled) -> tuple[str, ...]:
    """The static relations that a node's values come from, directly or not."""
    if name not in compiled.graph.models:
        return ()
    relations = compiled.checked.catalog.relations
    above = compiled.graph.upstream([model_key(name)])
    found = (key for key in above if (info := relations.get(key)) and info.clock and info.clock.kind == "static")
    return tuple(sorted(found))
