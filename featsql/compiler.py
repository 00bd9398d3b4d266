"""The compiler, as a story: one line a stage, from a folder to one query for each training set."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.engine import DUCKDB, RESTING, Column, Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError, Findings, raise_errors
from featsql.read.lazy import Lazy
from featsql.read.model import Model, Rendered
from featsql.read.parse import Relations, read_model
from featsql.read.project import Project
from featsql.read.render import render
from featsql.read.sql.roundtrip import suspects
from featsql.resolve.cache.compile_cache import FILE, CompileCache, open_compile_cache
from featsql.resolve.cache.recall import Recall
from featsql.resolve.cache.renderings import Renderings
from featsql.resolve.cache.shared import Shared
from featsql.resolve.cache.worker_process import Worker, few, start
from featsql.resolve.catalog.describe import Scratch, as_of_type
from featsql.resolve.catalog.fitting import wrong_clocks
from featsql.resolve.checked import Checked
from featsql.resolve.compilation import Compilation, read
from featsql.resolve.graph import Graph, model_key, read_by
from featsql.resolve.link import link
from featsql.resolve.scope import names_of
from featsql.sources.files.survey import Surveyor
from featsql.sources.locations import open_sources, source_columns

if TYPE_CHECKING:
    from featsql.plan.plan import Features, Plan

Columns = Callable[[Graph], Mapping[str, tuple[Column, ...]]]
# What those ask about a model who build it, of a project that is being compiled.
Inquire = Callable[[str, "Compiled"], bytes]


class Compiled(Struct, frozen=True):
    """A project that was resolved, checked and planned, and the scratch database on which its queries were bound."""

    project: Project
    checked: Checked
    scratch: Scratch
    plans: Mapping[str, Plan | Features]
    texts: dict[str, str] = {}
    outputs: dict[str, list[str]] = {}
    facts: dict[str, Any] = {}
    recall: Recall | None = None

    def __repr__(self) -> str:
        return f"Compiled({self.project.name!r}, {len(self.graph.models)} models)"

    @property
    def graph(self) -> Graph:
        return self.checked.graph

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.checked.diagnostics

    def text(self, name: str) -> str:
        """The text of `query`, as it is shown and bound; made once. `outputs` has the names of its columns then, as far
        as they are written out."""
        if name not in self.texts:
            query, own = self.query(name), self.plans.get(name) is None
            self.outputs[name] = names_of(query)
            self.texts[name] = query.sql(DUCKDB, pretty=True, copy=own)  # of a plan it is made for this alone
        return self.texts[name]

    def forget(self, name: str) -> None:
        """Keep a model's plan and the trees behind it no longer."""
        for made in (self.plans, self.checked.resolved):
            assert isinstance(made, Lazy)
            made.forget(name)
        self.graph.models[name].forget()
        self.texts.pop(name, None)
        self.outputs.pop(name, None)

    def save(self) -> None:
        """Keep what was found out since."""
        if self.recall is not None:
            self.recall.save(self.project.secrets)

    def query(self, name: str) -> exp.Query:
        """The query of a model: a training set's whole plan, a features model at `as_of()`, else its own tree."""
        plan = self.plans.get(name)
        if plan is None:
            return self.graph.models[name].tree
        from featsql.engines.duckdb.lower.lower import lower, lower_at
        from featsql.plan.plan import Plan

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
    alone: bool = True,
    compile_cache: CompileCache | None = None,
    columns: Columns | None = None,
    inquire: Inquire | None = None,
) -> Compiled:
    """Compile a loaded project. `engine` gives the schemas of its sources; no data is read but what a file's schema
    needs. `published` gives the columns of the tables that stand in the target: an incremental model that has one adds
    to it. What is made of a model's text is kept only if `keep` asks for it. What was found out before is in the
    `compile_cache`, or in the project's own. `columns` tells those of the sources, which are not opened then. If not
    `alone`, this process may double itself. `inquire` is asked about every model. Raises FeatsqlError."""
    standing = {} if full_refresh else published or {}
    renderings = Renderings(compile_cache or open_compile_cache(project.root / project.target_path / FILE), project)
    rendered = render(project, full_refresh=full_refresh, incremental=standing.__contains__, known=renderings.known)
    project = replace(project, secrets=project.secrets.union(*(each.secrets for each in rendered)))
    tables = {each.name: standing[each.name] for each in renderings.reading_own(rendered) if each.name in standing}
    found = Findings(each.name for each in rendered)
    models, scratch = models_of(rendered, project, renderings.found)
    columns = columns or partial(read_columns, engine, frames or {}, compile_cache=renderings.compile_cache)
    if not alone:
        columns = partial(columns_ahead, columns, renderings, tables, inquire, engine, scratch)
    graph, sources = opened(models, project, columns, found)
    recall = Recall(renderings.compile_cache, graph, renderings.keys, tables)
    compilation = Compilation(graph, sources, found, recall, scratch)
    compiled = begun(compilation, inquire)
    compilation.resolve_all(keep=keep)
    found.settle()
    diagnostics, waived = compilation.check(notice for each in rendered for notice in each.notices)
    raise_errors(diagnostics)
    compiled = replace(compiled, checked=replace(compiled.checked, diagnostics=diagnostics, waived=waived))
    bind_all(compiled, compilation.fresh, found, keep=keep)
    compilation.recall.keep(compilation.findings, project.secrets)
    return compiled


