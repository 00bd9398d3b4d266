"""A training set that is built again computes only rows that are new, or whose knowledge changed."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from hospital import FILES, hospital

import featsql
from featsql.build.reuse import extend
from featsql.build.reuse.extent import Change, Extent, extent
from featsql.engine import Engine
from featsql.plan.plan import Scan

TRAINING = """{{ config(kind='training_set') }}
select l.id, l.asked_at, v.visits, v.x_3h, v.least, t.y, w.ward, b.bed, b.until, v.visits * 2 as twice
from {{ ref('asked') }} as l
left join {{ ref('visited') }} as v using (id)
left join {{ ref('tested') }} as t using (id)
left join {{ ref('placed') }} as w using (id)
left join {{ ref('bedded') }} as b using (id)
"""
LATER = {
    "visits": "2,2024-01-01 16:10:00,2024-01-01 16:10:00,,32.0\n",
    "tests": "2,2,2024-01-01 10:00:00,2024-01-01 16:30:00,99\n",
    "stays": "1,2024-01-01 16:20:00,2024-01-01 16:50:00,2024-01-01 16:20:00,2024-01-01 16:50:00,9\n",
}
EARLIER = {
    "visits": "2,2024-01-01 12:10:00,2024-01-01 12:10:00,,32.0\n",
    "tests": "2,2,2024-01-01 10:00:00,2024-01-01 11:30:00,99\n",
}


EXTERNAL = "materialized='external', publish={'path': 'target/training/'}"


def stored(how: str) -> str:
    """The training set in a table, or where else its rows may lie."""
    return TRAINING.replace("'training_set'", f"'training_set', {EXTERNAL}") if how == "folder" else TRAINING


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """The hospital, built, with the training set in a table."""
    made = hospital(tmp_path, training=TRAINING)
    built(made)
    return made


@pytest.fixture(params=["table", "folder"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The hospital, built."""
    made = hospital(tmp_path, training=stored(request.param))
    built(made)
    return made


def built(folder: Path) -> tuple[str, list[tuple[object, ...]]]:
    """What a build says of the training set, and its rows."""
    run = featsql.load(folder).build()
    assert run.ok, [result.diagnostics for result in run.results]
    (result,) = [each for each in run.results if each.name == "training"]
    with duckdb.connect(str(folder / "target/hospital.duckdb"), read_only=True) as connection:
        rows = connection.execute("select * from training").fetchall()
    return "; ".join(result.notes), sorted(rows, key=repr)


def fresh(folder: Path) -> list[tuple[object, ...]]:
    """The rows of the training set, computed from nothing."""
    project = featsql.load(folder)
    rows = project.training_set("training").to_polars().rows()
    project.close()
    return sorted(rows, key=repr)


def add(folder: Path, name: str, text: str) -> None:
    with (folder / f"data/{name}.csv").open("a", encoding="utf-8") as file:
        file.write(text)


def more_questions(folder: Path) -> None:
    model = folder / "models/asked.sql"
    model.write_text(FILES["models/asked.sql"] + "union all select 2, timestamp '2024-01-01 11:59'\n", encoding="utf-8")


def test_new_labels_are_computed_alone(folder: Path) -> None:
    more_questions(folder)
    said, rows = built(folder)
    assert said == "2 of them computed, the others kept"  # the new one, and the one that is asked at no instant
    assert rows == fresh(folder)


@pytest.mark.parametrize(("name", "computed"), [("visits", 9), ("tests", 5), ("stays", 25)])
def test_later_facts_cost_the_rows_that_may_see_them(name: str, computed: int, folder: Path) -> None:
    """There are four questions an hour until 17:00, and one at no instant. The new visit happened after 16:00; the last
    rows of the others were known at 16:00 and at 11:00."""
    add(folder, name, LATER[name])
    said, rows = built(folder)
    assert said == f"{computed} of them computed, the others kept"
    assert rows == fresh(folder)


@pytest.mark.parametrize(
    ("name", "cost"),
    [
        ("visits", "25 of them computed, the others kept"),
        ("tests", "1 of them computed, the others kept but for y"),
    ],
)
def test_late_facts_cost_what_they_can_reach(name: str, cost: str, tables: Path) -> None:
    """A visit says nothing to who asks before it happened; with versions, nobody can tell to whom it does."""
    add(tables, name, EARLIER[name])
    said, rows = built(tables)
    assert said == cost
    assert rows == fresh(tables)


