"""Whatever DuckDB can run, as a features model: it is what its text says of the rows of each instant, or refused where
it is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from math import isclose, isnan
from pathlib import Path
from typing import Any

import polars
import pytest

import featsql
from featsql.api import Project
from featsql.engine import Engine, EngineError
from featsql.errors import FeatsqlError
from featsql.result import Result

FOLDER = Path(__file__).parent / "roundtrip" / "features"
INSTANTS = ("2024-01-02 12:00:00", "2024-01-05 12:00:00", "2024-01-07 00:00:00")
KEYS = (1, 2, 3)
PAY = """select id, cust, amount::double as amount, kind, note, paid_at, tags, body::json as body, unit, s from (values
(1, 1, 1.5, 'a', 'n1', timestamp '2024-01-01 10:00', ['x', 'y'], '{"k": "p", "n": 1}', 'day', {'x': 1, 'y': 'u'}),
(2, 1, 2.5, 'b', null, timestamp '2024-01-02 10:00', ['x'], '{"k": "q", "n": 2, "l": []}', 'month', {'x': 2, 'y': 'v'}),
(3, 2, 1.0, 'b', 'n3', timestamp '2024-01-02 11:00', [], '{"k": "p", "n": 3, "l": [3]}', 'day', {'x': 3, 'y': 'w'}),
(4, 1, 3.0, 'a', 'n4', timestamp '2024-01-04 09:00', ['y', 'z'], null, 'day', {'x': 4, 'y': 'u'}),
(5, 2, 4.0, 'c', 'n5', timestamp '2024-01-05 12:00', ['x'], '{"k": "r", "n": 5, "l": [5]}', 'day', {'x': 5, 'y': 'z'}),
(6, 3, 0.5, 'a', 'n6', timestamp '2024-01-06 12:00', null, '{"k": "s", "n": 6, "l": [6]}', 'day', {'x': 6, 'y': 'z'})
) as t(id, cust, amount, kind, note, paid_at, tags, body, unit, s)"""
SOURCES = """
sources:
  - name: shop
    tables:
      - name: pay
        location: pay.parquet
        config: {time: {kind: events, event_time: paid_at, delay: 0 seconds, unique_key: id}}
entities: [{name: customer, keys: [cust]}]
"""
LAST = "qualify row_number() over (partition by cust order by id desc) = 1"
MOST_OF_THEM = 400
HEADER = "{{ config(kind='features', entity='customer') }}\n"


def lines(name: str) -> list[str]:
    """The lines of a file."""
    return (FOLDER / name).read_text(encoding="utf-8").splitlines()


def queries() -> list[str]:
    """Every query."""
    aggregates = [f"select cust, {each} as v from {{pay}} as pay group by cust" for each in lines("aggregates.sql")]
    rows = [f"select cust, {each} from {{pay}} as pay {LAST}" for each in lines("rows.sql")]
    whole = re.split(r";\n", (FOLDER / "queries.sql").read_text(encoding="utf-8"))
    return [*aggregates, *rows, *filter(None, whole)]


def as_written(text: str, instant: str, engine: Engine) -> tuple[list[str], list[tuple[Any, ...]]]:
    """What a text says of the rows of an instant. Raises EngineError where the engine cannot run it."""
    engine.execute(f"create or replace temp macro as_of() as timestamp '{instant}'")
    engine.execute(f"create or replace temp view visible as from pay where paid_at <= timestamp '{instant}'")
    query = text.replace("{pay}", "visible")
    return [column.name for column in engine.columns(query)], engine.rows(query)


def expected(text: str, engine: Engine) -> dict[tuple[str, int], dict[str, Any]] | None:
    """The row of each instant and key that has one; None where this version of the engine cannot run a text."""
    found = {}
    for instant in INSTANTS:
        try:
            names, rows = as_written(text, instant, engine)
        except EngineError:
            return None
        for row in rows:
            told = dict(zip([name.casefold() for name in names], row, strict=True))
            assert (instant, told["cust"]) not in found, text
            found[instant, told["cust"]] = told
    return found


def load(folder: Path, texts: Iterable[str], engine: Engine) -> Project:
    """A project with a features model of each text."""
    (folder / "models").mkdir(parents=True)
    engine.write_parquet("from pay", str(folder / "pay.parquet"))
    (folder / "featsql_project.yml").write_text("name: constructs\nversion: '1'\n")
    (folder / "models" / "sources.yml").write_text(SOURCES)
    for number, text in enumerate(texts):
        model = HEADER + text.replace("{pay}", "{{ source('shop', 'pay') }}") + "\n"
        (folder / "models" / f"f_{number}.sql").write_text(model)
    return featsql.load(folder)


@pytest.fixture(scope="module")
def engine() -> Engine:
    """A session with the rows, in which texts are run as they are written."""
    made = Engine.memory()
    made.execute(f"create table pay as {PAY}")
    return made


@pytest.mark.parametrize("step", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_constructs_mean_what_their_text_says(step: int, engine: Engine, tmp_path: Path) -> None:
    known = {text: rows for text in queries()[::step] if (rows := expected(text, engine)) is not None}
    assert len(known) > MOST_OF_THEM / step
    spine = polars.DataFrame(
        {
            "cust": [key for _ in INSTANTS for key in KEYS],
            "as_of": [datetime.fromisoformat(instant) for instant in INSTANTS for _ in KEYS],
        }
    )
    with load(tmp_path / "all", known, engine) as project:
        wrong = [
            (text, *found)
            for number, text in enumerate(known)
            for found in others(project.features(spine, [f"f_{number}"]), known[text])
        ]
    assert wrong == []


def others(result: Result, known: Mapping[tuple[str, int], Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """The values of a features model that are not those of its text."""
    names = [column.name.casefold() for column in result.columns]
    for row in result.rows():
        told = dict(zip(names, row, strict=True))
        key = str(told["as_of"]), told["cust"]
        for name, value in known.get(key, {}).items():
            if not same(value, told[name]):
                yield key, name, value, told[name]


def same(one: Any, other: Any) -> bool:
    """Whether two values are one, but for the last digits of sums."""
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=1e-12) or (isnan(one) and isnan(other))
    return bool(one == other)


@pytest.mark.parametrize("line", lines("refused.sql"))
def test_what_is_refused_is_refused_where_it_is_written(line: str, engine: Engine, tmp_path: Path) -> None:
    code, _, text = line.partition(" | ")
    with pytest.raises(FeatsqlError) as caught, load(tmp_path / "one", [text], engine) as project:
        project.compile()
    by_code = {each.code: each for each in caught.value.diagnostics}
    assert code in by_code
    found = by_code[code]
    assert found.place is not None
    assert code == "FS713" or found.place.line > 1