def models_of(
    rendered: Sequence[Rendered], project: Project, known: Container[str]
) -> tuple[tuple[Model, ...], Scratch]:
    """The models, each read when it is asked for, and held to its text; but for the `known`, which were before. The
    scratch database that they are held to is on its way if a few are new: before many, this process may double
    itself."""
    scratch = Scratch(project.target)
    reading = partial(read_model, relations=Relations(project), engine_syntax=scratch.syntax_error)
    again = partial(read_model, relations=Relations(project), engine_syntax=lambda _: None)

    def proof(model: Model) -> Sequence[Diagnostic]:
        return suspects([model], scratch.engine)

    new = sum(each.name not in known for each in rendered)
    if new and few(new):
        scratch.prepare()
    models = (Model(each, again) if each.name in known else Model(each, reading, proof) for each in rendered)
    return tuple(models), scratch


def opened(
    models: Sequence[Model], project: Project, columns: Columns, found: Findings
) -> tuple[Graph, Mapping[str, tuple[Column, ...]]]:
    """The graph of a project, and the columns of its sources, which their clocks fit. What is wrong with the text of a
    model is said before what is wrong with the graph."""
    try:
        graph = link(models, project)
        sources = columns(graph)
        raise_errors(list(wrong_clocks(graph, sources)))
        return graph, sources
    except FeatsqlError:
        for model in models:
            read(model, found)
        found.settle()
        raise


def begun(compilation: Compilation, inquire: Inquire | None) -> Compiled:
    """What is compiled of a project while it is resolved; `inquire` is asked about each of its models."""
    checked = compilation.checked
    project, recall = checked.graph.project, compilation.recall
    compiled = Compiled(project, checked, compilation.scratch, plans_of(checked), recall=recall)
    if inquire is not None:
        compilation.inquire = lambda name: inquire(name, compiled)
    return compiled


