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
from featsql.build.known_at import name_of, read_instant
from featsql.errors import FeatsqlError
from featsql.read.project import Publish

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


def tables(folder: Path, schema: str = "main") -> dict[str, list[tuple[object, ...]]]:
    """Every relation of a schema of a built target, without types that an empty file cannot tell."""
    with duckdb.connect(str(folder / "target/hospital.duckdb"), read_only=True) as connection:
        found = {}
        connection.execute(f"use {schema}")
        for name in TABLES:
            columns = [row[0] for row in connection.execute(f"describe {name}").fetchall()]
            chosen = ", ".join(f'"{column}"::varchar' for column in columns)
            found[name] = sorted(connection.execute(f"select {chosen} from {name}").fetchall(), key=repr)
        return found


def everything(folder: Path, but: str = "known_at") -> dict[str, object]:
    """What a build has left in files, without what belongs to an earlier day, and the tables of the present."""
    paths = [path for path in (folder / "target").rglob("*") if path.is_file() and but not in str(path)]
    kept = {path.name: path.read_bytes() for path in paths if path.suffix in {".json", ".parquet", ".sql"}}
    return {**kept, **tables(folder)}


def test_it_is_the_build_of_that_day(tmp_path: Path) -> None:
    today, then = hospital(tmp_path / "today", **MODELS), of_that_day(tmp_path / "then")
    assert featsql.load(then).build().ok
    assert featsql.load(today).build().ok
    whole = everything(today)
    done = featsql.load(today).build(known_at="2024-01-01 13:00")
    assert done.ok, [result.diagnostics for result in done.results]
    of_then = tables(today, "main_known_at_20240101_130000")
    assert of_then == tables(then)
    assert all(of_then[name] != whole[name] for name in TABLES if name != "asked")
    manifest = today / "target/known_at_20240101_130000/manifest.json"
    assert json.loads(manifest.read_text(encoding="utf-8"))["metadata"]["known_at"] == "2024-01-01 13:00:00+00"
    assert everything(today) == whole


def test_days_stand_beside_each_other_and_the_present(tmp_path: Path) -> None:
    """What is built again is only what does not stand, of each of them."""
    folder = hospital(tmp_path, **MODELS)
    days = {None: "main", "2024-01-01 13:00": "main_known_at_20240101_130000", "1999-01-01": "main_known_at_19990101"}
    for day in days:
        assert featsql.load(folder).build(known_at=day).ok
    found = {schema: tables(folder, schema) for schema in days.values()}
    assert len({repr(each["training"]) for each in found.values()}) == len(days)
    for day in (*days, None):
        again = featsql.load(folder).build(known_at=f"{day}+00:00" if day and ":" in day else day)
        assert {each.name for each in again.results if each.status == "success"} <= {"visited", "tested"}
    assert {schema: tables(folder, schema) for schema in days.values()} == found
    copies = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("training.parquet"))
    assert copies == [
        "target/known_at_19990101/training.parquet",
        "target/known_at_20240101_130000/training.parquet",
        "target/training.parquet",
    ]
    rows = duckdb.connect().execute(f"select count(*) from '{folder}/target/training.parquet'").fetchall()
    assert rows == [(len(found["main"]["training"]),)]


def test_the_program_says_where_it_is(tmp_path: Path) -> None:
    folder = hospital(tmp_path)
    assert run("build", "--project-dir", str(folder)).code == 0
    done = run("build", "--known-at", "2024-01-01 13:00", "--project-dir", str(folder))
    assert "built in target/hospital.duckdb, schema main_known_at_20240101_130000" in done.out
    assert "unchanged" in run("build", "--project-dir", str(folder)).out
    assert run("clean", "--project-dir", str(folder)).code == 0
    assert not (folder / "target").exists()


def test_the_present_is_not_read_by_its_name(tmp_path: Path) -> None:
    folder = hospital(tmp_path, looked="select * from hospital.main.asked")
    for day in (None, "2024-01-01"):
        with pytest.raises(FeatsqlError, match="FS306"):
            featsql.load(folder).build(known_at=day)


def test_paths_of_a_day() -> None:
    made = {path: Publish(path).within("day").path for path in ("x.parquet", "a/b.parquet", "/a/b/", "../c")}
    assert made == {
        "x.parquet": "day/x.parquet",
        "a/b.parquet": "a/day/b.parquet",
        "/a/b/": "/a/day/b/",
        "../c": "../day/c",
    }
    assert name_of(read_instant("2024-01-01 13:00:00.25")) == "known_at_20240101_130000_250000"


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
