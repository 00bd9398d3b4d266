"""Stage 11: build the chosen part of a compiled project, in order, and tell what became of each node."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
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
from featsql.run.run import Finished, Listener, Options, Result, Run, Started, silent

DEFAULTS = Options()


def build(
    compiled: Compiled,
    engine: Engine,
    names: Sequence[str],
    options: Options = DEFAULTS,
    listener: Listener = silent,
) -> Run:
    """Build `names` in their order into the engine's open target.

    What reads a node that failed is skipped, and a node that stands as it would be built is left alone.
    The manifest and the run's results are written to the target path, each replaced whole.
    """
    began, clock = datetime.now(UTC).isoformat(), time.perf_counter()
    materializer = materializer_of(compiled, engine, options, began)
    kinds = {name: kind_of(name, compiled) for name in names}
    reuse = Reuse(compiled, engine, kinds, began, options)
    reuse.forget()
    fingerprints, statics = Fingerprints(compiled), Statics(compiled)
    known = {name: (fingerprints.of(name), statics.of(name)) for name in names}
    results: list[Result] = []
    failed: set[str] = set()
    for index, (name, kind) in enumerate(kinds.items(), start=1):
        listener(Started(name, kind, index, len(names)))
        stopped = blocked(name, failed, compiled, fail_fast=options.fail_fast)
        result = stopped or build_changed(name, kind, materializer, reuse)
        result = replace(result, fingerprint=known[name][0], statics=known[name][1])
        if result.status in {"error", "skipped"}:
            failed.add(name)
        results.append(result)
        listener(Finished(result, index, len(names)))
    seconds = time.perf_counter() - clock
    run = Run(tuple(results), began, seconds, fingerprints.inputs(), compiled.diagnostics, options.known_at)
    write_manifest(compiled, run)
    write_results(compiled, run)
    reuse.finish()
    return run


def materializer_of(compiled: Compiled, engine: Engine, options: Options, began: str) -> Materializer:
    """What builds the nodes: as of now, or of an earlier instant."""
    if options.known_at is None:
        return Materializer(compiled, engine, began, full_refresh=options.full_refresh)
    knowledge = Knowledge(options.known_at, compiled.project.boundary)
    knowledge.open_sources(compiled, engine)
    return Materializer(compiled, engine, options.known_at, full_refresh=True, knowledge=knowledge)


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
    if kind == "training_set":
        materializer.before[name] = reuse.left(name)
    result = build_one(name, kind, materializer)
    if result.status != "success":
        return result
    if name not in reuse.reasons:
        return reuse.kept(name)
    reuse.remember(result, materializer.made.get(name))
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


class Statics:
    """The static relations that the values of nodes come from, directly or not."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.known = {key: self.among([key]) for key in compiled.graph.sources}

    def of(self, name: str) -> tuple[str, ...]:
        """Those behind one node."""
        if name not in self.compiled.graph.models:
            return ()
        key, graph = model_key(name), self.compiled.graph
        parents = graph.parents[key]
        if all(parent in self.known for parent in parents):  # as in a build of all, parents first
            self.known[key] = self.among([key]).union(*(self.known[parent] for parent in parents))
        else:
            self.known[key] = self.among(graph.upstream([key]))
        return tuple(sorted(self.known[key]))

    def among(self, keys: Iterable[str]) -> frozenset[str]:
        """The static ones of some relations."""
        relations = self.compiled.checked.catalog.relations
        return frozenset(
            key for key in keys if (info := relations.get(key)) and info.clock and info.clock.kind == "static"
        )
