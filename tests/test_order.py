"""The rows of a training set that arrays compute lie in the order of its labels, however many threads read them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import featsql

ROWS = 400_000
FILES = {
    "featsql_project.yml": (
        "name: shop\nentities: [{name: shop, keys: [id]}]\noutputs: {dev: {path: target/shop.duckdb, threads: 4}}\n"
    ),
    "models/sales.yml": (
        "sources: [{name: raw, tables: [{name: sales, location: data/sales.parquet, "
        "config: {time: {kind: events, event_time: sold_at, delay: 1 hour}}}]}]\n"
    ),
    "models/asked.sql": (
        "{{ config(kind='labels', entity='shop', as_of='at') }}\n"
        "select hash(i) % 1000 as id, i as {name}, timestamp '2024-01-02' + to_seconds(i % 90000) as at\n"
        f"from range({ROWS}) as r(i)\n"
    ),
    "models/sold.sql": (
        "{{ config(kind='features', entity='shop') }}\n"
        "select id, count(*) filter (where sold_at > as_of() - interval '2 hours') as n\n"
        "from {{ source('raw', 'sales') }} group by id\n"
    ),
    "models/training.sql": (
        "{{ config(kind='training_set') }}\n"
        "select a.{name} as i, s.n from {{ ref('asked') }} as a left join {{ ref('sold') }} as s on s.id = a.id\n"
    ),
}


@pytest.mark.parametrize("name", ["i", "rowid"])
def test_rows_lie_in_the_order_of_the_labels(name: str, tmp_path: Path) -> None:
    """Also where a column has the name by which the engine knows its own order."""
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text.replace("{name}", name), encoding="utf-8")
    (tmp_path / "data").mkdir()
    with duckdb.connect() as connection:
        sales = "select hash(i) % 1000 as id, timestamp '2024-01-02' + to_seconds(i) as sold_at from range(90000) r(i)"
        connection.execute(f"copy ({sales}) to '{tmp_path}/data/sales.parquet'").fetchall()
    run = featsql.load(tmp_path).build()
    assert run.ok
    assert any("Over by arrays" in method for result in run.results for method in result.methods)
    with duckdb.connect(str(tmp_path / "target/shop.duckdb"), read_only=True) as connection:
        found = connection.execute("select i from training").fetchall()
    assert [each for (each,) in found] == list(range(ROWS))
