"""Fit a plan to the rows that are there: what a build counts before it decides how features are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace
from sqlglot import exp

from featsql.engines.duckdb.density import chosen
from featsql.engines.duckdb.lower.latest import ROW, asked, same_key
from featsql.plan import names
from featsql.plan.plan import AsOf, Attach, Plan
from featsql.temporal import column

# How many rows of a relation tell whether its keys are asked about, and up to which share of them it pays to look for
# those that are: to look costs about a third of what it costs to put a row in order.
SAMPLE, WORTH = 10_000, 0.7

Ask = Callable[[str], list[tuple[Any, ...]]]


def fitted(plan: Plan, ask: Ask) -> Plan:
    """The plan as it is cheapest for the rows that are there; `ask` answers a query."""
    cheapest = chosen(plan, ask)
    return replace(cheapest, attachments=tuple(narrowed(each, plan, ask) for each in cheapest.attachments))


def narrowed(attach: Attach, plan: Plan, ask: Ask) -> Attach:
    """An attachment of a state by an as-of join; of its rows only those whose keys the spine asks about, where these
    are few."""
    features = attach.features
    if not isinstance(features, AsOf) or not features.stored or features.arrays:
        return attach
    ((seen, wanted),) = ask(sampled(features, attach, plan).sql("duckdb"))
    return replace(attach, features=replace(features, narrow=True)) if wanted < WORTH * seen else attach


def sampled(features: AsOf, attach: Attach, plan: Plan) -> exp.Select:
    """The query that counts some rows of a state, and those of them whose keys the spine asks about."""
    columns = [column(name) for name in features.key_columns]
    there = [exp.not_(exp.Is(this=key.copy(), expression=exp.null())) for key in columns]
    some = (
        exp.select(*columns)
        .from_(features.table.copy(), copy=False)
        .where(*there, copy=False)
        .limit(SAMPLE, copy=False)
    )
    keys = [exp.alias_(key.copy(), name) for key, name in zip(attach.keys, asked(features), strict=True)]
    spine = exp.alias_(plan.spine.source.copy(), plan.spine.alias, quoted=True, table=True)
    asks = exp.select(*keys).from_(spine, copy=False).subquery(names.PROBE, copy=False)
    wanted = exp.select(exp.Count(this=exp.Star())).from_(exp.to_table("__some").as_(ROW), copy=False)
    wanted = wanted.join(asks, on=exp.and_(*same_key(features, ROW, names.PROBE)), join_type="semi", copy=False)
    query = exp.select(exp.Count(this=exp.Star()), wanted.subquery()).from_("__some", copy=False)
    return query.with_("__some", as_=some, materialized=True)