def test_facts_may_begin_and_end(tables: Path) -> None:
    """A relation without rows is one as well."""
    path = tables / "data/tests.csv"
    content = path.read_text(encoding="utf-8")
    typed = FILES["models/tested.sql"].replace("sum(y)", "sum(y::int)")
    (tables / "models/tested.sql").write_text(typed, encoding="utf-8")
    for text in (content, content.splitlines()[0] + "\n9,9,2030-01-01 00:00:00,2030-01-01 00:00:00,0\n", content):
        path.write_text(text, encoding="utf-8")
        assert built(tables)[1] == fresh(tables)


def test_late_facts_reach_no_further_than_the_lookback(tmp_path: Path) -> None:
    """A visit after noon is seen for three hours: from 12:00 to 16:00, as visits are measured by the hour."""
    visited = (
        FILES["models/visited.sql"].replace("count(*) as visits", "1 as visits").replace(",\n    min(x) as least", "")
    )
    visited = visited.replace("group by id", "where ts > as_of() - interval 3 hours group by id")
    folder = hospital(tmp_path, visited=visited, training=TRAINING.replace(" v.least,", ""))
    built(folder)
    add(folder, "visits", EARLIER["visits"])
    said, rows = built(folder)
    assert said == "21 of them computed, the others kept"
    assert rows == fresh(folder)


def test_what_changed_costs_its_rows_or_its_columns(tables: Path) -> None:
    everything = "visits, x_3h, least, twice"
    for path, old, new, cost in (
        ("data/visits.csv", "2.25", "2.5", "29 of them computed, the others kept"),
        ("data/visits.csv", "15:00:00,4.0", "15:30:00,4.0", "25 of them computed, the others kept"),
        ("data/wards.csv", "14:00:00,true", "14:00:00,false", "1 of them computed, the others kept but for ward"),
        ("models/visited.sql", "3 hours", "2 hours", f"1 of them computed, the others kept but for {everything}"),
        ("models/sources.yml", "delay: 1 hour", "delay: 2 hours", "1 of them computed, the others kept but for ward"),
        ("models/training.sql", "* 2", "* 3", "1 of them computed, the others kept but for twice"),
        ("models/training.sql", " b.bed,", "", "1 of them computed, the others kept"),
        ("models/training.sql", " v.least,", " v.least, b.bed, v.least + t.y as sum,", "bed, sum"),
        ("models/training.sql", "v.least + t.y", "-v.least", "1 of them computed, the others kept but for sum"),
        ("models/training.sql", " l.id, l.asked_at,", " l.asked_at, l.id,", "1 of them computed, the others kept"),
    ):
        text = (tables / path).read_text(encoding="utf-8")
        assert old in text
        (tables / path).write_text(text.replace(old, new), encoding="utf-8")
        said, rows = built(tables)
        assert said.endswith(cost), path
        assert rows == fresh(tables), path


def test_a_features_model_costs_the_columns_of_those_that_read_it(tmp_path: Path) -> None:
    folder = hospital(
        tmp_path,
        training=TRAINING.replace("left join {{ ref('tested') }}", "left join {{ ref('behind') }}"),
        behind="""{{ config(kind='features', entity='patient') }}
select id, y + 1 as y from {{ ref('tested') }}
""",
    )
    built(folder)
    tested = folder / "models/tested.sql"
    tested.write_text(tested.read_text(encoding="utf-8").replace("sum(y)", "max(y)"), encoding="utf-8")
    said, rows = built(folder)
    assert said == "1 of them computed, the others kept but for y"
    assert rows == fresh(folder)


