"""An external training set lies in Parquet alone, and the target has a view of it that gives what a table would."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb
import pytest
from hospital import FILES, hospital

import featsql
from featsql.build.publish import sweep
from featsql.build.results import Result

QUERY = """
select l.id, l.asked_at, v.visits, v.visits::hugeint * 10 as tenfold, [v.visits, 1]::bigint[2] as pair,
    case when t.y > 15 then 'high' else 'low' end::enum('low', 'high') as grade
from {{ ref('asked') }} as l
left join {{ ref('visited') }} as v using (id)
left join {{ ref('tested') }} as t using (id)
"""
LESS = QUERY.replace("v.visits,", "", 1)
FILE = "publish={'path': 'target/training.parquet'}"
FOLDER = "publish={'path': 'target/training', 'partition_by': ['id', 'grade']}"


def model(stored: str, query: str = QUERY) -> str:
    return f"{{{{ config(kind='training_set', {stored}) }}}}\n{query}"


def external(publish: str) -> str:
    return model(f"materialized='external', {publish}")


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"models/{name}.sql").write_text(text, encoding="utf-8")


def built(folder: Path) -> Result:
    """What became of the training set in a build."""
    run = featsql.load(folder).build()
    (result,) = [each for each in run.results if each.name == "training"]
    return result


def asked(folder: Path, query: str = "from training order by all") -> list[tuple[object, ...]]:
    """What the target says, opened by anybody."""
    with duckdb.connect(str(folder / "target/hospital.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def kind(folder: Path) -> list[tuple[object, ...]]:
    return asked(folder, "select table_type from information_schema.tables where table_name = 'training'")


@pytest.mark.parametrize("publish", [FILE, FOLDER])
def test_the_view_gives_what_a_table_would(publish: str, tmp_path: Path) -> None:
    folder = hospital(tmp_path, training=model(publish))
    assert built(folder).status == "success"
    assert kind(folder) == [("BASE TABLE",)]
    rows, types = asked(folder), asked(folder, "describe training")
    write(folder, "training", external(publish))
    result = built(folder)
    assert (result.status, result.reason, result.rows) == ("success", "code changed", len(rows))
    assert kind(folder) == [("VIEW",)]
    assert asked(folder) == rows
    assert asked(folder, "describe training") == types
    assert built(folder).status == "unchanged"
    write(folder, "training", model(publish))
    assert built(folder).status == "success"
    assert (kind(folder), asked(folder)) == ([("BASE TABLE",)], rows)


def test_a_file_that_another_hand_changed_is_written_anew(tmp_path: Path) -> None:
    folder = hospital(tmp_path, training=external(FILE))
    built(folder)
    rows, path = asked(folder), folder / "target/training.parquet"
    path.unlink()
    result = built(folder)
    assert (result.status, result.reason) == ("success", "its copy target/training.parquet is gone")
    duckdb.connect().execute(f"copy (from '{path}' limit 1) to '{path}'").fetchall()
    assert built(folder).notes == ()
    assert asked(folder) == rows


def test_a_file_deep_in_a_folder_is_seen_to_change(tmp_path: Path) -> None:
    folder = hospital(tmp_path, training=external(FOLDER))
    built(folder)
    rows = asked(folder)
    path = next((folder / "target/training").rglob("*.parquet"))
    duckdb.connect().execute(f"copy (from '{path}' limit 0) to '{path}'").fetchall()
    assert built(folder).status == "success"
    assert asked(folder) == rows


@pytest.mark.parametrize(("one", "two"), [(FILE, FOLDER), (FOLDER, FILE), (FILE, FILE.replace("training", "other"))])
def test_rows_that_are_to_lie_elsewhere_are_all_computed(one: str, two: str, tmp_path: Path) -> None:
    folder = hospital(tmp_path, training=external(one))
    built(folder)
    rows = asked(folder)
    write(folder, "training", external(two))
    result = built(folder)
    assert (result.status, result.notes) == ("success", ())
    assert asked(folder) == rows


def test_wrong_rows_do_not_replace_others(tmp_path: Path) -> None:
    """A patient has several visits."""
    folder = hospital(tmp_path, training=external(FILE))
    built(folder)
    rows, held = asked(folder), (folder / "target/training.parquet").read_bytes()
    more = QUERY + "left join {{ source('s', 'visits') }} as twice on twice.id = l.id\n"
    write(folder, "training", model(f"materialized='external', {FILE}", more))
    (diagnostic,) = built(folder).diagnostics
    assert diagnostic.code == "FS805"
    assert (folder / "target/training.parquet").read_bytes() == held
    assert asked(folder) == rows
    assert list((folder / "target").glob(".training*")) == []


def test_what_the_query_stumbles_over_is_not_said_of_the_file(tmp_path: Path) -> None:
    query = QUERY.replace("v.visits,", "v.visits, case when l.id = 2 then error('no') end as oh,", 1)
    folder = hospital(tmp_path, training=model(f"materialized='external', {FILE}", query))
    (diagnostic,) = built(folder).diagnostics
    assert (diagnostic.code, "no" in diagnostic.message) == ("FS807", True)
    (tmp_path / "other").mkdir()
    folder = hospital(tmp_path / "other", training=external(FILE))
    (folder / "target/training.parquet").mkdir(parents=True)
    (diagnostic,) = built(folder).diagnostics
    assert (diagnostic.code, diagnostic.hint) == ("FS806", "remove it, or publish to another path")


def test_a_project_may_move_and_have_marks_in_its_names(tmp_path: Path) -> None:
    publish = FILE.replace("training.", "tr[a]in*?.")
    folder = hospital(tmp_path, training=external(publish))
    built(folder)
    rows = asked(folder)
    moved = tmp_path.parent / f"{tmp_path.name} [moved]"
    shutil.move(folder, moved)
    assert built(moved).status == "success"
    assert asked(moved) == rows


def test_what_reads_it_sees_the_new_rows(tmp_path: Path) -> None:
    folder = hospital(tmp_path, training=external(FILE))
    write(folder, "counted", "{{ config(materialized='table') }} select count(*) as n from {{ ref('training') }}")
    built(folder)
    ((before,),) = asked(folder, "from counted")
    write(folder, "asked", FILES["models/asked.sql"] + "union all select 2, timestamp '2024-01-01 11:59'\n")
    assert "of them computed" in built(folder).notes[0]
    assert asked(folder, "from counted") == [(before + 1,)]  # type: ignore[operator]


FILES_OF = {
    "publish={'path': 'target/training/'}": ["0000.parquet", "0001.parquet", "0002.parquet"],
    "publish={'path': 'target/training', 'partition_by': ['grade']}": [
        *(f"grade={grade}/0000_0.parquet" for grade in ("high", "low")),
        "grade=low/0001_0.parquet",
        "grade=low/0002_0.parquet",
    ],
}
ASKED = FILES["models/asked.sql"].replace("union all\nselect 1, null\n", "")


def files(folder: Path) -> dict[str, int]:
    """The files of the training set, and which each is."""
    top = (folder / "target/training").resolve()
    return {path.relative_to(top).as_posix(): path.stat().st_ino for path in sorted(top.rglob("*.parquet"))}


def ask_more(folder: Path, hour: int) -> None:
    """One more question, of a patient whom nobody has tested."""
    text = (folder / "models/asked.sql").read_text(encoding="utf-8")
    write(folder, "asked", f"{text}union all select 9, timestamp '2024-01-02 {hour:02}:00'\n")


@pytest.mark.parametrize(("publish", "linked"), list(zip(FILES_OF, (True, False), strict=True)))
def test_new_rows_come_as_files_of_their_own(
    publish: str, linked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not linked:
        monkeypatch.setattr("os.link", refused)
    folder = hospital(tmp_path, asked=ASKED, training=external(publish))
    built(folder)
    first, rows = files(folder), asked(folder)
    for hour in (1, 2):
        ask_more(folder, hour)
        assert built(folder).notes == ("1 of them computed, the others kept",)
        assert built(folder).status == "unchanged"
    assert list(files(folder)) == FILES_OF[publish]
    assert all((files(folder)[name] == number) == linked for name, number in first.items())
    whole = asked(folder)
    assert [row for row in whole if str(row[1]) < "2024-01-02"] == rows
    featsql.load(folder).build(full_refresh=True)
    assert asked(folder) == whole
    assert list(files(folder)) == [name for name in FILES_OF[publish] if "0000" in name]


def refused(*paths: object) -> None:
    raise OSError("no links here")


def test_files_do_not_become_ever_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featsql.build.training_set.stores.GENERATIONS", 2)
    folder = hospital(tmp_path, asked=ASKED, training=external("publish={'path': 'target/training/'}"))
    built(folder)
    for hour, count in ((1, 2), (2, 3), (3, 1), (4, 2)):
        ask_more(folder, hour)
        assert built(folder).notes == ("1 of them computed, the others kept",)
        assert len(files(folder)) == count
    assert len(asked(folder)) == 44


def test_rows_that_facts_reach_are_written_with_all_others(tmp_path: Path) -> None:
    folder = hospital(tmp_path, asked=ASKED, training=external("publish={'path': 'target/training/'}"))
    built(folder)
    ask_more(folder, 1)
    with (folder / "data/visits.csv").open("a", encoding="utf-8") as file:
        file.write("2,2024-01-01 16:10:00,2024-01-01 16:10:00,,32.0\n")
    assert "of them computed" in built(folder).notes[0]
    rows = asked(folder)
    assert list(files(folder)) == ["0000.parquet"]
    featsql.load(folder).build(full_refresh=True)
    assert asked(folder) == rows


@pytest.mark.parametrize("publish", FILES_OF)
def test_a_folder_may_hold_no_rows(publish: str, tmp_path: Path) -> None:
    text = ASKED.rstrip() + "\nlimit 0\n"
    folder = hospital(tmp_path, asked=text, training=external(publish))
    assert built(folder).rows == 0
    assert asked(folder) == []
    write(folder, "asked", ASKED)
    assert built(folder).status == "success"
    assert len(asked(folder)) == 40


def test_a_table_is_copied_to_a_folder_too(tmp_path: Path) -> None:
    folder = hospital(tmp_path, training=model("publish={'path': 'target/training/'}"))
    assert built(folder).published == ("target/training/",)
    assert list(files(folder)) == ["0000.parquet"]


def test_a_column_that_went_leaves_no_file_with_it(tmp_path: Path) -> None:
    folder = hospital(tmp_path, asked=ASKED, training=external("publish={'path': 'target/training/'}"))
    built(folder)
    write(folder, "training", model("materialized='external', publish={'path': 'target/training/'}", LESS))
    ask_more(folder, 1)
    assert built(folder).notes == ("1 of them computed, the others kept",)
    assert list(files(folder)) == ["0000.parquet"]
    assert len(asked(folder)) == 41


def test_columns_lie_in_their_order(tmp_path: Path) -> None:
    folder = hospital(tmp_path, asked=ASKED, training=external("publish={'path': 'target/training/'}"))
    built(folder)
    turned = QUERY.replace("l.id, l.asked_at", "l.asked_at, l.id")
    write(folder, "training", model("materialized='external', publish={'path': 'target/training/'}", turned))
    ask_more(folder, 1)
    assert built(folder).notes == ("1 of them computed, the others kept",)
    assert [row[0] for row in asked(folder, "describe training")][:2] == ["asked_at", "id"]
    assert list(files(folder)) == ["0000.parquet"]


def test_rows_are_known_again_by_the_largest_keys(tmp_path: Path) -> None:
    """As a DOUBLE two of them would be one."""
    text = ASKED.replace("select id,", "select 1152921504606846976::hugeint + id as id,")
    query = (
        "select l.id, l.asked_at, v.visits{} from {{{{ ref('asked') }}}} as l"
        " left join {{{{ ref('visited') }}}} as v using (id)"
    )
    kept = "materialized='external', publish={'path': 'target/training.parquet'}"
    folder = hospital(tmp_path, asked=text, training=model(kept, query.format("")))
    assert built(folder).status == "success"
    write(folder, "training", model(kept, query.format(", v.least")))
    assert built(folder).notes == ("0 of them computed, the others kept but for least",)


def test_rows_are_not_known_again_by_what_an_earlier_version_rounded(tmp_path: Path) -> None:
    folder = hospital(tmp_path, training=external(FILE))
    built(folder)
    rows, path = asked(folder), folder / "target/training.parquet"
    held = duckdb.connect().execute("select 9007199254740993::double as x").fetchall()
    assert held == [(9007199254740992.0,)]
    duckdb.connect().execute(
        f"copy (select * replace (tenfold::double as tenfold) from '{path}') to '{path}'"
    ).fetchall()
    assert built(folder).status == "success"
    assert asked(folder) == rows


@pytest.mark.parametrize("name", ["file_index", "FILE_ROW_NUMBER"])
def test_a_column_may_have_the_name_of_a_number_of_the_engines(name: str, tmp_path: Path) -> None:
    query = QUERY.replace("v.visits,", f"v.visits as {name},", 1)
    folder = hospital(tmp_path, training=model(f"materialized='external', {FILE}", query))
    built(folder)
    write(folder, "training", model(f"materialized='external', {FILE}", query.replace("t.y", "t.y + 0")))
    assert built(folder).status == "success"
    rows = asked(folder)
    featsql.load(folder).build(full_refresh=True)
    assert asked(folder) == rows


def test_files_that_are_parted_otherwise_get_no_others(tmp_path: Path) -> None:
    one = "publish={'path': 'target/training', 'partition_by': ['grade']}"
    two = one.replace("grade", "visits")
    folder = hospital(tmp_path, asked=ASKED, training=external(one))
    built(folder)
    write(folder, "training", external(two))
    ask_more(folder, 1)
    assert built(folder).notes == ("1 of them computed, the others kept",)
    assert all(name.startswith("visits=") for name in files(folder))


def test_a_view_that_another_hand_changed_is_made_again(tmp_path: Path) -> None:
    folder = hospital(tmp_path, training=external(FILE))
    built(folder)
    with duckdb.connect(str(folder / "target/hospital.duckdb")) as connection:
        connection.execute("create or replace view training as select 1 as id")
    assert built(folder).reason == "its view was changed by another hand"
    assert len(asked(folder)) == 41


def test_what_a_killed_build_left_goes_after_a_day(tmp_path: Path) -> None:
    """But not the rows that are published, however old, nor what is written just now, nor what is named otherwise."""
    folder = hospital(tmp_path, training=external(FOLDER))
    assert built(folder).status == "success"
    target = folder / "target"
    (published,) = target.glob(".training.*")
    names = [f".training.{digit * 32}" for digit in "abc"]
    old, new, other = (*(target / name for name in names[:2]), target / ".training.backup")
    link = target / f"{names[2]}.link"
    for each in (old, new, other):
        each.mkdir()
        (each / "0000.parquet").touch()
    link.symlink_to(old.name)
    for each in (old, other, published, link):
        os.utime(each, (0, 0), follow_symlinks=False)
    sweep(target / "training")
    assert {each for each in target.glob(".training.*") if not each.name.endswith(".yml")} == {new, other, published}
    assert asked(folder, "select count(*) from training") != [(0,)]
