"""Run one features model of a random project in two ways: as it is compiled, and by the reference."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

from msgspec.structs import replace
from sqlglot import exp

from featsql.engine import Column, Engine, EngineError
from featsql.engines.duckdb.lower.lower import lower
from featsql.plan.features import entity_keys, plan_features
from featsql.plan.instants import asked_exactly, needs_nanoseconds
from featsql.plan.plan import AsOf, Attach, Features, Outcome, Over, Plan
from featsql.plan.training_set.training import plan_of
from featsql.prove.reference import evaluate
from featsql.resolve.checked import Checked
from featsql.temporal import column
from laws import instants
from laws.projects import Case
from laws.tables import Row, fill

Answers = list[tuple[str, ...]]
MANY_ROWS = "an entity has many rows"
REFUSED = "the engine refuses the query"


@cache
def world() -> Engine:
    """The one engine of this process, for the rows of one random project after the other."""
    engine = Engine.memory({"threads": 1})
    engine.execute("attach ':memory:' as sources")
    engine.execute("create schema sources.s")
    return engine


def spine_columns(case: Case) -> tuple[Column, ...]:
    """The columns of a spine."""
    kinds = (("row", "INTEGER"), ("k", "INTEGER"), ("c", "VARCHAR"), ("as_of", instants.type_name(case.zoned)))
    return tuple(Column(*pair) for pair in kinds)


def settle(case: Case) -> Engine:
    """Put a project's rows and its spine into the engine."""
    engine = world()
    for name, rows in case.rows.items():
        fill(engine, f"sources.s.{name}", case.columns, rows, case.zoned)
    fill(engine, "spine", spine_columns(case), case.spine, case.zoned)
    return engine


Way = Literal["planned", "near join", "sort", "kept", "narrow", "general"]


def ways(features: Features) -> tuple[Way, ...]:
    """In how many ways a node can be lowered: so few rows as in these projects would never be worth a sort."""
    if isinstance(features, Over):
        return ("planned", "near join", "sort", "general") if features.joinable else ("sort", "general")
    if isinstance(features, AsOf):
        return ("planned", "kept", "narrow", "general") if features.in_order else ("planned", "narrow", "general")
    return ("planned",)


def queries(name: str, checked: Checked, case: Case) -> dict[Way, str]:
    """The queries that give a model's features for the spine, by the way in which it is lowered."""
    planned = plan_features(name, checked)
    found: dict[Way, str] = {}
    for way in ways(planned):
        features = plan_features(name, checked, general=True) if way == "general" else planned
        if way in {"near join", "sort"} and isinstance(features, Over):
            features = replace(features, method=way)
        if way in {"kept", "narrow"} and isinstance(features, AsOf):
            features = replace(features, stored=way == "narrow", narrow=way == "narrow")
        found[way] = query(features, checked, case).sql("duckdb", copy=False)
    return found


def query(features: Features, checked: Checked, case: Case) -> exp.Query:
    """The query that gives a model's features for the spine."""
    return lower(plan(features, checked, case))


def plan(features: Features, checked: Checked, case: Case) -> Plan:
    """The plan of a model's features for the spine."""
    kind = instants.type_name(case.zoned)
    if needs_nanoseconds(features.relations, kind, case.boundary):
        features = asked_exactly(features, kind) or plan_features(features.name, checked, general=True)
    keys, _ = entity_keys(checked.graph.models[features.name], checked)
    select = exp.select(column("row", "spine"), *(column(each, "f") for each in features.features))
    names = tuple(each.name for each in spine_columns(case))
    spine = Outcome(exp.to_table("spine"), "spine", names, "as_of", kind)
    attach = Attach(features, tuple(column(key, "spine") for key in keys), "f")
    return plan_of(spine, (attach,), select, case.boundary)


def answers(engine: Engine, text: str) -> Answers | str:
    """What a query answers, in the spine's order, or why it does not."""
    found = attempt(engine, text)
    return found if isinstance(found, str) else comparable([row[1:] for row in sorted(found, key=first)])


def first(row: Sequence[Any]) -> Any:
    """The number of a row."""
    return row[0]


def attempt(engine: Engine, text: str) -> list[tuple[Any, ...]] | str:
    """The rows of a query, or why it has none."""
    try:
        return engine.rows(text)
    except EngineError as error:
        if "FS801" in error.message:
            return MANY_ROWS
        if error.kind in ("Binder Error", "Not implemented Error"):
            return f"{REFUSED}: {error.message}"
        raise AssertionError(f"{error.message}\n{text}") from error


def expected(name: str, checked: Checked, case: Case, engine: Engine) -> Answers | str:
    """What the reference answers, in the spine's order, or why it does not."""
    keys, _ = entity_keys(checked.graph.models[name], checked)
    spine = [(instants.text(row["as_of"], case.zoned), tuple(row[key] for key in keys)) for row in case.spine]
    try:
        rows = evaluate(name, spine, instants.type_name(case.zoned), checked, engine, case.boundary)
    except ValueError:
        return MANY_ROWS
    return comparable([tuple(row.values()) for row in rows])


def comparable(rows: Sequence[Sequence[Any]]) -> Answers:
    """Rows as text, in which NaN equals NaN."""
    return [tuple(repr(value) for value in row) for row in rows]


def same(mine: Answers | str, theirs: Answers | str) -> bool:
    """Whether two answers agree; what the engine refuses is not an answer."""
    return mine == theirs or (isinstance(mine, str) and mine.startswith(REFUSED))


def difference(mine: Answers | str, theirs: Answers | str, spine: Sequence[Row]) -> str:
    """The rows on which two answers differ."""
    if isinstance(mine, str) or isinstance(theirs, str) or len(mine) != len(theirs):
        return f"planned: {mine}\nexpected: {theirs}"
    pairs = zip(spine, mine, theirs, strict=True)
    return "\n".join(f"{row}\n   planned  {a}\n   expected {b}" for row, a, b in pairs if a != b)
