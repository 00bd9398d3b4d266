"""The compiler, as a story: one line a stage, from a folder to one query for each training set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from featsql.engine import Column, Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError, raise_errors
from featsql.plan.features import plan_features
from featsql.plan.lower import lower, lower_at
from featsql.plan.plan import Features, Plan
from featsql.plan.training import plan_training
from featsql.read.parse import parse
from featsql.read.project import Project
from featsql.read.render import render
from featsql.read.roundtrip import changed
from featsql.resolve.check import check
from featsql.resolve.checked import Checked
from featsql.resolve.describe import Scratch, as_of_type, bound_name, describe
from featsql.resolve.graph import Graph
from featsql.resolve.link import link
from featsql.resolve.qualify import qualify
from featsql.resolve.sources import open_sources, scan
from featsql.resolve.trace import trace


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
) -> Compiled:
    """Compile a loaded project. `engine` gives the schemas of its sources; no data is read but what
    a file's schema needs. `published` gives the columns of the tables that stand in the target:
    an incremental model that has one adds to it. Raises FeatsqlError with everything that one stage found."""
    tables = {} if full_refresh else dict(published or {})
    rendered = render(project, full_refresh=full_refresh, incremental=tables.__contains__)
    project = replace(project, secrets=project.secrets.union(*(each.secrets for each in rendered)))
    models = parse(rendered, project, engine.syntax_error)
    raise_errors(changed(models, engine))
    graph = link(models, project)
    open_sources(engine, project, frames or {})
    scratch = Scratch(graph)
    catalog = describe(graph, source_columns(graph, engine), scratch, tables)
    resolved = {name: qualify(model, catalog) for name, model in graph.models.items()}
    lineage = trace(resolved, graph, catalog)
    said = [notice for each in rendered for notice in each.notices]
    found, waived = check(graph, catalog, lineage, resolved)
    diagnostics = (*said, *found)
    raise_errors(diagnostics)
    checked = Checked(graph, catalog, resolved, lineage, diagnostics, waived)
    plans = plan(checked)
    compiled = Compiled(project, checked, scratch, plans)
    bind(compiled)
    return compiled


def source_columns(graph: Graph, engine: Engine) -> dict[str, tuple[Column, ...]]:
    """The columns of every source and seed, as the engine reads them."""
    root = graph.project.root
    columns: dict[str, tuple[Column, ...]] = {}
    for key, source in graph.sources.items():
        seeded = key.startswith("seed:")
        query = scan(source, root) if seeded else exp.select("*").from_(bound_name(key, graph))
        columns[key] = engine.columns(query.sql("duckdb"))
    return columns


def plan(checked: Checked) -> dict[str, Plan | Features]:
    """Plan every features model and training set; what is wrong with any is said together."""
    plans: dict[str, Plan | Features] = {}
    found: list[Diagnostic] = []
    for name, model in checked.graph.models.items():
        try:
            if model.config.kind == "features":
                plans[name] = plan_features(name, checked)
            elif model.config.kind == "training_set":
                plans[name] = plan_training(name, checked)
        except FeatsqlError as error:
            found.extend(error.diagnostics)
    raise_errors(found)
    return plans


def bind(compiled: Compiled) -> None:
    """Let the engine bind every planned query on empty tables: what it cannot decorrelate is refused
    here, and a query whose columns are not those of the author's text is never run."""
    found: list[Diagnostic] = []
    for name in compiled.plans:
        model = compiled.graph.models[name]
        engine = compiled.scratch.engine
        kind = as_of_type(model, compiled.graph, compiled.checked.catalog.relations)
        compiled.scratch.set_instant(kind)
        try:
            sql = compiled.text(name)
            got = engine.columns(sql)
            engine.plan(sql)
        except EngineError as error:
            message = f"the lifted query of `{name}` is refused by the engine: {error.message.splitlines()[0]}"
            hint = "the engine cannot run this construct for many instants at once; write it another way"
            found.append(Diagnostic("FS701", message, model.rendered.file.place(1), hint))
            continue
        want = compiled.checked.catalog.relations[f"model:{name}"].columns
        if [c.name.casefold() for c in got] != [c.name.casefold() for c in want]:
            message = f"the lifted query of `{name}` does not have the columns of its text"
            found.append(Diagnostic("FS703", message, model.rendered.file.place(1), "give every column an alias"))
    raise_errors(found)
