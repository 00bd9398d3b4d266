"""What nobody asks for may be too large to be added up: a window's blocks of rows are no reason for no answer."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

import featsql
from featsql.errors import FeatsqlError

# Forty amounts have more than 38 digits together, with those behind the point; the first three have not.
FILES = {
    "featsql_project.yml": (
        "name: shop\nentities: [{name: customer, keys: [id]}]\noutputs: {dev: {path: target/shop.duckdb}}\n"
    ),
    "models/paid.sql": (
        "{{ config(materialized='table', time={'kind': 'events', 'event_time': 'paid_at', 'delay': '0 seconds'}) }}\n"
        "select 1 as id, timestamp '2024-01-01' + to_days(i::int) as paid_at, "
        "('3' || repeat('0', 27))::decimal(38, 10) as amount from range(40) as r(i)\n"
    ),
    "models/spend.sql": (
        "{{ config(kind='features', entity='customer') }}\n"
        "select id, sum(amount) as spend, avg(amount) filter (where paid_at > as_of() - interval 3 days) as mean\n"
        "from {{ ref('paid') }} group by id\n"
    ),
    "models/asked.sql": (
        "{{ config(kind='labels', entity='customer', as_of='at') }}\nselect 1 as id, timestamp '2024-01-03' as at\n"
    ),
    "models/training.sql": (
        "{{ config(kind='training_set') }}\nselect l.*, f.spend, f.mean from {{ ref('asked') }} as l "
        "left join {{ ref('spend') }} as f using (id)\n"
    ),
}
WANTED = [(Decimal(9) * 10**27, 3e27)]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_build_adds_up_what_is_asked_for(shop: Path) -> None:
    assert featsql.load(shop).build().ok
    with duckdb.connect(str(shop / "target/shop.duckdb"), read_only=True) as connection:
        assert connection.execute("select spend, mean from training").fetchall() == WANTED


def test_so_does_python(shop: Path) -> None:
    with featsql.load(shop) as project:
        project.build()
        found = project.training_set("training").to_arrow()
    assert [tuple(row.values())[2:] for row in found.to_pylist()] == WANTED


def test_what_is_asked_for_may_be_too_large(shop: Path) -> None:
    model = shop / "models/asked.sql"
    model.write_text(model.read_text(encoding="utf-8").replace("2024-01-03", "2024-03-01"), encoding="utf-8")
    with featsql.load(shop) as project:
        (failed,) = [each for each in project.build().results if each.status != "success"]
        assert [each.code for each in failed.diagnostics] == ["FS807"]
        with pytest.raises(FeatsqlError, match="Overflow"):
            project.training_set("training").to_arrow()
