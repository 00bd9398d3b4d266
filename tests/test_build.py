"""What a build publishes: whole tables, copies, manifests; and what stands when it fails or is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import duckdb
import pytest

import featsql
from featsql.build.publish import write_text
from featsql.errors import FeatsqlError

PROJECT = {
    "featsql_project.yml": """
        name: shop
        version: "1"
        target: dev
        outputs:
          dev: {path: target/shop.duckdb}
        entities:
          - {name: customer, keys: [customer_id]}
    """,
    "models/sources.yml": """
        version: 2
        sources:
          - name: shop
            tables:
              - name: payments
                location: data/payments.csv
                config: {time: {kind: events, event_time: paid_at, available_at: loaded_at}}
    """,
    "models/spend.sql": """
        {{ config(kind='features', entity='customer') }}
        select customer_id, count(*) as payments, sum(amount) as spend
        from {{ source('shop', 'payments') }}
        group by customer_id
    """,
    "models/asked.sql": """
        {{ config(kind='labels', entity='customer', as_of='asked_at', horizon='1 day', label='answer') }}
        select customer_id, paid_at as asked_at, 1 as answer from {{ source('shop', 'payments') }}
    """,
    "models/training.sql": """
        {{ config(kind='training_set', publish={'path': 'target/training.parquet'}) }}
        select l.*, f.* exclude (customer_id)
        from {{ ref('asked') }} as l
        left join {{ ref('spend') }} as f using (customer_id)
    """,
    "data/payments.csv": """
        customer_id,paid_at,loaded_at,amount
        1,2024-01-01 10:00:00,2024-01-01 11:00:00,5
        1,2024-01-02 10:00:00,2024-01-02 10:00:00,7
        2,2024-01-03 10:00:00,2024-01-03 12:00:00,11
    """,
}

PLAIN = "{{ config(materialized='view') }} select * from {{ source('shop', 'payments') }}"
SECRET = "{{ config(materialized='table') }} select '{{ env_var('SHOP_PASSWORD') }}' as x"


def write(folder: Path, files: dict[str, str]) -> Path:
    """A project folder with these files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small project."""
    return write(tmp_path, PROJECT)


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    """Rows of the published database, opened as anybody would."""
    with duckdb.connect(str(folder / "target/shop.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_build_publishes_table_copy_and_manifest(shop: Path) -> None:
    run = featsql.load(shop).build()
    assert run.ok
    assert rows(shop, "select customer_id, payments, spend from training order by asked_at") == [
        (1, 0, None),
        (1, 1 + 1, 12),
        (2, 0, None),
    ]
    copy = duckdb.connect().execute(f"select count(*) from '{shop}/target/training.parquet'").fetchall()
    assert copy == [(3,)]
    manifest = json.loads((shop / "target/manifest.json").read_text())
    assert manifest["nodes"]["model.shop.training"]["depends_on"]["nodes"] == ["model.shop.asked", "model.shop.spend"]
    results = json.loads((shop / "target/run_results.json").read_text())["results"]
    assert {r["unique_id"]: r["adapter_response"]["rows_affected"] for r in results}["model.shop.training"] == 3
    assert "asked_at" in (shop / "target/compiled/models/training.sql").read_text()


def test_fingerprints_ignore_comments_and_see_changes(shop: Path) -> None:
    def fingerprint() -> str | None:
        results = featsql.load(shop).build().results
        return next(r.fingerprint for r in results if r.name == "training")

    first = fingerprint()
    model = shop / "models/spend.sql"
    model.write_text(model.read_text().replace("select", "-- a comment\nSELECT  ", 1))
    assert fingerprint() == first
    model.write_text(model.read_text().replace("sum(amount)", "max(amount)"))
    assert fingerprint() != first


def test_failed_model_leaves_what_was_published(shop: Path) -> None:
    assert featsql.load(shop).build().ok
    write(
        shop,
        {
            "models/spend.sql": """
        {{ config(kind='features', entity='customer') }}
        select customer_id, amount as spend, 1 as payments from {{ source('shop', 'payments') }}
    """
        },
    )
    run = featsql.load(shop).build()
    (failed,) = [r for r in run.results if r.status == "error"]
    assert (failed.name, failed.diagnostics[0].code) == ("training", "FS801")
    assert rows(shop, "select count(*), sum(payments) from training") == [(3, 2)]


def test_what_reads_a_failure_is_skipped(shop: Path) -> None:
    write(
        shop,
        {
            "models/broken.sql": "{{ config(materialized='table') }} select cast('x' as integer) as x",
            "models/after.sql": "{{ config(materialized='table') }} select * from {{ ref('broken') }}",
        },
    )
    run = featsql.load(shop).build()
    status = {r.name: r.status for r in run.results}
    assert (status["broken"], status["after"], status["training"]) == ("error", "skipped", "success")


def test_fan_out_is_refused_and_nothing_is_published(shop: Path) -> None:
    write(
        shop,
        {
            "models/training.sql": """
            {{ config(kind='training_set') }}
            select l.*, p.amount from {{ ref('asked') }} as l
            left join {{ source('shop', 'payments') }} as p on p.customer_id = l.customer_id and p.amount > 0
        """,
            "data/payments.csv": """
            customer_id,paid_at,loaded_at,amount
            1,2024-01-01 10:00:00,2024-01-01 10:00:00,5
            1,2024-01-02 10:00:00,2024-01-02 10:00:00,7
        """,
        },
    )
    run = featsql.load(shop).build()
    (failed,) = [r for r in run.results if r.status != "success"]
    assert failed.diagnostics[0].code == "FS805"
    assert rows(shop, "select table_name from information_schema.tables where table_name = 'training'") == []


def test_what_is_no_file_is_not_replaced(shop: Path) -> None:
    """Renaming over a device would put a file in its place."""
    header = "{{ config(materialized='table', publish={'path': 'pipe'}) }}"
    write(shop, {"models/one.sql": f"{header} select 1 as a"})
    os.mkfifo(shop / "pipe")
    (failed,) = featsql.load(shop).build(["one"]).results
    assert [each.code for each in failed.diagnostics] == ["FS806"]
    assert (shop / "pipe").is_fifo()
    with pytest.raises(OSError, match="device"):
        write_text(shop / "pipe", "text", ())
    assert (shop / "pipe").is_fifo()


def test_an_empty_file_is_replaced(shop: Path) -> None:
    (shop / "target").mkdir()
    (shop / "target/training.parquet").touch()
    assert featsql.load(shop).build().ok
    assert (shop / "target/training.parquet").stat().st_size > 0


def test_a_source_is_not_overwritten_by_another_way(shop: Path) -> None:
    (shop / "other").symlink_to(shop / "data", target_is_directory=True)
    model = shop / "models/training.sql"
    text = model.read_text(encoding="utf-8")
    model.write_text(text.replace("target/training.parquet", "other/payments.csv"))
    with pytest.raises(FeatsqlError, match="FS405"):
        featsql.load(shop).build()


@pytest.mark.parametrize("external", ["", "materialized='external', "])
def test_no_other_file_is_replaced(external: str, shop: Path) -> None:
    """Whoever means another path keeps what lies there."""
    model = shop / "models/training.sql"
    text = model.read_text(encoding="utf-8")
    assert "publish={'path': 'target/training.parquet'}" in text
    model.write_text(
        text.replace("publish={'path': 'target/training.parquet'}", f"{external}publish={{'path': 'notes.txt'}}")
    )
    (shop / "notes.txt").write_text("much to remember")
    (failed,) = [each for each in featsql.load(shop).build().results if each.status != "success"]
    assert [each.code for each in failed.diagnostics] == ["FS806"]
    assert "notes.txt exists and is no Parquet file" in failed.diagnostics[0].message
    assert (shop / "notes.txt").read_text() == "much to remember"


def test_immature_labels_are_unknown(shop: Path) -> None:
    write(
        shop,
        {
            "models/asked.sql": """
        {{ config(kind='labels', entity='customer', as_of='asked_at', horizon='3650 days', label='answer') }}
        select
            customer_id,
            case when customer_id = 1 then timestamp '2001-01-01' else paid_at end as asked_at,
            1 as answer
        from {{ source('shop', 'payments') }}
    """
        },
    )
    run = featsql.load(shop).build()
    assert rows(shop, "select customer_id, answer from asked order by all") == [(1, 1), (1, 1), (2, None)]
    assert any("1 labels are not mature" in note for r in run.results for note in r.notes)


def test_incremental_by_key_and_by_time(shop: Path) -> None:
    write(
        shop,
        {
            "models/by_key.sql": """
            {{ config(materialized='incremental', unique_key='customer_id') }}
            select customer_id, sum(amount) as spend, {{ 'true' if is_incremental() else 'false' }} as again
            from {{ source('shop', 'payments') }}
            {% if is_incremental() %} where customer_id = 2 {% endif %}
            group by customer_id
        """,
            "models/by_time.sql": """
            {{ config(materialized='incremental', incremental_time='paid_at') }}
            select paid_at, amount from {{ source('shop', 'payments') }}
            {% if is_incremental() %} where paid_at >= (select max(paid_at) from {{ this }}) {% endif %}
        """,
        },
    )
    assert featsql.load(shop).build().ok
    (shop / "data/payments.csv").write_text(
        (shop / "data/payments.csv").read_text() + "2,2024-01-04 10:00:00,2024-01-04 10:00:00,1\n"
    )
    assert featsql.load(shop).build().ok
    assert rows(shop, "select * from by_key order by 1") == [(1, 12, False), (2, 12, True)]
    assert rows(shop, "select count(*), sum(amount) from by_time") == [(4, 24)]
    assert featsql.load(shop).build(full_refresh=True).ok
    assert rows(shop, "select again, count(*) from by_key group by 1") == [(False, 2)]


def test_view_and_table_change_places_and_views_stand_alone(shop: Path) -> None:
    for kind in ("table", "view", "table"):
        write(shop, {"models/plain.sql": PLAIN.replace("view", kind)})
        assert featsql.load(shop).build().ok
        assert rows(shop, "select count(*) from plain") == [(3,)]


def test_ephemeral_models_leave_nothing_behind(shop: Path) -> None:
    write(
        shop,
        {
            "models/passing.sql": PLAIN.replace("view", "ephemeral"),
            "models/seen.sql": "select count(*) as n from {{ ref('passing') }}",
        },
    )
    assert featsql.load(shop).build().ok
    assert rows(shop, "select n from seen") == [(3,)]
    assert rows(shop, "select 1 from information_schema.tables where table_name = 'passing'") == []


def test_partitioned_copy_is_replaced_as_one(shop: Path) -> None:
    training = shop / "models/training.sql"
    text = training.read_text().replace("'target/training.parquet'", "'target/parts', 'partition_by': ['customer_id']")
    training.write_text(text)
    for _ in range(2):
        assert featsql.load(shop).build().ok
        found = duckdb.connect().execute(
            f"select customer_id, count(*) from '{shop}/target/parts/**/*.parquet' group by 1 order by 1"
        )
        assert found.fetchall() == [(1, 2), (2, 1)]
    assert len([p for p in (shop / "target").iterdir() if p.name.startswith(".parts")]) == 1


def test_secrets_are_in_no_file_and_no_error(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2hunter2")
    write(shop, {"models/secret.sql": SECRET})
    assert featsql.load(shop).build().ok
    written = [path for path in (shop / "target").rglob("*") if path.suffix in {".json", ".sql"}]
    assert written
    assert not [path for path in written if "hunter2" in path.read_text()]
    write(
        shop,
        {"models/secret.sql": SECRET.replace(" as x", "::integer as x")},
    )
    run = featsql.load(shop).build()
    (failed,) = [r for r in run.results if r.status == "error"]
    assert "hunter2" not in "".join(d.render() for d in failed.diagnostics)


def test_a_killed_build_leaves_whole_tables(shop: Path) -> None:
    """Whatever the moment, the published table is the old one or the new one."""
    lines = ["customer_id,paid_at,loaded_at,amount"]
    lines += [f"{i % 500},2024-01-01 00:00:{i % 60:02d},2024-01-01 00:01:00,{i}" for i in range(40_000)]
    (shop / "data/payments.csv").write_text("\n".join(lines) + "\n")
    assert featsql.load(shop).build().ok
    chance = random.Random(7)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    for _ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-m", "featsql", "build", "--project-dir", str(shop)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.4, 2.5))
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert rows(shop, "select count(*), count(distinct customer_id) from training") == [(40_000, 500)]
        copy = duckdb.connect().execute(f"select count(*) from '{shop}/target/training.parquet'").fetchall()
        assert copy == [(40_000,)]
        assert json.loads((shop / "target/manifest.json").read_text())["nodes"]


def test_compiled_sql_stays_below_the_target_path(tmp_path: Path) -> None:
    """Also that of models that lie beside the project."""
    shop = tmp_path / "a/b/shop"
    write(
        shop,
        {
            "featsql_project.yml": "name: shop\nmodel-paths: [../../models]\noutputs: {dev: {path: target/x.duckdb}}\n",
            "models/one.sql": "not a model of this project",
        },
    )
    write(tmp_path, {"a/models/one.sql": "select {{ 1 }} as a"})
    assert featsql.load(shop).build().ok
    assert (shop / "models/one.sql").read_text().strip() == "not a model of this project"
    assert (shop / "target/compiled/models/one.sql").read_text() == "select 1 as a\n"
