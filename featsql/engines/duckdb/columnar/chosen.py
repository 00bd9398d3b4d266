"""What arrays can give of a plan's features: all of it where there are many rows, nothing of what is left."""

from __future__ import annotations

from msgspec.structs import replace

from featsql.engine import Engine
from featsql.engines.duckdb.columnar.latest_request import findable
from featsql.engines.duckdb.columnar.window_request import Arrays, types
from featsql.engines.duckdb.lower.over import Frames
from featsql.engines.duckdb.lower.result_columns import nameable
from featsql.plan.plan import AsOf, Features, Lifted, Over, Plan
from featsql.resolve.catalog.describe import instant_type

# From how many rows and probes on arrays are worth their start.
LEAST = 200_000


def arranged(plan: Plan, engine: Engine) -> Plan:
    """The plan with that marked which arrays are to give: all that they can, where there are many rows."""
    asked: int | None = None
    attachments = list(plan.attachments)
    for i, attach in enumerate(attachments if nameable(plan) else ()):
        features = attach.features
        if isinstance(features, Lifted):
            continue
        asked = engine.count(plan.spine.source) if asked is None else asked
        table = features.scan.table if isinstance(features, Over) else features.table
        if asked + engine.count(table) >= LEAST:
            attachments[i] = replace(attach, features=marked(features, engine, plan))
    return replace(plan, attachments=tuple(attachments))


def marked(features: Over | AsOf, engine: Engine, plan: Plan) -> Over | AsOf:
    """A node with what arrays can give; if what is left cannot be joined, without."""
    if isinstance(features, AsOf):
        return replace(features, arrays=findable(features, instant_type(plan.spine.as_of_type)))
    given = frozenset(read(features, plan, engine).values)
    arranged = replace(features, arrays=given)
    return arranged if given and arranged.joinable else features


def read(features: Over, plan: Plan, engine: Engine, position: int = 0) -> Arrays:
    """The parts of a node's measures, by the types that the engine gives them."""
    frames = Frames(features, "", plan.boundary)
    kinds = engine.columns(types(features, frames).sql("duckdb"))
    return Arrays(position, frames, kinds, instant_type(plan.spine.as_of_type))


def without(plan: Plan) -> Plan:
    """The plan with all left to the query that has not been computed."""
    return replace(plan, attachments=tuple(replace(each, features=left(each.features)) for each in plan.attachments))


def left(features: Features) -> Features:
    """A node that is left to the query, unless it was computed."""
    match features:
        case Over(precomputed=None):
            return replace(features, arrays=frozenset())
        case AsOf(precomputed=None):
            return replace(features, arrays=False)
    return features
