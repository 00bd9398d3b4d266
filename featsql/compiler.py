"""The compiler, as a story: one line a stage, from a folder to one query for each training set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sqlglot import exp

from featsql.engine import Column, Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError, raise_errors
from featsql.plan.features import plan_features
from featsql.plan.lower import lower, lower_at
from featsql.plan.plan import Features, Plan
from featsql.plan.training import plan_training
from featsql.read.lazy import Lazy
from featsql.read.model import Model, Rendered
from featsql.read.parse import Relations, read_model
from featsql.read.project import Project
from featsql.read.render import render
from featsql.read.roundtrip import changed
from featsql.resolve.catalog import Catalog, RelationInfo
from featsql.resolve.check import Checker, settled
from featsql.resolve.checked import Checked, Waived
from featsql.resolve.describe import Scratch, as_of_type, bound, bound_name
from featsql.resolve.graph import Graph, model_key
from featsql.resolve.link import link
from featsql.resolve.qualify import qualify
from featsql.resolve.severity import Finding
from featsql.resolve.sources import open_sources, scan
from featsql.resolve.trace import trace

# Whose errors silence those of the stages after it.
STAGES = ("parse", "same", "describe", "check", "plan", "bind")
IN_FILES_ORDER = frozenset({"parse", "same"})


@dataclass(frozen=True, slots=True)
class Compiled:
    """A project that was read, resolved, checked and planned, and the scratch database of empty
    tables on which its queries were bound."""

    project: Project
    checked: Checked
    scratch: Scratch
    plans: Mapping[str, Plan | Features]
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        return self.checked.graph

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.checked.diagnostics

    def text(self, name: str) -> str:
        """The text of `query`, as it is shown and bound; made once."""
        if name not in self.texts:
            self.texts[name] = self.query(name).sql("duckdb", pretty=True)
        return self.texts[name]

    def forget(self, name: str) -> None:
        """Keep a model's plan and the trees behind it no longer."""
        for made in (self.plans, self.checked.resolved):
            assert isinstance(made, Lazy)
            made.forget(name)
        self.graph.models[name].forget()
        self.texts.pop(name, None)

    def query(self, name: str) -> exp.Query:
        """The query of a model: a training set's whole plan, a features model at `as_of()`, else its
        own tree."""
        plan = self.plans.get(name)
        if plan is None:
            return self.graph.models[name].tree
        if isinstance(plan, Plan):
            return lower(plan)
        return lower_at(plan, exp.Anonymous(this="as_of"), self.project.boundary)


def compile_project(
    project: Project,
    engine: Engine,
    *,
    frames: Mapping[str, Any] | None = None,
    published: Mapping[str, tuple[Column, ...]] | None = None,
    full_refresh: bool = False,
    keep: bool = True,
) -> Compiled:
    """Compile a loaded project. `engine` gives the schemas of its sources; no data is read but what
    a file's schema needs. `published` gives the columns of the tables that stand in the target:
    an incremental model that has one adds to it. What is made of a model's text is kept only if `keep` asks for
    it, else made again where it is needed. Raises FeatsqlError with everything that one stage found."""
    tables = {} if full_refresh else dict(published or {})
    rendered = render(project, full_refresh=full_refresh, incremental=tables.__contains__)
    project = replace(project, secrets=project.secrets.union(*(each.secrets for each in rendered)))
    found = Findings(each.name for each in rendered)
    graph = opened(rendered, project, engine, frames or {}, found)
    compilation = Compilation(graph, source_columns(graph, engine), tables, found)
    for model in graph.models.values():
        read(model, engine, found)
        compilation.resolve(model)
        if not keep and model.config.kind == "plain":
            compilation.forget(model)
    found.settle()
    diagnostics, waived = compilation.check(notice for each in rendered for notice in each.notices)
    raise_errors(diagnostics)
    checked = replace(compilation.checked, diagnostics=diagnostics, waived=waived)
    compiled = Compiled(project, checked, compilation.scratch, plans_of(checked))
    for name in compiled.plans:
        bind(name, compiled, found)
        if not keep:
            compiled.forget(name)
    found.settle()
    return compiled


class Findings:
    """What the stages say against models. What one stage says, nothing of a later stage is said beside: that might
    only follow from it."""

    def __init__(self, names: Iterable[str]) -> None:
        self.order = {name: place for place, name in enumerate(names)}
        self.found: dict[str, dict[str, tuple[Diagnostic, ...]]] = {stage: {} for stage in STAGES}

    def add(self, stage: str, name: str, diagnostics: Iterable[Diagnostic]) -> None:
        """Note what a stage says against a model."""
        said = tuple(diagnostics)
        if said:
            self.found[stage][name] = said

    def clear(self, stage: str) -> bool:
        """Whether no stage before this one has said anything."""
        return not any(self.found[each] for each in STAGES[: STAGES.index(stage)])

    def settle(self) -> None:
        """Raise FeatsqlError with all that the first of the stages says that says anything."""
        for stage, by_name in self.found.items():
            names = sorted(by_name, key=self.order.__getitem__) if stage in IN_FILES_ORDER else by_name
            raise_errors([diagnostic for name in names for diagnostic in by_name[name]])


def opened(
    rendered: Iterable[Rendered], project: Project, engine: Engine, frames: Mapping[str, Any], found: Findings
) -> Graph:
    """The graph of a project, with its sources open. Its models' texts are read when they are asked for; what is
    wrong with one of those is said before what is wrong with the graph."""
    reading = partial(read_model, relations=Relations(project), engine_syntax=engine.syntax_error)
    models = [Model(each, reading) for each in rendered]
    try:
        graph = link(models, project)
        open_sources(engine, project, frames)
    except FeatsqlError:
        for model in models:
            read(model, engine, found)
        found.settle()
        raise
    return graph


