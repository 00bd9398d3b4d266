"""Features that arrays compute stand beside the labels' own columns: whatever these are, and however they are named."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import featsql
from featsql.errors import FeatsqlError

FILES = {
    "featsql_project.yml": "name: shop\nentities: [{name: customer, keys: [id]}]\n",
    "models/sources.yml": """sources:
  - name: shop
    tables:
      - name: payments
        location: payments.parquet
        config: {time: {kind: events, event_time: paid_at, delay: 1 minute}}
      - name: levels
        location: levels.parquet
        config: {time: {kind: state, unique_key: id, event_time: since, delay: 1 minute}}
      - {name: asked, location: asked.parquet}
""",
    "models/spend.sql": """{{ config(kind='features', entity='customer') }}
select id, count(*) filter (where paid_at > as_of() - interval 3 days) as n,
  sum(amount) filter (where paid_at > as_of() - interval 3 days) as total,
  {more}
  as_of() as at
from {{ source('shop', 'payments') }} group by id
""",
    "models/level.sql": """{{ config(kind='features', entity='customer') }}
select id, tier, tier + 1 as next, note, list_transform([1, 2], lambda tier: tier * 2) as twice
from {{ source('shop', 'levels') }}
""",
    "models/labels.sql": """{{ config(kind='labels', entity='customer', as_of='asked_at') }}
select * exclude (mood), mood::enum('low', 'high') as mood from {{ source('shop', 'asked') }}
""",
}
PAYMENTS = """select i % 7 as id, timestamp '2024-01-01' + i * interval 1 hour as paid_at, i * 1.5 as amount
from range(300) t(i)"""
LEVELS = """select i % 5 as id, timestamp '2024-01-01' + (i // 2) * interval 7 hours as since, i as tier,
  'n' || i as note
from range(60) t(i)"""
# Types that Arrow does not have, NULLs, rows that are alike, names that features have, too.
ASKED = """select case when i % 11 = 0 then null else (i // 2) % 8 end as id,
  case when i % 13 = 0 then null else timestamp '2024-01-01' + (i // 2) * interval 5 hours end as asked_at,
  i as row, md5(i::varchar)::uuid as token,
  (170141183460469231731687303715884105727 - i)::hugeint as large, bin(i)::bit as bits,
  interval (i) days as span, ['a', null] as list, {'x': i, 'y': md5(i::varchar)::uuid} as pair,
  case when i % 2 = 0 then 'low' end as mood, i % 3 as tier, i as n, i::decimal(30, 5) as price,
  '10:11:12+03'::timetz as clock
from range(120) t(i)"""
HEAD = "{{ config(kind='training_set') }}\n"
JOINS = """from {{ ref('labels') }} as l
left join {{ ref('spend') }} as s on s.id = l.id
left join {{ ref('level') }} as v on v.id = l.id
"""
SELECTS = (
    "select l.*, s.* exclude (id, n), s.n as number, v.* exclude (id, tier)",
    "select l.row, total / s.n as mean, S.total, v.tier as level, l.tier, twice[1] as first, note",
    "select l.row, l.mood, s.N + l.n as both, s.at = l.asked_at as now, coalesce(v.note, s.total::varchar) as note",
    "select l.row, s as all_of_it, hash(l) as told_by, v.tier",
    # what may be meant in another way is left to the query
    "select l.row, (select max(x) from (select total as x)) as total",
    "select l.row, (select max(x) from (select v as x)) as level, v.tier",
)


@pytest.fixture(params=["", "histogram(amount) filter (where paid_at > as_of() - interval 5 days) as often,"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A project; some of its models ask for what arrays do not give."""
    (tmp_path / "models").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text.replace("{more}", request.param))
    for name, query in {"payments": PAYMENTS, "levels": LEVELS, "asked": ASKED}.items():
        duckdb.execute(f"copy ({query}) to '{tmp_path / name}.parquet'").fetchall()
    return tmp_path


@pytest.mark.parametrize("select", SELECTS)
def test_rows_are_the_same_with_arrays_and_without(select: str, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / "models/training.sql").write_text(f"{HEAD}{select}\n{JOINS}")
    found = []
    for least in (10**9, 0):
        monkeypatch.setattr("featsql.engines.duckdb.columnar.chosen.LEAST", least)
        run = featsql.load(shop).build(full_refresh=True)
        assert run.ok, run
        (methods,) = [result.methods for result in run.results if result.name == "training"]
        assert any("arrays" in method for method in methods) == (least == 0 and SELECTS.index(select) < 4)
        with duckdb.connect(str(shop / "target/shop.duckdb")) as target:
            columns = target.execute("describe training").fetchall()
            found.append((columns, sorted(map(str, target.execute("from training").fetchall()))))
    assert found[0] == found[1]
    assert len(found[0][1]) == 120


@pytest.mark.parametrize("select", SELECTS)
def test_python_gets_the_rows_of_a_build(select: str, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / "models/training.sql").write_text(f"{HEAD}{select}\n{JOINS}")
    monkeypatch.setattr("featsql.engines.duckdb.columnar.chosen.LEAST", 0)
    project = featsql.load(shop)
    rows = project.training_set("training")
    alone = sorted(map(str, rows.relation.fetchall()))
    assert len(alone) == 120
    assert sorted(map(str, rows.rows())) == alone
    assert sorted(map(str, rows.rows())) == alone  # asked again
    assert rows.to_arrow().num_rows == 120
    assert not [name for (name,) in rows.engine.rows("show tables from temp") if name.startswith(("__laid", "__gr"))]
    assert project.build().ok


def test_features_of_a_frame_are_the_same_with_arrays_and_without(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    query = duckdb.sql(f"select id, asked_at, row from ({ASKED})")
    assert query is not None
    asked = query.to_arrow_table()
    found = []
    for least in (10**9, 0):
        monkeypatch.setattr("featsql.engines.duckdb.columnar.chosen.LEAST", least)
        rows = featsql.load(shop).features(asked, ["spend:total", "level"], as_of="asked_at")
        found.append(sorted(rows.rows(), key=lambda row: row[2]))
    assert found[0] == found[1]
    assert len(found[0]) == 120
    assert any(row[3] is not None for row in found[0])


def test_an_interval_is_not_for_polars(shop: Path) -> None:
    rows = featsql.load(shop).show("labels")
    with pytest.raises(FeatsqlError, match=r"FS728.*column `span`"):
        rows.to_polars()
    assert rows.to_arrow().num_rows == 120


def test_what_is_compiled_says_so_in_a_few_words(shop: Path) -> None:
    assert repr(featsql.load(shop).compile()) == "Compiled('shop', 3 models)"
