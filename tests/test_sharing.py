"""Features models that aggregate the same rows by the same keys are computed as one, and give what each does."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from msgspec.structs import replace

import featsql
from featsql.engines.duckdb.lower.lower import lower
from featsql.plan.plan import Attach, Method, Over, Plan
from featsql.plan.sharing import together
from featsql.plan.training_set.training import plan_training

SOURCES = """\
entities: [{name: till, keys: [till], null_keys: match}]
sources:
  - name: shop
    tables:
      - {name: sales, location: sales.parquet, config: {time: {kind: events, event_time: sold_at, CLOCK}}}
      - {name: asked, location: asked.parquet, config: {time: {kind: events, event_time: sold_at, delay: 0 seconds}}}
"""
HEAD = "{{ config(kind='features', entity='till') }}\nselect till, "
FROM = "\nfrom {{ source('shop', 'sales') }} "
WITHIN = "filter (where sold_at > as_of() - interval '{} minutes')"
MODELS = {
    "a": f"count(*) {WITHIN.format(60)} as n, sum(amount) {WITHIN.format(9)} as x{FROM}group by till",
    "b": f"avg(amount) {WITHIN.format(60)} as n, count(*) {WITHIN.format(9)} as m{FROM}group by till",
    "c": "sum(amount) as x, max(amount * 2) as twice, min(till) as least"
    f"{FROM}where sold_at > as_of() - interval '60 minutes' group by till",
    "d": f"count(*) filter (where amount > 50 and sold_at >= as_of() - interval '60 minutes') as n{FROM}group by till",
    "e": f"count(*) as n, sum(amount) {WITHIN.format(60)} as x{FROM}group by till",
    "f": f"count(*) {WITHIN.format(60)} as n{FROM}where amount > 50 group by till",
    "g": f"count(*) {WITHIN.format(7)} as n{FROM}group by till",
}
LABELS = "{{ config(kind='labels', as_of='sold_at', entity='till') }} select * from {{ source('shop', 'asked') }}"
PROMPT, LATE = "delay: 5 seconds", "available_at: known_at"


def tills(folder: Path, clock: str) -> featsql.Project:
    """Two tills and one without a name, with a sale every minute, some of which are known late."""
    joined = "".join(f" left join {{{{ ref('{name}') }}}} as {name} using (till)" for name in MODELS)
    features = {
        name: [part.split(" as ")[-1] for part in text.split("\nfrom")[0].split(", ")] for name, text in MODELS.items()
    }
    columns = ", ".join(f"{name}.{each} as {name}_{each}" for name, own in features.items() for each in own)
    files = {
        "featsql_project.yml": "name: tills\n",
        "models/sources.yml": SOURCES.replace("CLOCK", clock),
        "models/asked.sql": LABELS,
        "models/training.sql": "{{ config(kind='training_set') }} select l.till, l.sold_at, "
        f"{columns} from {{{{ ref('asked') }}}} as l{joined}",
        **{f"models/{name}.sql": HEAD + text for name, text in MODELS.items()},
    }
    (folder / "models").mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    row = pl.int_range(900)
    sold_at = pl.datetime(2024, 1, 1, time_zone="UTC") + pl.duration(minutes=row)
    late = pl.duration(minutes=pl.when(row % 7 == 0).then(row % 50).otherwise(0))
    till = pl.when(row % 3 < 2).then(row % 3)
    pl.select(till=till, sold_at=sold_at, known_at=sold_at + late, amount=row * 7 % 101).write_parquet(
        folder / "sales.parquet"
    )
    pl.select(till=till, sold_at=sold_at).filter(row % 4 == 0).write_parquet(folder / "asked.parquet")
    return featsql.load(folder)


def forced(attach: Attach, method: Method) -> Attach:
    """An attachment by a method, where its model has the choice."""
    features = attach.features
    return replace(attach, features=replace(features, method=method)) if isinstance(features, Over) else attach


@pytest.mark.parametrize("clock", [PROMPT, LATE], ids=["prompt", "late"])
def test_together_they_are_what_each_is_alone(clock: str, tmp_path: Path) -> None:
    project = tills(tmp_path, clock)
    compiled = project.compile()
    engine = project.workspace.engine
    project.workspace.prepare(["model:training"])
    plan = compiled.plans["training"]
    assert isinstance(plan, Plan)
    wanted = sorted(
        engine.rows(lower(plan_training("training", compiled.checked, general=True)).sql("duckdb")), key=repr
    )
    assert len({row[2:] for row in wanted}) > 100
    cases: tuple[tuple[Method, list[int]], ...] = (("join", [5, 1, 1]), ("near join", [5, 1, 1]), ("sort", [6, 1]))
    for method, groups in cases:
        chosen = replace(plan, attachments=tuple(forced(each, method) for each in plan.attachments))
        assert [len(group) for group in together(chosen.attachments)] == groups
        assert sorted(engine.rows(lower(chosen).sql("duckdb")), key=repr) == wanted, method
