"""Stage 11: build the chosen part of a compiled project, in order, and tell what became of each node."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from featsql.build.known_at import Knowledge
from featsql.build.manifest import write_manifest, write_results
from featsql.build.materialize import Materializer
from featsql.build.results import Listener, Options, Run, silent
from featsql.build.reuse.fingerprint import Fingerprints
from featsql.build.reuse.reuse import Reuse
from featsql.build.reuse.source_fingerprints import SourceFingerprints
from featsql.build.work import Work
from featsql.compiler import Compiled
from featsql.engine import Engine
from featsql.resolve.graph import model_key

DEFAULTS = Options()


def build(
    compiled: Compiled,
    engine: Engine,
    names: Sequence[str],
    options: Options = DEFAULTS,
    listener: Listener = silent,
    *,
    source_fingerprints: SourceFingerprints,
) -> Run:
    """Build `names` in their order into the engine's open target.

    What reads a node that failed is skipped, and a node that stands as it would be built is left alone.
    `source_fingerprints` has looked at the sources since before the build. The manifest and the run's results are
    written to the target path, each replaced whole.
    """
    began, clock = datetime.now(UTC).isoformat(), time.perf_counter()
    materializer = materializer_of(compiled, engine, options, began)
    kinds = {name: kind_of(name, compiled) for name in names}
    reuse = Reuse(compiled, engine, kinds, began, options, source_fingerprints)
    reuse.forget()
    fingerprints, statics = Fingerprints(compiled), Statics(compiled)
    about = {name: (fingerprints.of(name), statics.of(name)) for name in names}
    results = Work(kinds, about, materializer, reuse, listener, fail_fast=options.fail_fast).all()
    seconds = time.perf_counter() - clock
    run = Run(tuple(results), began, seconds, fingerprints.inputs(), compiled.diagnostics, options.known_at)
    write_manifest(compiled, run)
    write_results(compiled, run)
    reuse.finish()
    compiled.save()
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
