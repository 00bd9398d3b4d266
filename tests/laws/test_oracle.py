"""What a relation is at an instant: the plan's, the reference's and plain Python's answers are one."""

from __future__ import annotations

import math
from collections import Counter
from random import Random
from typing import Any

import pytest
from sqlglot import exp

from featsql.engines.duckdb.lower.lower import lateral
from featsql.engines.duckdb.lower.tables import aliased
from featsql.plan.known import rows_at, validity_intervals
from featsql.prove.reference import Reference
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.temporal import Boundary, Clock
from laws import instants, oracle
from laws.clocks import CLOCKS
from laws.dice import Dice
from laws.instants import Instant
from laws.projects import Case, compiled
from laws.tables import INSTANTS, SCALARS, Row, random_rows
from laws.trial import settle

Rows = Counter[tuple[str | None, ...]]
BOUNDARIES: tuple[Boundary, ...] = ("inclusive", "exclusive")


def random_relation(seed: int, clock: Clock, boundary: Boundary) -> Case:
    """A project of one source, and a spine of instants to look at it from."""
    dice = Dice(Random(seed))
    rows = random_rows(dice, 30)
    seen = [row[name] for row in rows for name in INSTANTS]
    moments: list[Instant] = [*dict.fromkeys(dice.one([*seen, None, math.inf]) for _ in range(8))]
    spine: list[Row] = [{"row": i, "k": None, "c": None, "as_of": moment} for i, moment in enumerate(moments)]
    return Case({"a": clock}, {"a": rows}, (), spine, dice.chance(50), boundary)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("clock", CLOCKS, ids=[f"{clock.kind}_{i}" for i, clock in enumerate(CLOCKS)])
def test_a_relation_at_an_instant(clock: Clock, boundary: Boundary) -> None:
    for seed in range(3):
        case = random_relation(seed, clock, boundary)
        wanted = [
            texts(oracle.relation_at(case.rows["a"], clock, row["as_of"], boundary), case.zoned) for row in case.spine
        ]
        checked = compiled(case)
        engine = settle(case)
        info = checked.catalog.relations["source:s.a"]
        found: list[Rows] = [Counter() for _ in case.spine]
        for row, *values in engine.rows(everywhere(info, boundary).sql("duckdb")):
            found[row][tuple(values)] += 1
        assert found == wanted
        kind = instants.type_name(case.zoned)
        reference = Reference(checked, engine, boundary, kind)
        for row, rows in zip(case.spine, wanted, strict=True):
            at = reference.instant(instants.text(row["as_of"], case.zoned))
            query = exp.select(*printed("r")).from_(reference.relation_at(info.key, at).subquery("r"))
            assert Counter(engine.rows(query.sql("duckdb"))) == rows


def everywhere(info: RelationInfo, boundary: Boundary) -> exp.Select:
    """The planned rows of a relation at every instant of the spine."""
    table = exp.table_("a", db="s", catalog="sources")
    clock = info.clock
    assert clock is not None
    versions = "versions" if clock.versioned else None
    rows = rows_at(info, table, exp.column("as_of", table="spine"), boundary, versions)
    query = exp.select(exp.column("row", table="spine"), *printed("r")).from_(aliased("spine", "spine"))
    query.append("joins", exp.Join(this=lateral(rows, "r"), kind="INNER", on=exp.true()))
    return query.with_("versions", as_=validity_intervals(info, table)) if clock.versioned else query


def printed(table: str) -> list[exp.Expr]:
    """Every column but the struct and the list, as text."""
    return [exp.cast(exp.column(name, table=table, quoted=True), "varchar") for name in SCALARS]


def texts(rows: list[Row], zoned: bool) -> Rows:
    """Rows as the engine prints them."""
    return Counter(tuple(text(name, row[name], zoned) for name in SCALARS) for row in rows)


def text(name: str, value: Any, zoned: bool) -> str | None:
    """A value as the engine prints it."""
    if name in INSTANTS:
        return instants.text(value, zoned)
    if value is None or isinstance(value, str):
        return value
    return str(value).lower()