def columns_ahead(
    columns: Columns,
    renderings: Renderings,
    published: Mapping[str, tuple[Column, ...]],
    inquire: Inquire | None,
    engine: Engine,
    scratch: Scratch,
    graph: Graph,
) -> Mapping[str, tuple[Column, ...]]:
    """The columns of every source and seed. Where many models are not known, two processes first find out all they can
    about them: the second must be there before the engine has threads."""

    def work(worker: Worker, sources: Mapping[str, tuple[Column, ...]]) -> None:
        recall = Recall(renderings.compile_cache, graph, renderings.keys, published)
        compilation = Compilation(graph, sources, Findings(graph.models), recall, scratch)
        compiled = begun(compilation, inquire)
        shared = Shared(compilation, worker)
        shared.resolve()
        shared.finish(shared.judge(), lambda name: bind_alone(name, compiled, compilation.found))
        compilation.scratch.close()

    def assist(worker: Worker) -> None:
        worker.await_all("columns", [""])
        if not worker.gone:
            work(worker, worker.heard["columns"][""])

    worker = start(graph, graph.models.keys() - renderings.found, assist, partial(engine.setting, RESTING))
    if worker is None:
        return columns(graph)
    try:
        sources = columns(graph)
        worker.tell("columns", "", sources)
        work(worker, sources)
    finally:
        worker.leave()
    return sources


def read_columns(
    engine: Engine, frames: Mapping[str, Any], graph: Graph, compile_cache: CompileCache | None = None
) -> Mapping[str, tuple[Column, ...]]:
    """The columns of every source and seed, which can be read in the session from here on. What the cache holds of
    files that did not change is not found out again."""
    surveyor = Surveyor(engine, graph.project.root, compile_cache)
    open_sources(engine, graph.project, frames, graph.readings, surveyor)
    columns = source_columns(graph, engine, surveyor)
    surveyor.save()
    return columns


def plans_of(checked: Checked) -> Lazy[Plan | Features]:
    """The plan of every features model and training set, made when it is asked for."""

    def plan(name: str) -> Plan | Features:
        from featsql.plan.features import plan_features  # a compilation that plans nothing does without them
        from featsql.plan.training_set.training import plan_training

        kind = checked.graph.models[name].config.kind
        return plan_features(name, checked) if kind == "features" else plan_training(name, checked)

    models = checked.graph.models.items()
    return Lazy((name for name, model in models if model.config.kind in {"features", "training_set"}), plan)


def bind_all(compiled: Compiled, fresh: Container[str], found: Findings, *, keep: bool) -> None:
    """Bind the plans of the models that are `fresh`, and let go of each at once unless it is to be kept. Raises
    FeatsqlError."""
    for name in compiled.plans:
        if name in fresh:
            bind(name, compiled, found)
        if not keep:
            compiled.forget(name)
    found.settle()


def bind_alone(name: str, compiled: Compiled, found: Findings) -> None:
    """Bind the plan of a model, if it has one, and keep nothing of it."""
    if name in compiled.plans:
        bind(name, compiled, found)
        compiled.forget(name)


def bind(name: str, compiled: Compiled, found: Findings) -> None:
    """Plan a model, and let the engine bind its query on empty tables: what it cannot decorrelate is refused
    here, and a query whose columns are not those of the author's text is never run."""
    from featsql.engines.duckdb.unliftable import other_columns, refusals

    model, checked, scratch = compiled.graph.models[name], compiled.checked, compiled.scratch
    try:
        compiled.plans[name]
    except FeatsqlError as error:
        found.add("plan", name, error.diagnostics)
    if not found.clear("bind"):
        return
    scratch.need(read_by(name, compiled.graph))
    scratch.set_instant(as_of_type(model, compiled.graph, checked.catalog.relations))
    want = [each.casefold() for each in checked.catalog.relations[model_key(name)].names]
    try:
        sql = compiled.text(name)
        alike = compiled.outputs[name] == want or [c.name.casefold() for c in scratch.engine.columns(sql)] == want
        # planned to the last operator, and not run; to draw the plan, as EXPLAIN does, takes longer than to make it
        scratch.engine.execute(f"PREPARE __planned AS {sql}; DEALLOCATE __planned")
        found.add("bind", name, refusals(name, compiled.plans, checked, scratch.engine))
    except EngineError as error:
        found.add("bind", name, refusals(name, compiled.plans, checked, scratch.engine, error))
        return
    if not alike:
        found.add("bind", name, [other_columns(model)])
