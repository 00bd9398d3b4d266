"""The rows of a training set lie in the order of its labels, however many threads compute them, and in which way."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars
import pytest

import featsql

ROWS = 260_000
FILES = {
    "featsql_project.yml": (
        "name: shop\nentities: [{name: shop, keys: [id]}]\noutputs: {dev: {path: target/shop.duckdb, threads: 4}}\n"
    ),
    "models/sales.yml": (
        "sources: [{name: raw, tables: [{name: sales, location: data/sales.parquet, "
        "config: {time: {kind: events, event_time: sold_at, delay: 1 hour}}}, "
        "{name: prices, location: data/prices.parquet, "
        "config: {time: {kind: state, event_time: sold_at, available_at: known_at, unique_key: id}}}]}]\n"
    ),
    "models/asked.sql": (
        "{{ config(kind='labels', entity='shop', as_of='at') }}\n"
        "select hash(i) % 1000 as id, i as number, timestamp '2024-01-02' + to_seconds(i % 90000) as at\n"
        f"from range({ROWS}) as r(i)\n"
    ),
    "models/sold.sql": (
        "{{ config(kind='features', entity='shop') }}\n"
        "select id, count(*) filter (where sold_at > as_of() - interval '2 hours') as n\n"
        "from {{ source('raw', 'sales') }} group by id\n"
    ),
    "models/priced.sql": (
        "{{ config(kind='features', entity='shop') }}\nselect id, price from {{ source('raw', 'prices') }}\n"
    ),
    "models/training.sql": (
        "{{ config(kind='training_set') }}\nselect a.id, a.number, a.at, s.n from {{ ref('asked') }} as a "
        "left join {{ ref('sold') }} as s on s.id = a.id\n"
    ),
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project with more labels than the engine stores together."""
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    (tmp_path / "data").mkdir()
    sales = "select hash(i) % 1000 as id, timestamp '2024-01-02' + to_seconds(i) as sold_at from range(90000) r(i)"
    prices = (
        "select i % 1000 as id, timestamp '2024-01-02' + to_seconds(i) as sold_at, "
        "sold_at + to_hours(i % 7) as known_at, i as price from range(3000) r(i)"
    )
    with duckdb.connect() as connection:
        connection.execute(f"copy ({sales}) to '{tmp_path}/data/sales.parquet'").fetchall()
        connection.execute(f"copy ({prices}) to '{tmp_path}/data/prices.parquet'").fetchall()
    return tmp_path


def edit(shop: Path, model: str, old: str, new: str) -> None:
    """Change a model's text, which has the old one."""
    path = shop / f"models/{model}.sql"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def with_prices(shop: Path) -> None:
    """Let the training set have a feature that arrays do not find."""
    edit(shop, "training", "s.n from", "s.n, p.price from")
    edit(shop, "training", "s.id = a.id", "s.id = a.id left join {{ ref('priced') }} as p on p.id = a.id")


def built(shop: Path, column: str = "number") -> tuple[str, list[int]]:
    """How a build computes the training set, with what it says of that, and a column of its rows as they lie there."""
    run = featsql.load(shop).build()
    assert run.ok, [result.diagnostics for result in run.results]
    (result,) = [each for each in run.results if each.name == "training"]
    with duckdb.connect(str(shop / "target/shop.duckdb"), read_only=True) as connection:
        rows = connection.execute(f"select {column} from training").fetchall()
    return "; ".join([*result.methods, *result.notes]), [number for (number,) in rows]


@pytest.mark.parametrize("name", ["number", "rowid"])
def test_rows_that_arrays_compute(name: str, shop: Path) -> None:
    """Also where a column has the name by which the engine knows its own order."""
    edit(shop, "asked", "number", name)
    edit(shop, "training", "number", name)
    said, found = built(shop, name)
    assert "Over by arrays" in said
    assert found == list(range(ROWS))


