"""What a later build leaves alone, what it builds again and why, and that it equals a build from nothing."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from test_build import PROJECT, write

import featsql
from featsql.build.materialize import Materializer
from featsql.build.results import Run
from featsql.build.reuse.file_fingerprints import content
from featsql.read.model import Model

MORE = {
    "models/copied.sql": "{{ config(materialized='table') }} select *, 'a  b' as x "
    "from {{ source('shop', 'payments') }}",
    "models/seen.sql": "select * from {{ ref('copied') }} -- a view",
    "models/other.sql": "{{ config(materialized='table') }} select count(*) as n from {{ ref('seen') }}",
}
TABLES = ("asked", "training", "copied", "other")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small project that was built."""
    write(tmp_path, PROJECT | MORE)
    assert build(tmp_path).ok
    return tmp_path


def build(folder: Path, *, full_refresh: bool = False) -> Run:
    """Build everything in Python, where only the state decides."""
    return featsql.load(folder).build(full_refresh=full_refresh)


def rebuilt(run: Run) -> dict[str, str | None]:
    """The reason of every node that was built again."""
    assert run.ok, [result.diagnostics for result in run.results]
    return {result.name: result.reason for result in run.results if result.status == "success"}


def change(path: Path, old: str, new: str) -> None:
    """Put one text in place of another, which must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def program(folder: Path, *arguments: str, **environment: str) -> str:
    """What `featsql build` prints, run as a program."""
    home = str(Path(__file__).parent.parent)
    given = os.environ | {"PYTHONPATH": home} | environment
    command = [sys.executable, "-X", "importtime", "-m", "featsql", "build", "--project-dir", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=given, check=True)
    return done.stdout + "\nENGINE" * (" duckdb" in done.stderr)


def test_nothing_is_built_after_nothing_changed(shop: Path) -> None:
    assert rebuilt(build(shop)) == {}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("models/copied.sql", "select", "-- a comment\nselect  "),
        ("models/spend.sql", "count(*)", "count( /* all */ * )"),
        ("models/sources.yml", "version: 2", "# a comment\nversion: 2"),
    ],
)
def test_comments_and_layout_change_nothing(shop: Path, file: str, old: str, new: str) -> None:
    change(shop / file, old, new)
    assert rebuilt(build(shop)) == {}


@pytest.mark.parametrize(
    ("file", "old", "new", "reasons"),
    [
        (
            "models/copied.sql",
            "'a  b'",
            "'a b'",
            {"copied": "code changed", "seen": "upstream copied changed", "other": "upstream copied changed"},
        ),
        (
            "models/seen.sql",
            "select *",
            "select distinct *",
            {"seen": "code changed", "other": "upstream seen changed"},
        ),
        ("models/spend.sql", "sum(", "max(", {"spend": "code changed", "training": "upstream spend changed"}),
        ("featsql_project.yml", "keys: [customer_id]", "keys: [customer_id], null_keys: match", None),
    ],
)
def test_a_change_is_told(shop: Path, file: str, old: str, new: str, reasons: dict[str, str] | None) -> None:
    change(shop / file, old, new)
    found = rebuilt(build(shop))
    assert found == reasons if reasons is not None else found["training"] == "code changed"
    assert rebuilt(build(shop)) == {}


def test_a_source_is_known_by_its_content(shop: Path) -> None:
    data = shop / "data" / "payments.csv"
    os.utime(data, ns=(1, 1))
    assert rebuilt(build(shop)) == {}
    was = data.stat()
    change(data, ",11", ",12")
    os.utime(data, ns=(was.st_atime_ns, was.st_mtime_ns + 1))
    found = rebuilt(build(shop))
    assert found["copied"] == "source shop.payments changed"
    assert found["training"] == "source shop.payments changed" or found["training"] == "upstream asked changed"


def test_a_source_is_known_by_its_content_however_it_is_named(shop: Path) -> None:
    change(shop / "models/copied.sql", "source('shop', 'payments')", "source('shop', 'pay' ~ 'ments')")
    change(shop / "models/spend.sql", "source('shop', 'payments')", "source('shop', 'pay' ~ 'ments')")
    change(shop / "models/asked.sql", "source('shop', 'payments')", "source('shop', 'pay' ~ 'ments')")
    build(shop)
    os.utime(shop / "data/payments.csv", ns=(1, 1))
    assert rebuilt(build(shop)) == {}


def test_a_source_that_nobody_reads_is_not_looked_into(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = (shop / "data/payments.csv").read_text()
    (shop / "data/others.csv").write_text(copy)
    change(
        shop / "models/sources.yml", "    tables:\n", "    tables:\n      - {name: others, location: data/others.csv}\n"
    )
    read: list[str] = []

    def noted(path: Path, size: int) -> str | None:
        read.append(path.name)
        return content(path, size)

    monkeypatch.setattr("featsql.build.reuse.file_fingerprints.content", noted)
    os.utime(shop / "data/payments.csv", ns=(1, 1))
    build(shop)
    assert read == ["payments.csv"]
    (shop / "models/late.sql").write_text("select * from {{ source('shop', 'others') }}")
    assert rebuilt(build(shop)) == {"late": None}
    assert read == ["payments.csv", "others.csv"]
    build(shop)
    (shop / "data/others.csv").unlink()
    with pytest.raises(featsql.FeatsqlError):
        build(shop)


def test_a_pattern_is_known_by_its_files(shop: Path) -> None:
    change(shop / "models" / "sources.yml", "data/payments.csv", "data/*.csv")
    build(shop)
    assert rebuilt(build(shop)) == {}
    (shop / "data" / "unread.txt").write_text("x")
    assert rebuilt(build(shop)) == {}
    (shop / "data" / "later.csv").write_text((shop / "data" / "payments.csv").read_text())
    assert rebuilt(build(shop))["copied"] == "source shop.payments changed"


def test_a_table_must_stand_as_it_was_left(shop: Path) -> None:
    with duckdb.connect(str(shop / "target" / "shop.duckdb")) as database:
        database.execute("drop table other")
        database.execute("insert into copied select * from copied limit 1")
    found = rebuilt(build(shop))
    assert found["other"] in {"its relation is gone", "upstream copied changed"}
    assert found["copied"] == "its table was changed by another hand"
    (shop / "target" / "training.parquet").unlink()
    assert rebuilt(build(shop)) == {"training": "its copy target/training.parquet is gone"}


@pytest.mark.parametrize("call", ["now()", "current_date", "(select count(*) from 'data/payments.csv')"])
def test_what_cannot_be_known_is_built(shop: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    change(shop / "models" / "copied.sql", "'a  b'", call)
    build(shop)
    assert (rebuilt(build(shop))["copied"] or "").startswith("cannot know: ")


def test_a_label_that_matured_is_built(tmp_path: Path) -> None:
    write(tmp_path, PROJECT)
    instant = int(time.time()) + 3
    soon = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(instant))
    asked = "{{ config(kind='labels', entity='customer', as_of='asked_at', horizon='1 second', label='y') }}"
    (tmp_path / "models" / "asked.sql").write_text(
        f"{asked}select 1 as customer_id, timestamp '{soon}' as asked_at, 1 as y"
    )
    assert build(tmp_path).results[0].notes
    assert rebuilt(build(tmp_path)) == {}
    time.sleep(max(0.0, instant + 1.1 - time.time()))
    assert rebuilt(build(tmp_path)) == {"asked": "labels matured", "training": "upstream asked changed"}


@pytest.mark.parametrize("content", ["", "[]", '{"format": 1}', "{", None])
def test_a_state_that_cannot_be_read_is_not_trusted(shop: Path, content: str | None) -> None:
    state = shop / "target" / "state.json"
    state.write_text(content if content is not None else state.read_text().replace('"made_by": [', '"made_by": ["0",'))
    assert set(rebuilt(build(shop)).values()) & {
        "cannot know: the state of the last build cannot be read",
        "featsql or DuckDB changed",
    }
    assert rebuilt(build(shop)) == {}


def test_a_folder_that_moved_needs_only_its_views(shop: Path) -> None:
    """They know their files by full paths."""
    moved = shop.rename(shop.with_name(f"{shop.name}_moved"))
    run = build(moved)
    assert {result.name for result in run.results if result.status != "unchanged" and result.seconds} >= {"seen"}
    assert {result.kind for result in run.results if result.status == "success"} <= {"view", "features"}
    with duckdb.connect() as connection:
        connection.execute(f"attach '{moved}/target/shop.duckdb' as shop_db (read_only)")
        assert connection.execute("select count(*) from shop_db.main.seen").fetchall() != [(0,)]


def test_a_full_refresh_builds_everything(shop: Path) -> None:
    assert set(rebuilt(build(shop, full_refresh=True)).values()) == {"full refresh"}


def test_the_program_does_not_load_the_engine_after_nothing_changed(shop: Path) -> None:
    program(shop)
    said = program(shop)
    assert "6 unchanged" in said
    assert "ENGINE" not in said
    for arguments in (["--vars", "{a: 1}"], ["--full-refresh"]):
        assert "ENGINE" in program(shop, *arguments)


def test_the_program_knows_the_folders_that_it_publishes(shop: Path) -> None:
    """They are links; another link to a folder may lead to anything."""
    change(shop / "models/training.sql", "target/training.parquet", "copies/training/")
    program(shop)
    assert (shop / "copies/training").is_symlink()
    program(shop)
    assert "ENGINE" not in program(shop)
    (shop / ".linked.v1").mkdir()
    (shop / "linked").symlink_to(".linked.v1", target_is_directory=True)
    program(shop)
    assert "ENGINE" in program(shop)


def test_what_was_made_before_a_kill_stands(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(shop / "models/asked.sql", "1 as answer", "2 as answer")

    def killed(self: Materializer, model: Model) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Materializer, "training_set", killed)
        with pytest.raises(KeyboardInterrupt):
            build(shop)
    assert rebuilt(build(shop)) == {"training": "its last build did not end"}


def test_what_did_not_end_is_built_again_and_what_did_not_begin_is_built_upon(shop: Path) -> None:
    """The rows of the training set stand meanwhile, and are kept."""
    change(shop / "models/copied.sql", "'a  b' as x", "error('no')::varchar as x")
    change(shop / "models/asked.sql", "1 as answer", "case when error('no') then 1 end as answer")
    run = featsql.load(shop).build()
    assert {each.name: each.status for each in run.results if each.status != "success"} == {
        "asked": "error",
        "copied": "error",
        "other": "skipped",
        "seen": "skipped",
        "spend": "unchanged",
        "training": "skipped",
    }
    change(shop / "models/copied.sql", "error('no')::varchar as x", "'a  b' as x")
    change(shop / "models/asked.sql", "case when error('no') then 1 end as answer", "1 as answer")
    run = build(shop)
    reasons = rebuilt(run)
    assert reasons["asked"] == reasons["copied"] == "its last build did not end"
    assert reasons["training"] == "upstream asked changed"
    (training,) = [each for each in run.results if each.name == "training"]
    assert "0 of them computed, the others kept" in training.notes
    assert rebuilt(build(shop)) == {}


@pytest.mark.parametrize(
    "file", ["models/spend.sql", "data/payments.csv", "target/training.parquet", "target/shop.duckdb"]
)
def test_the_program_looks_at_every_file(shop: Path, file: str) -> None:
    program(shop)
    with (shop / file).open("ab") as opened:
        opened.write(b"\n")
    if file.endswith("duckdb"):
        assert "ENGINE" in program(shop)
        return
    said = program(shop)
    assert "ENGINE" in said
    assert ("6 unchanged" in said) == (file == "models/spend.sql")


def edit(shop: Path, random_: random.Random) -> None:
    """One of the things that people do between two builds."""
    data = shop / "data" / "payments.csv"
    day, customer, late = random_.randrange(1, 28), random_.randrange(1, 4), random_.randrange(0, 3)
    match random_.randrange(7):
        case 0 | 1:
            with data.open("a") as opened:
                row = f"{customer},2024-01-{day:02} 10:00:00,2024-01-{day + late:02} 11:00:00,{day}\n"
                opened.write(row)
        case 2:
            lines = data.read_text().splitlines()
            data.write_text("\n".join([*lines[:2], *lines[3:]][: max(3, len(lines) - 1)]) + "\n")
        case 3:
            (shop / "models" / "spend.sql").write_text((shop / "models" / "spend.sql").read_text() + "-- said\n")
        case 4:
            path = shop / "models" / "spend.sql"
            path.write_text(path.read_text().replace("as spend", f"+ {day} as spend"))
        case 5:
            path = shop / "models" / "asked.sql"
            path.write_text(path.read_text().replace("1 as answer", f"1 + {day} as answer"))
        case _:
            (shop / "models" / "copied.sql").write_text(MORE["models/copied.sql"].replace("'a  b'", f"'{' ' * late}'"))


def rows(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every table's rows, in an order of their own."""
    with duckdb.connect(str(folder / "target" / "shop.duckdb"), read_only=True) as database:
        return {name: sorted(database.execute(f"select * from {name}").fetchall(), key=repr) for name in TABLES}


@pytest.mark.parametrize("seed", range(20 if os.environ.get("FEATSQL_LAWS") == "thorough" else 2))
def test_every_build_equals_one_from_nothing(shop: Path, seed: int) -> None:
    random_ = random.Random(seed)
    for _ in range(4):
        for _ in range(random_.randrange(1, 3)):
            edit(shop, random_)
        rebuilt(build(shop))
        found = rows(shop)
        rebuilt(build(shop, full_refresh=True))
        assert found == rows(shop)
