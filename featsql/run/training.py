"""The rows of a training set: all of them computed, or those that an earlier build left and the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from featsql.engine import Engine
from featsql.plan.density import chosen
from featsql.plan.lower import lower
from featsql.plan.plan import Attach, Over, Plan
from featsql.resolve.describe import three_part
from featsql.run.extend import Extension, Extent, extents, kept


@dataclass(frozen=True, slots=True)
class Rows:
    """The query of the rows, what is worth knowing about them, how their features are found, and what the relations
    behind them hold."""

    query: exp.Query
    methods: tuple[str, ...]
    extents: dict[str, Extent]
    notes: tuple[str, ...] = ()


def training_rows(plan: Plan, table: exp.Table, engine: Engine, before: Mapping[str, Extent]) -> Rows:
    """The rows of a training set. Those of its earlier `table` that still stand are not computed again: `before` is
    what the relations behind it held when it was made; empty, where nothing of it may be kept."""
    found = extents(plan, engine, before)
    now = {key: extent for key, (extent, _) in found.items()}
    stands = kept(plan, found, before)
    if stands is None:
        cheapest = chosen(plan, engine.rows)
        return Rows(lower(cheapest), methods_of(cheapest), now)
    extension, fresh = Extension(plan, table, stands), three_part("temp", "main", f"__fresh_{plan.name}")
    engine.create_as("OR REPLACE TEMP TABLE", fresh, extension.fresh().sql("duckdb"))
    cheapest = chosen(replace(plan, spine=replace(plan.spine, source=fresh)), engine.rows)
    computed = engine.rows(exp.select(exp.Count(this=exp.Star())).from_(fresh.copy()).sql("duckdb"))[0][0]
    note = f"{computed:,} of them computed, the others kept"
    return Rows(extension.query(lower(cheapest)), methods_of(cheapest), now, (note,))


def methods_of(plan: Plan) -> tuple[str, ...]:
    """How the features of a training set are found."""
    return tuple(method_of(each) for each in plan.attachments)


def method_of(attach: Attach) -> str:
    """How the features of an attachment are found, and why so."""
    features = attach.features
    node = f"{type(features).__name__} by {features.method}" if isinstance(features, Over) else type(features).__name__
    return f"{attach.alias}: {node}: {features.reason}"