def test_rows_that_are_joined(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a later build lie behind the others; where a column of all is computed again, all stay in order."""
    monkeypatch.setattr("featsql.engines.duckdb.columnar.chosen.LEAST", 10 * ROWS)
    with_prices(shop)
    said, found = built(shop)
    assert "arrays" not in said
    assert found == list(range(ROWS))
    edit(shop, "asked", f"range({ROWS})", f"range({2 * ROWS})")
    said, found = built(shop)
    assert f"{ROWS:,} of them computed, the others kept" in said
    assert found == list(range(2 * ROWS))
    edit(shop, "sold", "2 hours", "3 hours")
    edit(shop, "asked", f"range({2 * ROWS})", f"range({2 * ROWS + 9})")
    said, found = built(shop)
    assert "9 of them computed, the others kept but for n" in said
    assert found == list(range(2 * ROWS + 9))


def test_rows_that_are_joined_with_what_arrays_compute(shop: Path) -> None:
    with_prices(shop)
    said, found = built(shop)
    assert "Over by arrays" in said
    assert "AsOf:" in said
    assert found == list(range(ROWS))


def test_rows_in_a_file(shop: Path) -> None:
    with_prices(shop)
    where = "materialized='external', publish={'path': 'rows.parquet'}"
    edit(shop, "training", "'training_set'", f"'training_set', {where}")
    built(shop)
    assert polars.read_parquet(shop / "rows.parquet")["number"].to_list() == list(range(ROWS))


@pytest.mark.parametrize(
    "value",
    [
        "row_number() over (partition by a.id order by a.at, a.number)",
        "(select max(x) from unnest([a.id, s.n]) as t(x))",
    ],
)
def test_rows_whose_own_expressions_look_beyond_them(value: str, shop: Path) -> None:
    edit(shop, "training", "s.n from", f"s.n, {value} as beyond from")
    said, found = built(shop)
    assert "Over by arrays" in said
    assert found == list(range(ROWS))


def test_rows_that_the_author_puts_in_order_alike(shop: Path) -> None:
    """Among those the order of the labels decides."""
    edit(shop, "training", "s.id = a.id", "s.id = a.id order by a.number % 2")
    _, found = built(shop)
    assert found == [*range(0, ROWS, 2), *range(1, ROWS, 2)]


def test_rows_in_the_order_of_the_author(shop: Path) -> None:
    edit(shop, "training", "s.id = a.id", "s.id = a.id order by a.number desc")
    _, found = built(shop)
    assert found == list(range(ROWS - 1, -1, -1))


@pytest.mark.parametrize("label", ["1", "[1]"])
def test_labels_that_are_not_mature_yet(label: str, shop: Path) -> None:
    """They become unknown where they stand; the engine would move a list."""
    edit(shop, "asked", "as_of='at'", "as_of='at', horizon='1 day', label='Y'")
    edit(shop, "asked", "to_seconds(i % 90000) as at", f"to_years(i % 2 * 1000) as at, {label} as y")
    _, found = built(shop)
    assert found == list(range(ROWS))
    with duckdb.connect(str(shop / "target/shop.duckdb"), read_only=True) as connection:
        known = connection.execute("select number, y is not null from asked").fetchall()
        names = [name for name, *_ in connection.execute("describe asked").fetchall()]
    assert known == [(number, number % 2 == 0) for number in range(ROWS)]
    assert names == ["id", "number", "at", "y"]


def test_rows_of_a_frame(shop: Path) -> None:
    """Historical features lie beside the rows that ask for them."""
    shops, instants = polars.col("number") * 7919 % 1000, polars.lit("2024-01-02 12:00").str.to_datetime()
    rows = polars.DataFrame({"number": range(ROWS)}).with_columns(shops.alias("id"), instants.alias("at"))
    with featsql.load(shop) as project:
        found = project.features(rows, ["sold", "priced"], as_of="at").to_polars()
    assert found["number"].to_list() == rows["number"].to_list()
