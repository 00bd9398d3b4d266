"""Stages 5 to 8 of one model after the other: what is known of it still is not found out again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial

from featsql.engine import Column
from featsql.errors import Diagnostic, FeatsqlError, Findings
from featsql.read.lazy import Lazy
from featsql.read.model import Model
from featsql.read.sql.roundtrip import confirmed
from featsql.read.sql.vocabulary import aggregate_functions
from featsql.resolve.binding.second_opinion import read_columns
from featsql.resolve.cache.compile_cache import CompileCache
from featsql.resolve.cache.recall import Recall
from featsql.resolve.catalog.catalog import Catalog, RelationInfo
from featsql.resolve.catalog.describe import Scratch, as_of_type, asks_instant, bound
from featsql.resolve.check import Checker, settled
from featsql.resolve.checked import Checked, Waived
from featsql.resolve.graph import Graph, model_key
from featsql.resolve.lineage.trace import Traced, lineage_of, trace_model
from featsql.resolve.qualify import qualify
from featsql.resolve.severity import Finding

# How many models are resolved side by side: their trees are all there at once.
MOST = 16
SOME_DAY = "2000-01-01"


def read(model: Model, found: Findings) -> Sequence[Diagnostic]:
    """Parse a model, and see whether its tree is spelled as its text, unless both were done before. Gives what is wrong
    if it does not mean the same, either, which is told by what it is bound to."""
    if model.proof is None:
        return ()
    try:
        model.read()
    except FeatsqlError as error:
        found.add("parse", model.name, error.diagnostics)
    return model.proof(model) if found.clear("same") else ()


class Compilation:
    """A graph whose models are resolved one after the other, parents first, and then checked; `fresh` has those
    with something below them of which the rules had to look again. `inquire` finds out about a model what those ask
    who build it."""

    def __init__(
        self,
        graph: Graph,
        sources: Mapping[str, tuple[Column, ...]],
        found: Findings,
        recall: Recall,
        scratch: Scratch,
    ) -> None:
        self.inquire: Callable[[str], bytes] | None = None
        self.graph = graph
        self.found = found
        self.recall = recall
        self.scratch = scratch
        self.relations = Lazy[RelationInfo]((), lambda key: recall.info(key.partition(":")[2]))
        for key, columns in sources.items():
            self.relations.give(key, RelationInfo(key, columns, graph.sources[key].clock))
            recall.begin(self.relations[key])
        self.scratch.begin(graph, self.relations)
        catalog = Catalog(self.relations, aggregates_of(recall.compile_cache, self.scratch))
        self.resolved = Lazy(graph.models, lambda name: qualify(graph.models[name], catalog))
        self.traced = Lazy(graph.models, self.trace)
        self.checked = Checked(graph, catalog, self.resolved, lineage_of(self.traced, graph, catalog))
        self.checker = Checker(graph, catalog, self.checked.lineage, self.resolved, recall.taints)
        self.findings: dict[str, list[Finding]] = {}
        self.fresh: set[str] = set()

    def trace(self, name: str) -> Traced:
        """The edges of a model."""
        if self.recall.knows(name):
            return self.recall.traced(name)
        read = partial(read_columns, self.graph.models[name], self.graph, self.relations, self.scratch)
        return trace_model(self.resolved[name], self.graph, read)

    def resolve_all(self, *, keep: bool) -> None:
        """Resolve every model."""
        for wave in waves(self.graph.models.values(), self.graph):
            for _ in self.resolve(wave, keep=keep):
                pass

    def resolve(self, models: Iterable[Model], *, keep: bool) -> Iterator[Model]:
        """Bind some models, of which none reads another, find their edges and taints, and, if nothing below a model
        matters, what the rules say: gives each that is done. What was made of a text is kept only if `keep` asks for
        it, but for as-of models, which are planned yet."""
        wave = list(models)
        new = {model.name: model for model in wave if not self.recalled(model)}
        suspects = {name: said for name, model in new.items() if (said := read(model, self.found))}
        described = self.describe(new.values())
        for name in suspects.keys() & described.keys():
            if self.is_other(new[name]):
                self.found.add("same", name, suspects[name])
        for model in wave:
            if model.name in described and self.found.clear("check"):
                self.examine(model, described[model.name])
            if model.name in new and not keep and model.config.kind == "plain":
                model.forget()
                self.resolved.forget(model.name)
            yield model

    def is_other(self, model: Model) -> bool:
        """Whether a model that binds says something else than its tree, which is bound, too."""
        if asks_instant(model):
            self.scratch.set_instant(as_of_type(model, self.graph, self.relations), given=SOME_DAY)
        return confirmed(model, self.scratch.engine)

    def is_whole(self, model: Model) -> bool:
        """Whether everything that a model reads is known."""
        return self.found.clear("describe") and all(
            each in self.relations for each in self.graph.parents[model_key(model.name)]
        )

    def recalled(self, model: Model) -> bool:
        """Whether what is known of a model from earlier still holds."""
        if not self.is_whole(model) or not self.recall.resolves(model):
            return False
        self.relations.promise(model_key(model.name))
        return True

    def describe(self, models: Iterable[Model]) -> dict[str, RelationInfo]:
        """Those models as relations, by name, of which everything that they read is known, and that bind."""
        whole = [model for model in models if self.is_whole(model)]
        self.scratch.need(each for model in whole for each in self.graph.parents[model_key(model.name)])
        described: dict[str, RelationInfo] = {}
        for model in whole:
            try:
                info = bound(model, self.graph, self.relations, self.scratch, self.recall.published)
            except FeatsqlError as error:
                self.found.add("describe", model.name, error.diagnostics)
                continue
            self.relations.give(info.key, info)
            described[model.name] = info
        return described

    def examine(self, model: Model, info: RelationInfo) -> None:
        """Find out what others may know of a model, and what the rules say of a plain one."""
        self.recall.resolved(model, info, self.traced[model.name], self.checker.examine(model.name))
        if self.inquire is not None:
            with suppress(FeatsqlError):  # it is said when somebody asks
                self.recall.note(model.name, self.inquire(model.name))
        if model.config.kind == "plain":
            self.findings[model.name] = list(self.checker.findings(model.name))

    def check(self, said: Iterable[Diagnostic]) -> tuple[tuple[Diagnostic, ...], tuple[Waived, ...]]:
        """All that templates and rules say, and what the project lets pass."""
        for name in self.graph.models.keys() - self.findings.keys():
            known = self.recall.findings(name)
            if known is None:
                self.fresh.add(name)
            self.findings[name] = list(self.checker.findings(name)) if known is None else known
        found, waived = settled((each for name in self.graph.models for each in self.findings[name]), self.graph)
        return (*said, *found), waived


def waves(models: Iterable[Model], graph: Graph) -> Iterator[list[Model]]:
    """Models in build order, as many at once as do not read each other: what is done to some one after the other takes
    less time than where each goes through all that is done to it."""
    wave: dict[str, Model] = {}
    for model in models:
        if len(wave) == MOST or any(parent in wave for parent in graph.parents[model_key(model.name)]):
            yield list(wave.values())
            wave = {}
        wave[model_key(model.name)] = model
    if wave:
        yield list(wave.values())


def aggregates_of(compile_cache: CompileCache, scratch: Scratch) -> frozenset[str]:
    """The names of the engine's aggregate functions, which change with its version alone."""
    held = compile_cache.told("aggregates", list[str])
    if held is None:
        held = sorted(aggregate_functions(scratch.engine))
        compile_cache.share("aggregates", held)
    return frozenset(held)
