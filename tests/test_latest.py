"""When the rows of a state are known in the order in which they happen, and what of a relation its query needs."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from msgspec.structs import replace

import featsql
from featsql.engine import Column
from featsql.plan.known import known_in_order, newest_first
from featsql.plan.plan import AsOf, Plan
from featsql.prove.proof.proof import unrestricted
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.temporal import Clock


def state(kind: str = "TIMESTAMP", **given: object) -> RelationInfo:
    """A relation of states whose event times are of a type."""
    columns = tuple(Column(*pair) for pair in (("id", "INTEGER"), ("x", "INTEGER"), ("ts", kind), ("seen", kind)))
    return RelationInfo("source:s.t", columns, Clock("state", "ts", unique_key=("id",), **given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "delay", "in_order"),
    [
        ("TIMESTAMP", "0 seconds", True),
        ("TIMESTAMP", "2 days", True),
        ("DATE", "1 week 2 hours", True),
        ("TIMESTAMP", "1 month", False),
        ("TIMESTAMP", "1 year 2 hours", False),
        ("TIMESTAMP WITH TIME ZONE", "36 hours", True),
        ("TIMESTAMP WITH TIME ZONE", "90 minutes", True),
        ("TIMESTAMP WITH TIME ZONE", "1 day", False),
        ("TIMESTAMP WITH TIME ZONE", "2 DAYS 03:00:00", False),
        ("TIMESTAMP WITH TIME ZONE", "1 week", False),
    ],
)
def test_a_delay_keeps_the_order(kind: str, delay: str, in_order: bool) -> None:
    assert known_in_order(state(kind, delay=delay)) is in_order


def test_other_instants_may_not_keep_the_order() -> None:
    assert not known_in_order(state(available_at="seen"))
    assert not known_in_order(state(delay="1 hour", retracted_at="seen"))


def test_an_order_of_versions_says_nothing_twice() -> None:
    assert newest_first(state(delay="2 hours", tie_break=("x",))).sql("duckdb").strip() == (
        'ORDER BY "ts" DESC, "x" DESC, "seen" DESC'
    )
    assert newest_first(state(available_at="seen"), "t").sql("duckdb").strip() == (
        'ORDER BY "t"."ts" DESC, "t"."seen" DESC, "t"."x" DESC'
    )


PROJECT = {
    "featsql_project.yml": "name: tiers\noutputs: {dev: {path: target/tiers.duckdb}}\n",
    "models/sources.yml": """\
entities: [{name: customer, keys: [id]}]
sources:
  - name: shop
    tables:
      - name: tiers
        location: tiers.parquet
        config: {time: {kind: state, unique_key: id, event_time: since, CLOCK, tie_break: rank}}
      - {name: asked, location: asked.parquet}
""",
    "models/tier.sql": """\
{{ config(kind='features', entity='customer') }}
select id, tier from {{ source('shop', 'tiers') }}
""",
    "models/asked.sql": """\
{{ config(kind='labels', as_of='at', entity='customer') }}
select * from {{ source('shop', 'asked') }}
""",
    "models/training.sql": """\
{{ config(kind='training_set') }}
select l.id, l.at, t.tier from {{ ref('asked') }} as l left join {{ ref('tier') }} as t using (id)
""",
}


def narrowed(plan: Plan) -> Plan:
    """A plan of which the one state is narrowed to the keys that are asked."""
    (attach,) = plan.attachments
    assert isinstance(attach.features, AsOf)
    return replace(plan, attachments=(replace(attach, features=replace(attach.features, narrow=True)),))


@pytest.mark.parametrize("clock", ["delay: 0 seconds", "available_at: since"])
@pytest.mark.parametrize(("step", "narrow"), [(1, False), (50, True)])
def test_rows_are_narrowed_to_few_keys(clock: str, step: int, narrow: bool, tmp_path: Path) -> None:
    """Where the spine asks about few of the keys only their rows are put in order, and the answers are the same."""
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text.replace("CLOCK", clock), encoding="utf-8")
    row = pl.int_range(4_000)
    since = datetime(2024, 1, 1) + pl.duration(hours=row // 400)
    tiers = pl.select(id=row // 2 % 100, since=since, rank=row % 2, tier=row).sample(fraction=1, shuffle=True, seed=1)
    tiers.write_parquet(tmp_path / "tiers.parquet")
    at = datetime(2024, 1, 1) + pl.duration(minutes=pl.int_range(300) * 3)
    pl.select(id=pl.int_range(300) * step % 100, at=at).write_parquet(tmp_path / "asked.parquet")
    project = featsql.load(tmp_path)
    assert project.build().ok
    results = json.loads((tmp_path / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    (said,) = [line for each in results for line in each["featsql"]["methods"]]
    assert ("of the keys that are asked alone" in said) is narrow
    newest = tiers.sort("since", "rank", "tier")
    for id_, when, tier in project.training_set("training").rows():
        known = newest.filter((pl.col("id") == id_) & (pl.col("since") <= when))
        assert tier == (known["tier"][-1] if known.height else None)
    plan = project.compile().plans["training"]
    assert isinstance(plan, Plan)
    assert unrestricted(narrowed(plan), project.compile()) == {}
    (verdict,) = project.verify(sample=5)
    assert verdict.ok
    assert all(each.proved for each in verdict.features)
