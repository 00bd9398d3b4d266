"""Queries for looking: a few rows of any relation, or of a SELECT written on the spot."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace
from sqlglot import exp

from featsql.build.failure import explained, several
from featsql.build.plain.authored import Instead, replaced
from featsql.build.several import many_rows
from featsql.build.workspace import Workspace
from featsql.compiler import Compiled
from featsql.engine import Engine
from featsql.engines.duckdb.lower.lift import substitute
from featsql.engines.duckdb.lower.lower import lower, lower_at
from featsql.engines.duckdb.narrow import fitted
from featsql.errors import Diagnostic, FeatsqlError, Place
from featsql.names import did_you_mean
from featsql.plan.features import entity_keys, plan_features
from featsql.plan.instants import asked_exactly, needs_nanoseconds
from featsql.plan.plan import Attach, Features, Lifted, Outcome, Over, Plan
from featsql.plan.training_set.training import plan_of
from featsql.prove.why.given import misfit
from featsql.prove.why.given import refuse_instant as refuse_text
from featsql.prove.why.why import Cell
from featsql.read.model import Model
from featsql.read.parse import parse
from featsql.read.project import File, Project
from featsql.read.render import render_text
from featsql.read.sql.roundtrip import Difference, difference
from featsql.resolve.catalog.describe import as_of_type, asks_instant, bound_name, make_schema, three_part
from featsql.resolve.graph import model_key, seed_key, source_key
from featsql.resolve.nanoseconds import BELOW, finest, literal, type_of
from featsql.temporal import column

Entities = Sequence[Mapping[str, Any]]


def show_name(
    name: str,
    compiled: Compiled,
    workspace: Workspace,
    as_of: str | None,
    entities: Entities | None,
    limit: int | None = None,
) -> exp.Query:
    """All rows of a model, source or seed; of a features model at an instant, for given entities or for all that it
    has. Where only `limit` rows will be looked at, a training set is asked for no more than it takes to have them.
    Raises FeatsqlError FS723 for an unknown name."""
    key = relation_key(name, compiled)
    workspace.prepare([key])
    plan = compiled.plans.get(name)
    if not isinstance(plan, Features):
        refuse_instant(name, as_of, entities)
    if isinstance(plan, Plan):
        few = plan if limit is None else cut(plan, limit)
        return lower(fitted(few, workspace.engine.rows))
    if plan is None:
        return exp.select("*").from_(bound_name(key, compiled.graph))
    instant = literal_instant(plan, compiled, as_of)
    if entities:
        return lower(for_entities(plan, compiled, instant, entities))
    keys, _ = entity_keys(compiled.graph.models[name], compiled.checked)
    rows = lower_at(plan, instant, compiled.project.boundary)
    return exp.select("*").from_(rows.subquery("shown")).order_by(*(column(key) for key in keys)) if keys else rows


def several_rows(name: str, compiled: Compiled, engine: Engine, as_of: str | None) -> Diagnostic | None:
    """FS801 for the first entity of which a features model has several rows at an instant, if there is one."""
    plan = compiled.plans.get(name)
    general = plan.general if isinstance(plan, Over) else plan
    if not isinstance(general, Lifted) or general.unique or not general.keys:
        return None
    instant = literal_instant(general, compiled, as_of)
    keys = [column(key) for key in general.keys]
    there = [exp.not_(key.is_(exp.null())) for key, nulls in zip(keys, general.match_nulls, strict=True) if not nulls]
    many = exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1))
    texts = [exp.cast(each, "varchar") for each in (*keys, instant)]
    query = exp.select(*texts, exp.Count(this=exp.Star())).from_(
        lower_at(general, instant, compiled.project.boundary).subquery("shown")
    )
    first = query.where(*there).group_by(*keys).having(many).order_by(*keys).limit(1)
    for *values, at, count in engine.rows(first.sql("duckdb")):
        said = many_rows(name, dict(zip(general.keys, values, strict=True)), at, count)
        return several(compiled.graph.models[name], said, compiled, engine)
    return None


def cut(plan: Plan, limit: int) -> Plan:
    """The plan for the first rows of its spine, where each of them gives a row by itself, and which are the first can
    be said without a feature."""
    spine, order = plan.spine, plan.select.args.get("order")
    names = [each.table.casefold() for each in order.find_all(exp.Column)] if order else []
    if plan.select.find(exp.Window) or set(names) - {spine.alias.casefold()}:
        return plan
    few = exp.select("*").from_(exp.alias_(spine.source.copy(), spine.alias, table=True, copy=False)).limit(limit)
    if order:
        if not names or order.find(exp.Query):
            return plan
        few.set("order", order.copy())
    return replace(plan, spine=replace(spine, source=few.subquery(spine.alias)))


def relation_key(name: str, compiled: Compiled) -> str:
    """The key of the relation that a name on the command line means."""
    for key in (model_key(name), seed_key(name), source_key(name)):
        if key in compiled.checked.catalog.relations:
            return key
    known = [key.partition(":")[2] for key in compiled.checked.catalog.relations]
    hint = did_you_mean(name, known, "`featsql ls` lists what there is")
    raise FeatsqlError(Diagnostic("FS723", f"there is no model, source or seed `{name}`", hint=hint))


def refuse_instant(name: str, as_of: str | None, entities: Entities | None) -> None:
    """Only a features model is a question that needs an instant."""
    if as_of is not None or entities:
        message = f"`{name}` is not a features model: it has no instant or entities to be shown for"
        raise FeatsqlError(Diagnostic("FS724", message, hint="leave --as-of and --entity out"))


def literal_instant(plan: Features, compiled: Compiled, as_of: str | None) -> exp.Expr:
    """An instant that a person typed, of the type that the model's clocks have, in nanoseconds where these have such;
    now, without one."""
    text = as_of or datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")
    kind = as_of_type(compiled.graph.models[plan.name], compiled.graph, compiled.checked.catalog.relations)
    if BELOW.search(text) and any(info.is_fine for info in plan.relations):
        kind = finest(info.type_of(name) or "" for info in plan.relations if info.clock for name in info.clock.instants)
    refuse_text(text, kind, compiled.scratch.engine)
    return literal(text, kind)


def for_entities(plan: Features, compiled: Compiled, instant: exp.Expr, entities: Entities) -> Plan:
    """The plan of a features model for given keys at one instant."""
    keys, _ = entity_keys(compiled.graph.models[plan.name], compiled.checked)
    types = compiled.checked.catalog.relations[model_key(plan.name)]
    for each in entities:
        refuse_keys(each, keys, plan.name)
    for key in keys:
        refuse_values(key, [each[key] for each in entities], types.type_of(key), compiled)
    rows = [
        exp.select(
            *(typed(each[key], types.type_of(key), key) for key in keys),
            exp.alias_(instant.copy(), "as_of"),
        )
        for each in entities
    ]
    source = rows[0] if len(rows) == 1 else exp.union(*rows, distinct=False)
    kind, boundary = type_of(instant), compiled.project.boundary
    spine = Outcome(source.subquery("asked"), "spine", (*keys, "as_of"), "as_of", kind)
    if needs_nanoseconds(plan.relations, kind, boundary):
        plan = asked_exactly(plan, kind) or plan_features(plan.name, compiled.checked, general=True)
    attach = Attach(plan, tuple(column(key, "spine") for key in keys), "f")
    outputs = [exp.alias_(column(key, "spine"), key, quoted=True) for key in keys]
    outputs += [exp.alias_(column(name, "f"), name, quoted=True) for name in plan.features]
    return plan_of(spine, (attach,), exp.select(*outputs), boundary)


def plan_of_cell(
    cell: str, compiled: Compiled, row: int | None, keys: Mapping[str, Any], as_of: str | None
) -> tuple[Plan, Cell]:
    """The plan in which `training_set.column` or `features_model.feature` is a column, and which of its rows is meant.

    Raises FeatsqlError FS752 for a cell without a column, or of a model that is neither.
    """
    name, _, output = cell.rpartition(".")
    plan = compiled.plans.get(name)
    if plan is None:
        hint = did_you_mean(name, compiled.plans, "write it like churn_training.spend_30d")
        raise FeatsqlError(
            Diagnostic("FS752", f"`{cell}` is no column of a training set or a features model", hint=hint)
        )
    if isinstance(plan, Plan):
        instant = {plan.spine.as_of: as_of} if as_of is not None else {}
        return plan, Cell(output, row, {name: str(value) for name, value in {**keys, **instant}.items()})
    if row is not None:
        hint = f"say whose: --key {plan.keys[0] if plan.keys else 'name'}=... --as-of ..."
        raise FeatsqlError(Diagnostic("FS753", f"`{name}` has no rows by number: it is a features model", hint=hint))
    made = for_entities(plan, compiled, literal_instant(plan, compiled, as_of), [keys])
    return replace(made, name=name), Cell(output)


def refuse_keys(given: Mapping[str, Any], keys: Sequence[str], name: str) -> None:
    """An entity is named by all of its keys and nothing else."""
    if set(given) != set(keys):
        message = f"`{name}` is about entities with the keys {', '.join(keys)}, not {', '.join(given)}"
        raise FeatsqlError(Diagnostic("FS726", message, hint="write " + " ".join(f"--entity {k}=..." for k in keys)))


def refuse_values(key: str, values: Sequence[Any], kind: str | None, compiled: Compiled) -> None:
    """A key's value is one of the key's type: the engine would take another that is near it for it."""
    texts = (str(value) for value in values if value is not None)
    wrong = misfit(texts, kind or "VARCHAR", compiled.scratch.engine)
    if wrong is not None:
        raise FeatsqlError(Diagnostic("FS726", f"`{key}` is {kind}: `{wrong}` is none"))


def typed(value: Any, kind: str | None, name: str) -> exp.Expr:
    """A key's value as a column of the key's type."""
    literal = exp.null() if value is None else exp.Literal.string(str(value))
    return exp.alias_(exp.cast(literal, kind or "VARCHAR"), name, quoted=True)


def show_sql(text: str, project: Project, compiled: Compiled, workspace: Workspace, as_of: str | None) -> exp.Query:
    """A SELECT written on the spot: with an instant every relation is what it is then; without, its rows."""
    rendered = render_text(File("<inline>", text), project)
    (model,) = parse((rendered,), project, compiled.scratch.engine.syntax_error)
    tables = [table for table in model.tree.find_all(exp.Table) if "relation" in table.meta]
    keys = [str(table.meta["relation"]) for table in tables]
    for key, reference in zip(keys, tables, strict=True):
        if key not in compiled.checked.catalog.relations:
            place, _ = rendered.origin(reference.this.meta.get("start", 0))
            raise FeatsqlError(unknown(key, place, compiled))
    workspace.prepare(keys)
    for number, table in enumerate(tables):
        table.meta["scan"] = number
    other = difference(rendered.text, model.tree, compiled.scratch.engine)
    if other is not None:
        return as_written(model, other, compiled, workspace)
    zoned = literal(as_of or datetime.now(UTC).isoformat(sep=" "), "TIMESTAMP WITH TIME ZONE")
    refuse_text(zoned.name, zoned.to.sql("duckdb"), compiled.scratch.engine)
    at = exp.cast(zoned, "timestamp")  # sessions are in UTC
    return substitute(model.tree, at, lambda i: shown(keys[i], compiled, as_of))


def as_written(model: Model, other: Difference, compiled: Compiled, workspace: Workspace) -> exp.Query:
    """A SELECT of which the tree would say something else: it runs as it is written, as a view of the session. Raises
    FeatsqlError FS310 where it asks for an instant or for features, which only a tree can be given."""
    keys = {str(table.meta["relation"]) for table in model.tree.find_all(exp.Table) if "relation" in table.meta}
    if asks_instant(model) or any(key.partition(":")[2] in compiled.plans for key in keys if key.startswith("model:")):
        place, trail = model.rendered.origin(other.offset or 0)
        message = f"featsql cannot work with this SQL without changing it: {other.sentence}"
        raise FeatsqlError(Diagnostic("FS310", message, place, "write this construct another way", trail=trail))
    view = three_part("sources", "__shown", uuid.uuid4().hex)
    make_schema(workspace.engine, view.catalog, view.db)
    names = {key: Instead(bound_name(key, compiled.graph).sql("duckdb"), is_query=False) for key in keys}
    with explained(compiled):
        workspace.engine.create_as("VIEW", view, replaced(model, names))
    return exp.select("*").from_(view)


def unknown(key: str, place: Place, compiled: Compiled) -> Diagnostic:
    """A relation that inline SQL names and the project does not have."""
    name = key.partition(":")[2]
    known = [k.partition(":")[2] for k in compiled.checked.catalog.relations]
    return Diagnostic("FS723", f"there is no model, source or seed `{name}`", place, did_you_mean(name, known))


def shown(key: str, compiled: Compiled, as_of: str | None) -> exp.Query:
    """A relation inside inline SQL: a features model at the instant, anything else as it stands."""
    name = key.partition(":")[2]
    plan = compiled.plans.get(name) if key == model_key(name) else None
    if isinstance(plan, Plan):
        return lower(plan)
    if plan is not None:
        instant = literal_instant(plan, compiled, as_of)
        return lower_at(plan, instant, compiled.project.boundary)
    return exp.select("*").from_(bound_name(key, compiled.graph))
