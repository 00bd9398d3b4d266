"""A training set that is built again computes only rows that are new, or whose knowledge changed."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from clinic import FILES, clinic

import featsql

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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The clinic, built."""
    made = clinic(tmp_path, training=TRAINING)
    built(made)
    return made


def built(folder: Path) -> tuple[str, list[tuple[object, ...]]]:
    """What a build says of the training set, and its rows."""
    run = featsql.load(folder).build()
    assert run.ok, [result.diagnostics for result in run.results]
    (result,) = [each for each in run.results if each.name == "training"]
    with duckdb.connect(str(folder / "target/clinic.duckdb"), read_only=True) as connection:
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


@pytest.mark.parametrize(("name", "computed"), [("visits", 13), ("tests", 5), ("stays", 25)])
def test_later_facts_cost_the_rows_that_may_see_them(name: str, computed: int, folder: Path) -> None:
    """There are four questions an hour until 17:00, and one at no instant; the last rows were known at 14:00, at 16:00
    and at 11:00."""
    add(folder, name, LATER[name])
    said, rows = built(folder)
    assert said == f"{computed} of them computed, the others kept"
    assert rows == fresh(folder)


@pytest.mark.parametrize("name", EARLIER)
def test_late_facts_cost_everything(name: str, folder: Path) -> None:
    add(folder, name, EARLIER[name])
    said, rows = built(folder)
    assert said == ""
    assert rows == fresh(folder)


def test_what_changed_in_the_past_is_computed(folder: Path) -> None:
    for path, old, new in (
        ("data/visits.csv", "2.25", "2.5"),
        ("data/visits.csv", "2024-01-01 15:00:00,4.0", "2024-01-01 15:30:00,4.0"),
        ("data/wards.csv", "14:00:00,true", "14:00:00,false"),
        ("models/visited.sql", "3 hours", "2 hours"),
        ("models/sources.yml", "delay: 1 hour", "delay: 2 hours"),
        ("models/training.sql", "* 2", "* 3"),
    ):
        text = (folder / path).read_text(encoding="utf-8")
        assert old in text
        (folder / path).write_text(text.replace(old, new), encoding="utf-8")
        said, rows = built(folder)
        assert said == "", path
        assert rows == fresh(folder), path


@pytest.mark.parametrize(
    "change",
    [
        ("v.visits * 2 as twice", "sum(v.visits) over () as all_visits"),
        ("l.id, l.asked_at,", "l.asked_at,"),
    ],
    ids=["a window over all rows", "a column of the labels is left out"],
)
def test_rows_that_nobody_can_tell_apart_are_computed(change: tuple[str, str], tmp_path: Path) -> None:
    folder = clinic(tmp_path, training=TRAINING.replace(*change))
    built(folder)
    more_questions(folder)
    said, rows = built(folder)
    assert said == ""
    assert rows == fresh(folder)


def test_a_table_that_another_hand_changed_is_computed(folder: Path) -> None:
    with duckdb.connect(str(folder / "target/clinic.duckdb")) as connection:
        connection.execute("delete from training where id = 1")
    more_questions(folder)
    said, rows = built(folder)
    assert said == ""
    assert rows == fresh(folder)
