"""featsql says what an evaluator says that shares nothing with it."""

from __future__ import annotations

import ast
import sys
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from independent.campaign import campaign
from independent.evaluator import Question, Relation, World, answers, same
from independent.trial import compare, trial
from independent.worlds import random_setting

FOLDER = Path(__file__).parent
ROWS = """values
    (1, 1, timestamp '2024-01-01', timestamp '2024-01-02', timestamp '2024-01-04', 10, false),
    (2, 1, timestamp '2024-01-01', timestamp '2024-01-03', null, 20, false),
    (3, 2, timestamp '2024-01-02', timestamp '2024-01-02', null, 30, false),
    (4, 1, timestamp '2024-01-03', timestamp '2024-01-05', null, 40, true)"""
EVENTS = {"kind": "events", "event_time": "ts", "available_at": "seen"}
# Of each clock what `list(id order by id)` says on the second to the sixth of January.
KNOWN: tuple[tuple[dict[str, Any], list[list[int] | None]], ...] = (
    (EVENTS, [[1, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4]]),
    (EVENTS | {"retracted_at": "ends"}, [[1, 3], [1, 2, 3], [2, 3], [2, 3, 4], [2, 3, 4]]),
    (EVENTS | {"unique_key": "k"}, [[1, 3], [2, 3], [2, 3], [3, 4], [3, 4]]),
    (EVENTS | {"unique_key": "k", "deleted": "gone"}, [[1, 3], [2, 3], [2, 3], [3], [3]]),
    (EVENTS | {"kind": "state", "unique_key": "k"}, [[1, 3], [2, 3], [2, 3], [3, 4], [3, 4]]),
    ({"kind": "events", "event_time": "ts", "delay": "2 days"}, [None, [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4]]),
    (
        {"kind": "periods", "valid_from": "ts", "valid_to": "ends", "available_at": "seen"},
        [[1, 3], [1, 2, 3], [2, 3], [2, 3, 4], [2, 3, 4]],
    ),
    ({"kind": "static"}, [[1, 2, 3, 4]] * 5),
)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: str(path.stem))
def test_only_the_trial_knows_featsql(path: Path) -> None:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level
            names |= {str(node.module)}
    others = {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}
    allowed = (
        {"duckdb"} if path.stem == "evaluator" else {"duckdb", "pytest", *(n for n in names if "independent." in n)}
    )
    assert others <= (allowed | {"featsql"} if path.stem == "trial" else allowed)


@pytest.mark.parametrize(("clock", "known"), KNOWN)
def test_what_is_visible(clock: dict[str, Any], known: list[list[int] | None], tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    duckdb.execute(f"copy (from ({ROWS}) as rows(id, k, ts, seen, ends, n, gone)) to '{file}'")
    world = World({"a": Relation(str(file), clock)})
    for day, ids in enumerate(known, 2):
        world.move(datetime(2024, 1, day))
        assert world.run("select list(id order by id) from a")[1] == [(ids,)]
    world.close()


def test_what_a_missing_row_says(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    duckdb.execute(f"copy (from ({ROWS}) as rows(id, k, ts, seen, ends, n, gone)) to '{file}'")
    question = Question(
        "select k, count(*) as c, as_of() as t from a group by k having c > 1",
        ("k",),
        "select null as k, count(*) as c, null as t from a where false",
        "select k from a group by k",
    )
    world = World({"a": Relation(str(file), EVENTS)})
    at = datetime(2024, 1, 4)
    spine = [{"k": k, "asked": t} for k, t in ((1, at), (2, at), (3, at), (None, at), (1, datetime(2024, 1, 1)))]
    answer = answers(world, {"m": question}, spine, "asked")["m"]
    world.close()
    assert answer.columns == ("k", "c", "t")
    assert answer.rows == ((1, 2, at), (None, None, None), *[(None, 0, None)] * 3)


def test_which_values_are_one() -> None:
    nan = float("nan")
    assert same([1, {"a": nan}, None], [1.0, {"a": nan}, None])
    assert same(1.0, 1.0 + 1e-12)
    for one, other in (
        (1, 1.001),
        ([1, 2], [2, 1]),
        (None, 0),
        (True, 1),
        ({"a": 1}, {"b": 1}),
        ([1], [1, 1]),
        (nan, 1),
    ):
        assert not same(one, other)


def test_names_of_columns_before(tmp_path: Path) -> None:
    grouped, nothing = (
        "select k, count(*) as n1 from $a group by k",
        "select null as k, count(*) as n1 from $a where false",
    )
    outside = "select k, n1 + 1 as m, m * 2 as o, m is null as n1, n1 as p"
    beside = "count(*) as n1, n1 / 2.0 as half, coalesce(half, 7) as other, 7 as seven"
    of_none = beside.replace("7 as seven", "null as seven")
    questions = {
        f"{name}0_m": Question(text, ("k",), without, "select k from $a group by k")
        for name, text, without in (
            ("of_all", f"select k, {beside} from $a group by all", f"select null as k, {of_none} from $a where false"),
            ("of_key", f"select k, {beside} from $a group by k", f"select null as k, {of_none} from $a where false"),
            ("around", f"{outside} from ({grouped}) q", f"{outside} from ({nothing}) q"),
            ("named", f"with q as ({grouped}) {outside} from q where m > 2", f"{outside} from ({nothing}) q"),
        )
    }
    done = compare(random_setting(Random(0), tmp_path), questions, tmp_path)
    assert (done.compared, done.refused) == (4, {})
    assert not done.differences, "\n".join(done.differences)


@pytest.mark.parametrize("seed", [3, pytest.param(4, marks=pytest.mark.slow)])
def test_random_models(seed: int, tmp_path: Path) -> None:
    done = trial(seed, tmp_path, 30)
    assert done.compared + len(done.refused) == 30
    assert all("FS701" in why for why in done.refused.values())
    assert len(done.refused) <= (0 if duckdb.__version__ >= "2" else 8)
    assert not done.differences, "\n".join(done.differences)


@pytest.mark.slow
def test_many_random_models() -> None:
    done = campaign(1000, 1000)
    assert done.compared >= 1000
    assert not done.differences, "\n".join(done.differences)
