"""What is published holds what was computed, whoever reads it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import polars
import pyarrow.parquet
import pytest
from hospital import hospital

import featsql
from featsql.build.parquet import stored_type
from featsql.engine import Engine

LARGE = 99999999999999999999999999999999999999
# By its name: a value, and as which type it is written.
VALUES = {
    "large": (f"{LARGE}::hugeint", "DECIMAL(38,0)"),
    "least": (f"-{LARGE}::hugeint", "DECIMAL(38,0)"),
    "unsigned": (f"{LARGE}::uhugeint", "DECIMAL(38,0)"),
    "odd": ("9007199254740993::hugeint", "DECIMAL(38,0)"),
    "missing": ("null::hugeint", "DECIMAL(38,0)"),
    "span": ("interval '-1 month' + interval '2 days 3.000001 seconds'", "VARCHAR"),
    "short": ("to_microseconds(1)", "VARCHAR"),
    "at": ("'12:00:00.000001+02:30'::timetz", "VARCHAR"),
    "list": ("[9007199254740993::hugeint, null]", "DECIMAL(38,0)[]"),
    "pair": ("[9007199254740993, 1]::hugeint[2]", "DECIMAL(38,0)[]"),
    "struct": (
        "{'hugeint': 9007199254740993::hugeint, 'interval': [to_microseconds(1)], 'c d': '01:00:00+03'::timetz}",
        'STRUCT(hugeint DECIMAL(38,0), "interval" VARCHAR[], "c d" VARCHAR)',
    ),
    "mapped": ("map {9007199254740993::hugeint: to_microseconds(1)}", "MAP(DECIMAL(38,0), VARCHAR)"),
    "bits": ("'10101'::bit", "VARCHAR"),
    "uuid": ("'01234567-89ab-cdef-0123-456789abcdef'::uuid", "UUID"),
    "enum": ("'interval'::enum('hugeint', 'interval')", "VARCHAR"),
    "seconds": ("'2024-01-01 00:00:01'::timestamp_s", "TIMESTAMP"),
    "nanoseconds": ("'2024-01-01 00:00:01.000000001'::timestamp_ns", "TIMESTAMP_NS"),
    "zoned": ("'2024-01-01 00:00:01.000001+02'::timestamptz", "TIMESTAMP WITH TIME ZONE"),
    "decimal": ("1.5::decimal(38,10)", "DECIMAL(38,10)"),
    "unsigned64": ("18446744073709551615::ubigint", "UBIGINT"),
}
SELECT = ", ".join(f'{value} as "{name}"' for name, (value, _) in VALUES.items())
LABELS = f"""{{{{ config(kind='labels', as_of='asked_at') }}}}
select id, timestamp '2024-01-01' + to_hours(id::integer) as asked_at, {SELECT} from range(3) as t(id)
"""
TRAINING = """{{{{ config(kind='training_set', {}) }}}}
select l.*, v.visits from {{{{ ref('wide') }}}} as l left join {{{{ ref('visited') }}}} as v using (id)
"""
PLACES = {
    "file": "publish={'path': 'out/x.parquet'}",
    "external": "materialized='external', publish={'path': 'out/y.parquet'}",
    "folders": "materialized='external', publish={'path': 'out/z/'}",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that publishes rows of all these types."""
    models = {name: TRAINING.format(place) for name, place in PLACES.items()}
    made = hospital(tmp_path_factory.mktemp("types"), wide=LABELS, **models)
    for _ in range(2):
        run = featsql.load(made).build()
        assert run.ok, [each.diagnostics for each in run.results if each.diagnostics]
    assert {each.status for each in run.results if each.name in models} == {"unchanged"}
    return made


def test_it_is_what_was_computed(folder: Path) -> None:
    names = ", ".join(f'"{name}"::varchar' for name in VALUES)
    wanted = duckdb.connect().execute(f"set TimeZone = 'UTC'; select {names} from (select {SELECT})").fetchall()
    with duckdb.connect(str(folder / "target/hospital.duckdb"), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        kinds = connection.execute("select column_type from (describe wide)").fetchall()
        for name in PLACES:
            assert connection.execute(f"select distinct {names} from {name}").fetchall() == wanted
            assert connection.execute(f"select column_type from (describe {name})").fetchall()[: len(kinds)] == kinds
    for path in ("x.parquet", "y.parquet", "z/0000.parquet"):
        asked = f"select distinct {names} from '{folder}/out/{path}'"
        assert duckdb.connect().execute(f"set TimeZone = 'UTC'; {asked}").fetchall() == wanted
        described = f"select column_name, column_type from (describe from '{folder}/out/{path}')"
        found = dict(duckdb.connect().execute(described).fetchall())
        assert {name: found[name] for name in VALUES} == {name: kind for name, (_, kind) in VALUES.items()}


def test_others_read_it(folder: Path) -> None:
    path = folder / "out/y.parquet"
    row = pyarrow.parquet.read_table(path).to_pylist()[0]
    assert (row["large"], row["odd"]) == (Decimal(LARGE), Decimal(9007199254740993))
    assert (row["span"], row["at"]) == ("-1 month 2 days 00:00:03.000001", "12:00:00.000001+02:30")
    assert row["struct"]["interval"] == ["00:00:00.000001"]
    frame = polars.read_parquet(path)
    assert (frame["large"][0], frame["odd"][0]) == (Decimal(LARGE), Decimal(9007199254740993))
    assert frame["list"][0][0] == Decimal(9007199254740993)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", [f"({LARGE} + 1::hugeint)", f"[({LARGE} + 1)::uhugeint]"])
def test_what_has_no_room_is_told(place: str, value: str, tmp_path: Path) -> None:
    labels = LABELS.replace(SELECT, f"{value} as much")
    made = hospital(tmp_path, wide=labels, training=TRAINING.format(PLACES[place]))
    result = next(each for each in featsql.load(made).build().results if each.name == "training")
    (diagnostic,) = result.diagnostics
    assert (diagnostic.code, "`much`" in diagnostic.message) == ("FS806", True), diagnostic.message
    assert "too large for Parquet" in diagnostic.message


def test_every_type_is_held_or_written_as_another() -> None:
    """Of each type that DuckDB has, a value comes back as it was."""
    engine = Engine.memory()
    made = {**{name: value for name, (value, _) in VALUES.items()}, "blob": "'a'::blob", "json": "'{}'::json"}
    for value in made.values():
        (column,) = engine.columns(f"select {value} as x")
        kind = stored_type(column.type)
        written = value if kind is None else f"({value})::{kind.sql('duckdb')}"
        ((same,),) = engine.rows(f"select (({written})::{column.type}) is not distinct from ({value})")
        assert same, column