def read(model: Model, engine: Engine, found: Findings) -> None:
    """Parse a model, and make sure that its tree says what its text does."""
    try:
        model.read()
    except FeatsqlError as error:
        found.add("parse", model.name, error.diagnostics)
    if found.clear("same"):
        found.add("same", model.name, changed([model], engine))


class Compilation:
    """A graph whose models are resolved one after the other, parents first, and then checked."""

    def __init__(
        self,
        graph: Graph,
        sources: Mapping[str, tuple[Column, ...]],
        published: Mapping[str, tuple[Column, ...]],
        found: Findings,
    ) -> None:
        self.graph = graph
        self.published = published
        self.found = found
        self.scratch = Scratch(graph)
        self.relations = {key: RelationInfo(key, each, graph.sources[key].clock) for key, each in sources.items()}
        self.scratch.begin(self.relations)
        catalog = Catalog(self.relations, self.scratch.engine.aggregate_functions())
        resolved = Lazy(graph.models, lambda name: qualify(graph.models[name], catalog))
        self.checked = Checked(graph, catalog, resolved, trace(resolved, graph, catalog))
        self.checker = Checker(graph, catalog, self.checked.lineage, resolved)
        self.findings: dict[str, list[Finding]] = {}

    def resolve(self, model: Model) -> None:
        """Bind a model, find its edges and its marks, and, if nothing below it matters, what the rules say."""
        key = model_key(model.name)
        if not self.found.clear("describe") or any(each not in self.relations for each in self.graph.parents[key]):
            return
        try:
            self.relations[key] = bound(model, self.graph, self.relations, self.scratch, self.published)
        except FeatsqlError as error:
            self.found.add("describe", model.name, error.diagnostics)
        if self.found.clear("check"):
            self.checker.examine(model.name)
            if model.config.kind == "plain":
                self.findings[model.name] = list(self.checker.findings(model.name))

    def check(self, said: Iterable[Diagnostic]) -> tuple[tuple[Diagnostic, ...], tuple[Waived, ...]]:
        """All that templates and rules say, and what the project lets pass."""
        for name in self.graph.models:
            if name not in self.findings:
                self.findings[name] = list(self.checker.findings(name))
        found, waived = settled((each for name in self.graph.models for each in self.findings[name]), self.graph)
        return (*said, *found), waived

    def forget(self, model: Model) -> None:
        """Keep what was made of a model's text no longer."""
        model.forget()
        assert isinstance(self.checked.resolved, Lazy)
        self.checked.resolved.forget(model.name)


def source_columns(graph: Graph, engine: Engine) -> dict[str, tuple[Column, ...]]:
    """The columns of every source and seed, as the engine reads them."""
    root = graph.project.root
    columns: dict[str, tuple[Column, ...]] = {}
    for key, source in graph.sources.items():
        seeded = key.startswith("seed:")
        query = scan(source, root) if seeded else exp.select("*").from_(bound_name(key, graph))
        columns[key] = engine.columns(query.sql("duckdb"))
    return columns


def plans_of(checked: Checked) -> Lazy[Plan | Features]:
    """The plan of every features model and training set, made when it is asked for."""

    def plan(name: str) -> Plan | Features:
        kind = checked.graph.models[name].config.kind
        return plan_features(name, checked) if kind == "features" else plan_training(name, checked)

    models = checked.graph.models.items()
    return Lazy((name for name, model in models if model.config.kind in {"features", "training_set"}), plan)


def bind(name: str, compiled: Compiled, found: Findings) -> None:
    """Plan a model, and let the engine bind its query on empty tables: what it cannot decorrelate is refused
    here, and a query whose columns are not those of the author's text is never run."""
    model, checked, scratch = compiled.graph.models[name], compiled.checked, compiled.scratch
    try:
        compiled.plans[name]
    except FeatsqlError as error:
        found.add("plan", name, error.diagnostics)
    if not found.clear("bind"):
        return
    scratch.need(read_by(name, compiled.graph))
    scratch.set_instant(as_of_type(model, compiled.graph, checked.catalog.relations))
    try:
        sql = compiled.text(name)
        got = scratch.engine.columns(sql)
        scratch.engine.plan(sql)
    except EngineError as error:
        message = f"the lifted query of `{name}` is refused by the engine: {error.message.splitlines()[0]}"
        hint = "the engine cannot run this construct for many instants at once; write it another way"
        found.add("bind", name, [Diagnostic("FS701", message, model.rendered.file.place(1), hint)])
        return
    want = checked.catalog.relations[model_key(name)].columns
    if [c.name.casefold() for c in got] != [c.name.casefold() for c in want]:
        message = f"the lifted query of `{name}` does not have the columns of its text"
        place, hint = model.rendered.file.place(1), "give every column an alias"
        found.add("bind", name, [Diagnostic("FS703", message, place, hint)])


def read_by(name: str, graph: Graph) -> frozenset[str]:
    """The relations that a model's plan may read: what it reads, and what the features models among them do."""
    found: set[str] = set()
    stack = [model_key(name)]
    while stack:
        for key in graph.parents[stack.pop()]:
            if key not in found:
                found.add(key)
                kind, _, model = key.partition(":")
                stack += [key] if kind == "model" and graph.models[model].config.kind == "features" else []
    return frozenset(found)
