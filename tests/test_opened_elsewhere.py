"""What a build leaves in a target is the author's SQL, and opens in any DuckDB: in another process, elsewhere."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow
import pyarrow.parquet
import pytest

import featsql

PROJECT = {
    "featsql_project.yml": """
name: p
version: "1.0"
target: dev
outputs:
  dev:
    path: target/f.duckdb
    attach: [{path: data/other.duckdb, alias: other}]
""",
    "models/sources.yml": """
version: 2
sources:
  - name: shop
    tables:
      - name: pay
        location: data/pay.csv
        config: {time: {kind: events, event_time: paid_at, delay: 0 seconds}}
      - {name: days, location: data/*.json}
      - {name: bits, location: data/bits/*/*.parquet}
      - {name: nans, location: data/nans.parquet}
      - {name: lent, location: other.things, format: table}
      - {name: given, format: frame}
""",
    "data/pay.csv": "cust,day,paid_at\n1,month,2024-01-17 10:00:00\n2,year,2024-01-18 10:00:00\n",
    "data/days.json": '[{"day": "month", "n": 1}]',
    "seeds/words.csv": "word\none\n",
    "models/rounded.sql": """
select cust, date_trunc(day, paid_at) as b, date_diff(day, paid_at, timestamp '2024-03-01') as n,
    'abcdefgh'[:cust] as begun, [1.0, cust] <=> [2.0, 1.0] as far, '"sources"."shop"."pay"' as said
from {{ source('shop', 'pay') }} -- the payments, "sources"."shop"."pay"
""",
    "models/kept.sql": """{{ config(materialized='ephemeral') }}
select cust, date_trunc(day, paid_at) as b, paid_at from {{ source('shop', 'pay') }};
""",
    "models/of_kept.sql": """
select {{ ref('kept') }}.cust, k.b, '{{ ref('kept') }}' as said
from {{ ref('kept') }} join {{ ref('kept') }} as k using (cust) -- twice""",
    "models/full_names.sql": "select {{ source('shop', 'pay') }}.cust, pay.day from {{ source('shop', 'pay') }}",
    "models/sampled.sql": """select p.*, d.n, w.word from {{ source('shop', 'pay') }} p tablesample 100%
left join {{ source('shop', 'days') }} as d(day, n) on d.day = p.day, {{ ref('words') }} as w""",
    "models/turned.sql": "from (pivot {{ source('shop', 'pay') }} on day using count(*) group by cust) limit 5",
    "models/turned_too.sql": "from {{ source('shop', 'pay') }} pivot (count(*) for day in ('month', 'year')) as t",
    "models/parted.sql": "select * from {{ source('shop', 'bits') }}",
    "models/nans.sql": "select * from {{ source('shop', 'nans') }}",
    "models/summed.sql": "from (summarize {{ source('shop', 'pay') }})",
    "models/of_lent.sql": "select * from {{ source('shop', 'lent') }}",
    "models/of_given.sql": "select * from {{ source('shop', 'given') }}",
    "models/upon.sql": "select * from {{ ref('of_given') }}",
    "models/stored.sql": "{{ config(materialized='table') }} select * from {{ ref('rounded') }}",
}
# Those that cannot be views of their sources.
TABLES = {
    "of_lent": "`shop.lent`",
    "of_given": "`shop.given`",
    "summed": "cannot be a view",
    "turned": "cannot be a view",
}
LOOK = """
import duckdb, json, sys
connection = duckdb.connect()
connection.execute(f"attach '{sys.argv[1]}' as other_than_its_own (read_only); use other_than_its_own")
tables = "from information_schema.tables where table_catalog = 'other_than_its_own'"
names = connection.execute("select table_schema, table_name " + tables).fetchall()
look = lambda schema, name: connection.execute(f'select * from "{schema}"."{name}"').fetchall()
print(json.dumps({".".join(name): sorted(map(repr, look(*name))) for name in names}))
"""


def looked(database: Path) -> dict[str, list[str]]:
    """The rows of every relation of a database, read by a process that knows nothing of the project."""
    command = [sys.executable, "-c", LOOK, str(database)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project, with a database of somebody else's."""
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    pyarrow.parquet.write_table(pyarrow.table({"x": [1.0, math.nan]}), tmp_path / "data/nans.parquet")
    (tmp_path / "data/bits/part=1").mkdir(parents=True)
    duckdb.connect().execute(f"copy (select 1 as x) to '{tmp_path}/data/bits/part=1/a.parquet'")
    with duckdb.connect(str(tmp_path / "data/other.duckdb")) as other:
        other.execute("create table things as select 7 as thing")
    return tmp_path


