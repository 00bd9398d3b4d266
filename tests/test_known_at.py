"""`--known-at`: a build of an earlier day is the build of the data of that day, whatever came in later."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hospital import FILES, hospital
from program import run

import featsql
from featsql.build.known_at import read_instant
from featsql.errors import FeatsqlError

THEN = datetime(2024, 1, 1, 13)
MODELS = {
    "stamped": """{{ config(
    materialized='table', time={'kind': 'events', 'event_time': 'ts', 'available_at': 'told'}
) }}
select id, ts, seen + interval 30 minutes as told, x from {{ source('s', 'visits') }}
""",
    "counted": "{{ config(materialized='table') }} select count(*) as n, sum(x) as x from {{ ref('stamped') }}",
    "looked": "select id, y from {{ source('s', 'tests') }}",
    "grown": "{{ config(materialized='incremental', unique_key='test') }} select * from {{ source('s', 'tests') }}",
}
TABLES = ("asked", "training", "stamped", "counted", "looked", "grown")
Row = dict[str, str]


def told(row: Row, column: str, delay: timedelta = timedelta()) -> bool:
    """Whether an instant of a row had come."""
    return bool(row[column]) and datetime.fromisoformat(row[column]) + delay <= THEN


def cut(name: str, keep: Callable[[Row], bool], learnt: Callable[[Row], Row] = dict) -> str:
    """A file of the project as it was then."""
    rows = list(csv.DictReader(io.StringIO(FILES[name])))
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys())
    writer.writeheader()
    writer.writerows(learnt(row) for row in rows if keep(row))
    return out.getvalue()


def of_that_day(folder: Path) -> Path:
    """The project with the files of that day."""
    hospital(folder, **MODELS)
    files = {
        "data/visits.csv": cut(
            "data/visits.csv",
            lambda row: told(row, "seen"),
            lambda row: row if told(row, "gone") else row | {"gone": ""},
        ),
        "data/tests.csv": cut("data/tests.csv", lambda row: told(row, "seen")),
        "data/wards.csv": cut("data/wards.csv", lambda row: told(row, "ts", timedelta(hours=1))),
        "data/stays.csv": cut(
            "data/stays.csv",
            lambda row: told(row, "seen"),
            lambda row: row if told(row, "learnt") else row | {"until": "", "learnt": ""},
        ),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    sources = folder / "models/sources.yml"
    typed = "data/visits.csv\n        options: {types: {gone: TIMESTAMP}}"  # an empty column has no type
    sources.write_text(FILES["models/sources.yml"].replace("data/visits.csv", typed), encoding="utf-8")
    late = f"where told <= timestamp '{THEN}'"  # this model's own clock is later than its source's
    stamped = folder / "models/stamped.sql"
    stamped.write_text(MODELS["stamped"].replace("select id,", "select * from (select id,") + f") {late}\n")
    return folder


def tables(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every relation of a built target, without types that an empty file cannot tell."""
    with duckdb.connect(str(folder / "target/hospital.duckdb"), read_only=True) as connection:
        found = {}
        for name in TABLES:
            columns = [row[0] for row in connection.execute(f"describe {name}").fetchall()]
            chosen = ", ".join(f'"{column}"::varchar' for column in columns)
            found[name] = sorted(connection.execute(f"select {chosen} from {name}").fetchall(), key=repr)
        return found


def test_it_is_the_build_of_that_day(tmp_path: Path) -> None:
    today, then = hospital(tmp_path / "today", **MODELS), of_that_day(tmp_path / "then")
    assert featsql.load(then).build().ok
    assert featsql.load(today).build().ok
    whole = tables(today)
    done = featsql.load(today).build(known_at="2024-01-01 13:00")
    assert done.ok, [result.diagnostics for result in done.results]
    assert {result.reason for result in done.results if result.reason} == {"the last build was of what is known now"}
    assert tables(today) == tables(then)
    assert all(tables(today)[name] != whole[name] for name in TABLES if name != "asked")
    manifest = json.loads((today / "target" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["metadata"]["known_at"] == "2024-01-01 13:00:00+00"


def test_the_same_again_and_back_to_now(tmp_path: Path) -> None:
    folder = hospital(tmp_path, **MODELS)
    assert featsql.load(folder).build().ok
    whole = tables(folder)
    featsql.load(folder).build(known_at="2024-01-01 13:00")
    again = featsql.load(folder).build(known_at="2024-01-01 13:00+00:00")
    assert {each.name for each in again.results if each.status == "success"} <= {"grown", "visited", "tested"}
    back = featsql.load(folder).build()
    assert {each.reason for each in back.results if each.reason} == {
        "the last build was of what was known at another instant"
    }
    found = tables(folder)
    assert {name: rows for name, rows in found.items() if name != "grown"} == {
        n: r for n, r in whole.items() if n != "grown"
    }


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-01-01", "2024-01-01 00:00:00+00"),
        ("2024-01-01T13:00", "2024-01-01 13:00:00+00"),
        ("2024-01-01 13:00+02:00", "2024-01-01 11:00:00+00"),
        ("2024-01-01 13:00:00.25Z", "2024-01-01 13:00:00.250000+00"),
    ],
)
def test_an_instant_is_read_in_utc(text: str, instant: str) -> None:
    assert read_instant(text) == instant


def test_what_is_no_instant_is_told(tmp_path: Path) -> None:
    folder = hospital(tmp_path)
    with pytest.raises(FeatsqlError, match=r"FS725.*`tomorrow` is not an instant"):
        featsql.load(folder).build(known_at="tomorrow")
    done = run("build", "--known-at", "tomorrow", "--project-dir", str(folder))
    assert done.code == 1
    assert not (folder / "target" / "manifest.json").exists()
