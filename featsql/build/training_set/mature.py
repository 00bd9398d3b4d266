"""Which labels cannot be known yet, how these become unknown (NULL), and when the next of them can be known."""

from __future__ import annotations

import re

from sqlglot import exp

from featsql.build.target import table_of
from featsql.compiler import Compiled
from featsql.engine import Engine
from featsql.read.model import Model
from featsql.read.project import Config
from featsql.resolve.catalog.describe import instant_type
from featsql.resolve.graph import model_key
from featsql.temporal import interval, reached

# Types of which the engine updates a value by putting its row behind the others.
MOVED = re.compile(r"\[|MAP|UNION|VARIANT|GEOMETRY")


def is_immature(config: Config, as_of_type: str | None, known_at: str) -> exp.Expr:
    """Whether the horizon of a label is not past yet."""
    now = exp.cast(exp.Literal.string(known_at), instant_type(as_of_type))
    return exp.not_(exp.func("coalesce", reached(end(config), now, "inclusive"), exp.false()))


def end(config: Config) -> exp.Expr:
    """The instant at which the horizon of a label is past."""
    assert config.horizon is not None
    assert config.as_of is not None
    return exp.Add(this=exp.column(config.as_of, quoted=True), expression=interval(config.horizon))


def hide(engine: Engine, table: exp.Table, name: str, which: exp.Expr) -> int:
    """Set a column to NULL in some rows of a table, all of which stay where they are; gives how many rows these are."""
    hidden = exp.column(name, quoted=True)
    (held,) = engine.columns(exp.select(hidden).from_(table.copy()).sql("duckdb"))
    if not MOVED.search(held.type):
        update = exp.Update(this=table, expressions=[exp.EQ(this=hidden, expression=exp.null())])
        update.set("where", exp.Where(this=which))
        return engine.write(update.sql("duckdb"))
    rows = engine.count(exp.select("1").from_(table.copy()).where(which).subquery())
    kept = exp.Case(ifs=[exp.If(this=which.copy(), true=exp.null())], default=hidden)
    query = exp.select(exp.Star(replace=[exp.alias_(kept, held.name, quoted=True)])).from_(table.copy())
    engine.write(exp.Create(this=table, kind="TABLE", replace=True, expression=query).sql("duckdb"))
    return rows


def due(model: Model, compiled: Compiled, engine: Engine, began: str) -> float | None:
    """When the next label of a spine in the target matures, in seconds since 1970."""
    config = model.config
    if config.kind != "labels" or not (config.horizon and config.as_of):
        return None
    kind = compiled.checked.catalog.relations[model_key(model.name)].type_of(config.as_of)
    return next_due(engine, table_of(compiled.project, model.name), config, kind, began)


def next_due(engine: Engine, table: exp.Table, config: Config, as_of_type: str | None, now: str) -> float | None:
    """When the next label of a table matures, in seconds since 1970."""
    kind = instant_type(as_of_type)
    mature = exp.cast(end(config), kind)
    query = exp.select(exp.func("epoch", exp.Min(this=mature.copy()))).from_(table)
    ((value,),) = engine.rows(query.where(mature > exp.cast(exp.Literal.string(now), kind)).sql("duckdb"))
    return None if value is None else float(value)