def test_every_relation_opens_elsewhere(project: Path) -> None:
    frames = {"shop.given": polars.DataFrame({"a": [1, 2]})}
    for _ in range(2):
        run = featsql.load(project, frames=frames).build()
        assert run.ok, [each.diagnostics for each in run.results if each.diagnostics]
        notes = {each.name: each.notes for each in run.results if each.kind == "view" and each.notes}
        assert {name: TABLES.get(name, "") in notes[name][0] for name in notes} == dict.fromkeys(TABLES, True)
    found = looked(project / "target/f.duckdb")
    names = {Path(name).stem for name in PROJECT if name.endswith(".sql")} | {"words"}
    assert found.keys() == {f"main.{name}" for name in names - {"kept"}}
    assert found["main.rounded"] == found["main.stored"]
    with duckdb.connect(str(project / "target/f.duckdb"), read_only=True) as connection:
        rows = connection.execute("select b::text, n, begun, typeof(far), said from rounded order by cust").fetchall()
        assert connection.execute("select count(*) from nans where isnan(x)").fetchall() == [(1,)]
    assert rows == [
        ("2024-01-01 00:00:00", n, begun, "DOUBLE", '"sources"."shop"."pay"') for n, begun in ((2, "a"), (0, "ab"))
    ]
    assert found["main.of_given"] == found["main.upon"] == ["(1,)", "(2,)"]
    assert found["main.parted"] == ["(1, 1)"]


def test_a_stream_in_place_of_a_file_stays(project: Path) -> None:
    (project / "models/of_given.sql").unlink()
    (project / "models/upon.sql").unlink()
    text = PROJECT["models/sources.yml"].replace("      - {name: given, format: frame}\n", "")
    (project / "models/sources.yml").write_text(text, encoding="utf-8")
    table = pyarrow.table({"day": ["week"], "n": [3]})
    stream = pyarrow.RecordBatchReader.from_batches(table.schema, table.to_batches())
    (project / "models/days.sql").write_text("from {{ source('shop', 'days') }}", encoding="utf-8")
    assert featsql.load(project, frames={"shop.days": stream}).build(["days"]).ok
    assert looked(project / "target/f.duckdb") == {"main.days": ["('week', 3)"]}
    assert featsql.load(project).build(["days"]).ok
    assert looked(project / "target/f.duckdb") == {"main.days": ["('month', 1)"]}


def test_what_is_known_is_known_by_the_same_sql(project: Path) -> None:
    frames = {"shop.given": polars.DataFrame({"a": [1, 2]})}
    assert featsql.load(project, frames=frames).build().ok
    before = looked(project / "target/f.duckdb")
    assert featsql.load(project, frames=frames).build(known_at="2024-06-01").ok
    after = looked(project / "target/f.duckdb")
    for name in before.keys() - {"main.of_kept"}:  # which tells where it is
        assert after[name] == after[name.replace("main", "main_known_at_20240601")] == before[name]
    assert featsql.load(project, frames=frames).build(known_at="2024-01-18").ok
    assert len(looked(project / "target/f.duckdb")["main_known_at_20240118.rounded"]) == 1


def test_what_is_written_on_the_spot_runs_as_it_is_written(project: Path) -> None:
    with featsql.load(project, frames={"shop.given": polars.DataFrame({"a": [1, 2]})}) as loaded:
        asked = "select b, 'abcdefgh'[:cust] as begun, date_trunc(day, k.paid_at) as cut, "
        asked = f"{asked}[1.0, cust] <=> [1.0, 1.0] as far"
        asked = f"{asked} from {{{{ ref('kept') }}}} as k join {{{{ source('shop', 'pay') }}}} using (cust)"
        found = loaded.show(f"{asked} order by cust desc").rows()
        assert [(row[1], round(row[3], 6)) for row in found] == [("ab", 0.051317), ("a", 0.0)]
        assert all(row[0] == row[2] for row in found)
        with pytest.raises(featsql.FeatsqlError, match="FS310"):
            loaded.show(asked.replace("select b", "select as_of() as t, b"))
        with pytest.raises(featsql.FeatsqlError, match="nope"):
            loaded.show(asked.replace("select b", "select nope, b"))
