"""Whose rows were too many, and of which rows of the sources they were made: asked only once a query has failed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.compiler import Compiled
from featsql.engine import Engine, EngineError
from featsql.engines.duckdb.lower.guards import AT, BETWEEN, HAS, MANY_ROWS, ROWS
from featsql.engines.duckdb.lower.lift import Moment, rows
from featsql.plan.plan import Features, Scan, scans_of
from featsql.resolve.catalog.describe import as_of_type
from featsql.resolve.graph import model_key

SHOWN = 3
LONGEST = 240


class Entity(Struct, frozen=True):
    """The keys of an entity and an instant, as a failed query told them."""

    keys: tuple[str, ...]
    instant: str


def many_rows(name: str, keys: Mapping[str, str | None], at: str, count: int) -> str:
    """What a query says that finds several rows, without the code."""
    whose = ", ".join(f"{key}{BETWEEN}{'NULL' if value is None else value}" for key, value in keys.items())
    return f"{MANY_ROWS.format(name=name).partition(' ')[2]}{whose}{AT}{at}{HAS}{count}{ROWS}"


def entity_of(said: str, features: Features) -> Entity | None:
    """Whose rows a message tells of."""
    keys = ", ".join(f"{re.escape(name + BETWEEN)}(.*)" for name in features.keys)
    start = re.escape(MANY_ROWS.format(name=features.name).partition(" ")[2])
    found = re.search(f"{start}{keys}{AT}(.*){HAS}", said)
    return Entity(found.groups()[:-1], found.groups()[-1]) if found else None


def rows_behind(said: str, features: Features, compiled: Compiled, engine: Engine) -> str | None:
    """The rows of the sources that an entity had when it had too many, in words."""
    entity = entity_of(said, features)
    if entity is None:
        return None
    found = [
        told for scan in scans_of(features) if scan.keys for told in read(scan, entity, features, compiled, engine)
    ]
    return "; ".join(dict.fromkeys(found)) or None


def read(scan: Scan, entity: Entity, features: Features, compiled: Compiled, engine: Engine) -> Iterator[str]:
    """The first rows of a relation that a model saw of an entity."""
    types = compiled.checked.catalog.relations[model_key(features.name)]
    model, relations = compiled.graph.models[features.name], compiled.checked.catalog.relations
    at = exp.cast(exp.Literal.string(entity.instant), as_of_type(model, compiled.graph, relations))
    values = (
        exp.null() if text == "NULL" else exp.cast(exp.Literal.string(text), types.type_of(name) or "VARCHAR")
        for name, text in zip(features.keys, entity.keys, strict=True)
    )
    moment = Moment(at, compiled.project.boundary, tuple(values), features.match_nulls)
    query = (
        exp.select("*")
        .from_(rows(replace(scan, lookback=None), moment).subquery("seen"))
        .order_by(exp.Ordered(this=exp.var("ALL")))
    )
    texts = exp.select(exp.cast(exp.Columns(this=exp.Star()), "varchar")).from_(query.limit(SHOWN).subquery("shown"))
    with suppress(EngineError):
        seen = engine.rows(texts.sql("duckdb"))
        if seen:
            yield f"{where(scan, compiled)} has {' and '.join(row_of(scan, row) for row in seen)}"


def where(scan: Scan, compiled: Compiled) -> str:
    """A relation, and the files that it is read from."""
    kind, _, name = scan.relation.key.partition(":")
    source = compiled.graph.sources.get(scan.relation.key)
    return f"{kind} {name}" + (f" ({source.location})" if source is not None and source.location else "")


def row_of(scan: Scan, row: tuple[str | None, ...]) -> str:
    """A row, in words."""
    pairs = zip(scan.relation.names, row, strict=False)
    text = ", ".join(f"{name} = {'NULL' if value is None else value}" for name, value in pairs)
    return f"({text if len(text) <= LONGEST else text[:LONGEST] + ' ...'})"