@pytest.mark.parametrize(("folder", "holes"), [("table", 0.0), ("table", 1.0), ("folder", 1.0)], indirect=["folder"])
def test_whatever_changes_the_rows_are_those_of_a_new_build(
    holes: float, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Facts are added, changed and taken away at any time, and more is asked, also twice the same."""
    monkeypatch.setattr(extend, "HOLES", holes)
    dice = Random(int(holes))
    asked = FILES["models/asked.sql"]
    for _ in range(5):
        path = folder / f"data/{dice.choice(['visits', 'visits', 'tests', 'wards', 'stays'])}.csv"
        header, *lines = path.read_text(encoding="utf-8").splitlines()
        line = dice.choice(lines)
        moved = re.sub(
            r" (\d\d):(\d\d)", lambda _: f" {dice.randrange(8, 18):02}:{dice.choice(['00', '01', '59'])}", line
        )
        match dice.choice(["add", "move", "drop"]):
            case "add":
                lines.append(moved)
            case "move":
                lines[lines.index(line)] = moved
            case _ if len(lines) > 2 and not line.endswith(",4.0"):  # the one that is ever retracted
                lines.remove(line)
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        asked += f"union all select {dice.choice([1, 2])}, timestamp '2024-01-01 {dice.randrange(8, 18):02}:30'\n"
        (folder / "models/asked.sql").write_text(asked, encoding="utf-8")
        said, rows = built(folder)
        assert said
        assert rows == fresh(folder)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (
            "v.visits * 2 as twice",
            "sum(v.visits) over () as all_visits",
            "its query does more than to give a row for each of its labels",
        ),
        ("l.id, l.asked_at,", "l.asked_at,", "without `id` of its labels no row can be known again"),
        ("l.id, l.asked_at,", "", "without `id` and `asked_at` of its labels no row can be known again"),
    ],
    ids=["a window over all rows", "a key is left out", "the instant is left out, too"],
)
def test_rows_that_nobody_can_tell_apart_are_computed(old: str, new: str, why: str, tmp_path: Path) -> None:
    folder = hospital(tmp_path, training=TRAINING.replace(old, new))
    built(folder)
    more_questions(folder)
    said, rows = built(folder)
    assert said == f"all rows computed: {why}"
    assert rows == fresh(folder)


def test_rows_are_known_again_by_what_is_needed_of_their_labels(tmp_path: Path) -> None:
    """What is not needed may be another in every row."""
    asked = FILES["models/asked.sql"].replace("select id,", "select 'a' as remark, id,")
    asked = asked.replace("select 1,", "select 'a', 1,")
    folder = hospital(tmp_path, training=TRAINING, asked=asked)
    built(folder)
    asked += "union all select 'a', 2, timestamp '2024-01-01 11:59'\n"
    for remark, computed in (("a", 2), ("b", 1)):
        text = asked.replace("'a'", f"'{remark}'")
        (folder / "models/asked.sql").write_text(text, encoding="utf-8")
        said, rows = built(folder)
        assert said == f"{computed} of them computed, the others kept"
        assert rows == fresh(folder)


def test_a_table_that_another_hand_changed_is_computed(tables: Path) -> None:
    with duckdb.connect(str(tables / "target/hospital.duckdb")) as connection:
        connection.execute("delete from training where id = 1")
    more_questions(tables)
    said, rows = built(tables)
    assert said == ""
    assert rows == fresh(tables)


def noted_writes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written from now on: each statement as far as the name of the training set."""
    written: list[str] = []
    write = Engine.write

    def noted(self: Engine, sql: str) -> int:
        written.append(sql.split('"training"')[0])
        return write(self, sql)

    monkeypatch.setattr(Engine, "write", noted)
    return written


ASKED = "{{ config(kind='labels', entity='patient', as_of='asked_at') }}\nselect * from (values "
AT = [f"({i % 3}, timestamp '2024-01-01 {8 + i // 2:02}:30:00')" for i in range(16)]


@pytest.mark.parametrize(
    ("labels", "grows"),
    [
        (AT[:12], True),
        (AT[:10], False),
        ([*AT[:10], AT[0]], False),
        ([*AT[1:10], AT[11]], False),
        ([*AT[1:10], AT[1], AT[11]], False),
        ([AT[11], *AT[:10]], True),
    ],
    ids=("more", "same", "again", "other", "twice", "before"),
)
def test_more_labels_are_put_behind_those_there(
    labels: list[str], grows: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is written anew only where what is in it is not what is asked, each row as often."""
    folder = hospital(tmp_path, asked=f"{ASKED}{', '.join(AT[:10])}) as t(id, asked_at)\n", training=TRAINING)
    built(folder)
    (folder / "models/asked.sql").write_text(f"{ASKED}{', '.join(labels)}) as t(id, asked_at)\n", encoding="utf-8")
    written = noted_writes(monkeypatch)
    _, rows = built(folder)
    assert any(sql.startswith("INSERT INTO") for sql in written) == grows
    assert rows == fresh(folder)


@pytest.mark.parametrize("holes", [0.0, 0.5])
def test_few_rows_that_facts_reach_are_replaced_where_they_lie(
    holes: float, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extend, "HOLES", holes)
    written = noted_writes(monkeypatch)
    add(tables, "visits", LATER["visits"])
    _, rows = built(tables)
    assert any(sql.startswith("DELETE FROM") for sql in written) == (holes > 0)
    assert rows == fresh(tables)


def test_a_relation_that_is_as_it_was_is_not_measured_again(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def noted(scan: Scan, *given: Any) -> tuple[Extent, Change | None]:
        measured.append(scan.relation.key)
        return extent(scan, *given)

    monkeypatch.setattr("featsql.build.training_set.training.extent", noted)
    more_questions(tables)
    assert built(tables)[1] == fresh(tables)
    assert measured == []
    add(tables, "visits", LATER["visits"])
    assert built(tables)[1] == fresh(tables)
    assert measured == ["source:s.visits"]
