"""How the windows of a features model are found: by a join, or by one sort where a join would make many pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from msgspec.structs import replace

import featsql
from featsql.engines.duckdb.lower.lower import lower
from featsql.plan.plan import Method, Over, Plan

SOURCES = """\
entities: [{name: till, keys: [till]}]
sources:
  - name: shop
    tables:
      - name: sales
        location: data/sales.parquet
        config: {time: {kind: events, event_time: sold_at, delay: 5 seconds}}
      - name: asked
        location: data/asked.parquet
        config: {time: {kind: events, event_time: sold_at, delay: 0 seconds}}
"""
FEATURES = """\
{{ config(kind='features', entity='till') }}
select
    till,
    count(*) as sales,
    sum(amount) as taken,
    max(amount) filter (where sold_at > as_of() - interval '10 minutes') as best
from {{ source('shop', 'sales') }}
where sold_at > as_of() - interval '1 hour'
group by till
"""
FILES = {
    "featsql_project.yml": "name: tills\nversion: '1'\noutputs: {dev: {path: target/tills.duckdb}}\n",
    "models/sources.yml": SOURCES,
    "models/till_sales.sql": FEATURES,
    "models/asked.sql": """\
{{ config(kind='labels', as_of='sold_at', entity='till') }}
select * from {{ source('shop', 'asked') }}
""",
    "models/training.sql": """\
{{ config(kind='training_set') }}
select a.till, a.sold_at, s.sales, s.taken, s.best
from {{ ref('asked') }} as a left join {{ ref('till_sales') }} as s using (till)
""",
}


def tills(folder: Path, step: int) -> featsql.Project:
    """Two tills, with a sale and a question every `step` seconds."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "data").mkdir()
    count = 5_000
    instants = pl.datetime(2024, 1, 1, time_zone="UTC") + pl.duration(seconds=pl.int_range(count) * step)
    rows = pl.select(till=pl.int_range(count) % 2, sold_at=instants, amount=pl.int_range(count) * 7 % 101)
    rows.write_parquet(folder / "data" / "sales.parquet")
    rows.select("till", "sold_at").write_parquet(folder / "data" / "asked.parquet")
    return featsql.load(folder)


@pytest.mark.parametrize(("step", "method"), [(1, "sort"), (600, "join")])
def test_the_cheaper_method_is_taken(step: int, method: Method, tmp_path: Path) -> None:
    """It is named with its reason in the run's results, and both give the same rows."""
    project = tills(tmp_path, step)
    assert project.build().ok
    results = json.loads((tmp_path / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    (said,) = [line for each in results for line in each["featsql"]["methods"]]
    assert said.startswith(f"s: Over by {method}: windows of one events relation; ")
    assert said.endswith(" rows and probes")
    plan = project.compile().plans["training"]
    assert isinstance(plan, Plan)
    (attach,) = plan.attachments
    assert isinstance(attach.features, Over)
    project.workspace.prepare(["model:training"])
    answers = []
    for each in ("join", "near join", "sort"):
        forced = replace(plan, attachments=(replace(attach, features=replace(attach.features, method=each)),))
        answers.append(sorted(project.workspace.engine.rows(lower(forced).sql("duckdb"))))
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0]) == 5_000
    assert {row[:2]: row for row in answers[0]}[answers[0][-1][:2]][2] > (1_000 if step == 1 else 1)


MORE = """\
{{ config(kind='features', entity='till') }}
select till,
  list(amount order by sold_at desc, amount) filter (where sold_at > as_of() - interval 1 hour)[:3] as last_three,
  count(distinct amount) as amounts,
  stddev(amount) as spread,
  median(amount) filter (where sold_at > as_of() - interval 1 hour) as middle,
  quantile_disc(amount, 0.9) filter (where sold_at > as_of() - interval 1 hour) as high,
  arg_max(amount, sold_at) as last_one,
  skewness(amount) filter (where sold_at > as_of() - interval 1 hour) as shape,
  max(sold_at) as latest
from {{ source('shop', 'sales') }} group by till
"""


def rows_of(project: featsql.Project) -> list[tuple[Any, ...]]:
    """The rows of the training set, as its query has them, without arrays."""
    return sorted(project.training_set("training").rows())


def methods(folder: Path) -> list[str]:
    """What the last build said of its methods."""
    results = json.loads((folder / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    return [line for each in results for line in each["featsql"]["methods"]]


def test_many_rows_are_aggregated_from_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is joined beside it, models of the same rows share them, and a second build adds to it."""
    project = tills(tmp_path, 30)
    (tmp_path / "models" / "more.sql").write_text(MORE, encoding="utf-8")
    both = FILES["models/training.sql"].replace("s.best", "s.best, m.* exclude (till)")
    text = both + " left join {{ ref('more') }} as m on m.till = a.till"
    (tmp_path / "models" / "training.sql").write_text(text, encoding="utf-8")
    project = featsql.load(tmp_path)
    monkeypatch.setattr("featsql.engines.duckdb.columnar.chosen.LEAST", 0)
    assert project.build().ok
    alone, joined = methods(tmp_path)
    assert alone.startswith("s: Over by arrays: windows of one events relation")
    assert joined.startswith("m: Over by arrays and near join: windows of one events relation")
    assert joined.endswith("computed with `s`")
    built = Path(tmp_path / "target" / "tills.duckdb")
    assert close(rows_of(project), table_rows(built))
    left = tmp_path / "data" / "asked.parquet"
    asked = pl.read_parquet(left)
    pl.concat([asked, asked.with_columns(pl.col("sold_at").dt.offset_by("1s"))]).write_parquet(left)
    project = featsql.load(tmp_path)
    assert project.build().ok
    again = table_rows(built)
    assert len(again) == 2 * asked.height
    assert close(rows_of(project), again)


def table_rows(database: Path) -> list[tuple[Any, ...]]:
    """The rows of the table of the training set."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'").fetchall()
        return sorted(connection.execute("select * from training").fetchall())


def close(mine: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]) -> bool:
    """Whether rows are the same, but for the last digits of floats."""
    pairs = ((a, b) for one, other in zip(mine, theirs, strict=True) for a, b in zip(one, other, strict=True))
    return all(a == b or (isinstance(a, float) and a == pytest.approx(b, rel=1e-9)) for a, b in pairs)


def test_what_arrays_refuse_is_left_to_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own error tells of a value that has no answer."""
    tills(tmp_path, 30)
    wrong = FILES["models/till_sales.sql"].replace("sum(amount)", "sum(('x' || amount)::int)")
    assert wrong != FILES["models/till_sales.sql"]
    (tmp_path / "models" / "till_sales.sql").write_text(wrong, encoding="utf-8")
    monkeypatch.setattr("featsql.engines.duckdb.columnar.chosen.LEAST", 0)
    run = featsql.load(tmp_path).build()
    (failed,) = [result for result in run.results if result.status == "error"]
    assert "Could not convert string" in failed.diagnostics[0].message
