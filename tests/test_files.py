"""The types of sources: one schema over all files and all rows, declared types that hold, and nothing rounded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from featsql.engine import Engine
from featsql.errors import Diagnostic, FeatsqlError, Place
from featsql.read.project import DeclaredType, Project, Source, Target
from featsql.resolve.cache.compile_cache import CompileCache
from featsql.resolve.graph import Graph, source_key
from featsql.sources.files.survey import Surveyor
from featsql.sources.locations import open_sources, source_columns
from featsql.temporal import Clock

PLACE = Place("models/shop.yml", 5, 9, "      - name: payments", 4)
TYPED = Place("models/shop.yml", 8, 40, "", 1)
MANY = 21_000  # rows: more than the engine looks at
INSTANT = datetime(2024, 1, 1, 10)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    opened = Engine.memory({"threads": 2})
    yield opened
    opened.close()


def csv(location: str, types: dict[str, str] | None = None, clock: Clock | None = None, **options: Any) -> Source:
    declared = tuple(DeclaredType(name, kind, TYPED) for name, kind in (types or {}).items())
    kind: Any = "csv" if ".csv" in location else "json" if ".json" in location else "parquet"
    return Source("shop", "payments", location, clock, kind, options, types=declared, place=PLACE)


def project(root: Path, *sources: Source) -> Project:
    return Project(
        root=root,
        name="shop",
        version="1",
        target=Target("dev", ":memory:", "shop"),
        target_path="target",
        variables={},
        boundary="inclusive",
        default_delay=None,
        entities={},
        sources={each.name: each for each in sources},
        seeds=(),
        models=(),
        macros=(),
        properties={},
    )


def read(engine: Engine, root: Path, source: Source, *others: Source) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    """The types of a source's columns by name, and its rows in their order."""
    engine.execute("DETACH DATABASE IF EXISTS sources")
    open_sources(engine, project(root, source, *others), {})
    query = 'SELECT * FROM "sources"."shop"."payments"'
    return {column.name: column.type for column in engine.columns(query)}, engine.rows(query)


def compiled(engine: Engine, root: Path, source: Source, *others: Source) -> dict[str, str]:
    """The types of a source's columns when all sources of a project are known."""
    read(engine, root, source, *others)
    keys = {source_key(each.name): each for each in (source, *others)}
    graph = Graph(project(root, source, *others), {}, keys, {})
    open_sources(engine, graph.project, {}, graph.readings)
    return {column.name: column.type for column in source_columns(graph, engine)[source_key(source.name)]}


def refused(engine: Engine, root: Path, source: Source) -> Diagnostic:
    with pytest.raises(FeatsqlError) as caught:
        read(engine, root, source)
    (found,) = caught.value.diagnostics
    return found


def write(root: Path, name: str, *lines: str, many: str = "") -> None:
    """A file whose last lines are these, behind a header and many others."""
    head, *tail = lines
    (root / name).write_text("\n".join([head, *[many] * (MANY if many else 0), *tail]) + "\n")


# One schema over all rows


@pytest.mark.parametrize(
    ("early", "late", "kind", "value"),
    [
        ("1", "2.5", "DOUBLE", 2.5),
        ("1", "007", "VARCHAR", "007"),
        ("1", "1e3", "DOUBLE", 1000.0),
        ("1", "n/a", "VARCHAR", "n/a"),
        ("1", "12345678901234567890", "HUGEINT", 12345678901234567890),
        ("1.5", "007", "VARCHAR", "007"),
        ("true", "1", "VARCHAR", "1"),
        ("2024-01-01", "2024-01-01 10:00:00", "TIMESTAMP", INSTANT),
        ("2024-01-01 00:00:00", "soon", "VARCHAR", "soon"),
        ("2024-01-01 00:00:00", "2024-01-01 10:00:00.123456789", "TIMESTAMP_NS", None),
        ("x", '"x, y"', "VARCHAR", "x, y"),
        ("x", '"y"', "VARCHAR", "y"),
        ("x", '"y', "VARCHAR", '"y'),
    ],
)
def test_late_rows_count(engine: Engine, tmp_path: Path, early: str, late: str, kind: str, value: Any) -> None:
    write(tmp_path, "a.csv", "id,v", f"2,{late}", many=f"1,{early}")
    types, rows = read(engine, tmp_path, csv("a.csv"))
    assert types == {"id": "BIGINT", "v": kind}
    assert len(rows) == MANY + 1
    assert value is None or rows[-1] == (2, value)


@pytest.mark.parametrize(
    ("early", "late", "words"),
    [
        ("2024-01-01 00:00:00", "2024-01-01 10:00:00-05:00", "which has a time zone"),
        ("2024-01-01 00:00:00Z", "2024-01-01 10:00:00", "which has no time zone"),
        ("1.5", "12345678901234567891", "which DOUBLE would round"),
        ("2024-01-01 00:00:00Z", "2024-01-01 10:00:00.123456789Z", "would round"),
        ("1", "2,3", "has 3 fields, where 2 are expected"),
    ],
)
def test_late_rows_that_fit_nothing(engine: Engine, tmp_path: Path, early: str, late: str, words: str) -> None:
    write(tmp_path, "a.csv", "id,v", f"2,{late}", many=f"1,{early}")
    found = refused(engine, tmp_path, csv("a.csv"))
    assert (found.code, found.place) == ("FS507", PLACE)
    assert words in found.message
    assert f"line {MANY + 2} of `a.csv`" in found.message


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (["a,b,c", "1,2,3", "4,5,6", "7,8,9,10"], 4),
        (["a,b,c", "1,2,3", "4,5", "7,8,9"], 3),
        (["a,b,c", "1,2,3", "4,5,6,7", *["7,8,9"] * 9], 3),
        (["a;b;c", "1;2;3", "4;5"], 3),
        (["a,b,c", "1,2,3,4", "1,2,3,4"], 2),
    ],
)
def test_a_ragged_row(engine: Engine, tmp_path: Path, lines: list[str], line: int) -> None:
    write(tmp_path, "a.csv", *lines)
    found = refused(engine, tmp_path, csv("a.csv"))
    assert found.code == "FS507"
    assert f"line {line} of `a.csv` has" in found.message
    lenient: dict[str, Any] = (
        {"null_padding": True} if len(lines[line - 1]) < len(lines[0]) else {"ignore_errors": True}
    )
    assert read(engine, tmp_path, csv("a.csv", header=True, delim=lines[0][1], **lenient))


def test_what_is_no_ragged_row(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "# made by hand", "", "id,v", "1,2")
    assert read(engine, tmp_path, csv("a.csv"))[1] == [(1, 2)]
    write(tmp_path, "b.csv", "name", '"x, y"', "z")
    assert read(engine, tmp_path, csv("b.csv"))[1] == [("x, y",), ("z",)]
    write(tmp_path, "c.csv", "a;b", "1,5;2")
    assert read(engine, tmp_path, csv("c.csv", decimal_separator=","))[0] == {"a": "DOUBLE", "b": "BIGINT"}


# One schema over all files


def test_csv_files_of_one_source(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "id,v,d", "1,1,", many="")
    write(tmp_path, "b.csv", "v,id,d", "2.5,2,2024-01-01")
    write(tmp_path, "c.csv", "id,v,d", "007,3,2024-01-01 10:00:00")
    types, rows = read(engine, tmp_path, csv("*.csv"))
    assert types == {"id": "VARCHAR", "v": "DOUBLE", "d": "TIMESTAMP"}
    assert sorted(rows) == [("007", 3.0, INSTANT), ("1", 1.0, None), ("2", 2.5, datetime(2024, 1, 1))]
    write(tmp_path, "d.csv", "id,v", "4,4")
    found = refused(engine, tmp_path, csv("*.csv"))
    assert found.code == "FS506"
    assert "`a.csv` has a column `d`, `d.csv` has not" in found.message
    assert "union_by_name: true" in str(found.hint)
    assert len(read(engine, tmp_path, csv("*.csv", union_by_name=True))[1]) == 4
    write(tmp_path, "d.csv", "id;v;d", "4;4;2024-01-01")
    assert "delim ',' and `d.csv` has ';'" in refused(engine, tmp_path, csv("*.csv")).message
    write(tmp_path, "d.csv", "id,v,d", "4,4,2024-01-01 00:00:00Z")
    found = refused(engine, tmp_path, csv("*.csv"))
    assert "line 2 of `b.csv` has '2024-01-01' in `d`, which has no time zone" in found.message


def test_an_empty_file(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "id", "1")
    for name in ("b.csv", "b.json", "b.parquet"):
        (tmp_path / name).write_text("")
        for location in (name, f"*.{name[2:]}"):
            found = refused(engine, tmp_path, csv(location))
            assert (found.code, found.place) == ("FS501", PLACE)
            assert f"the file `{name}` is empty" in found.message


def table(path: Path, **columns: Any) -> None:
    parquet.write_table(pyarrow.table(columns), path)


def test_parquet_files_that_go_together(engine: Engine, tmp_path: Path) -> None:
    stamps, days = pyarrow.array([INSTANT], pyarrow.timestamp("us")), pyarrow.array([date(2024, 1, 2)])
    cents = pyarrow.array([Decimal("1.25")], pyarrow.decimal128(10, 2))
    fine = pyarrow.array([Decimal("1.125")], pyarrow.decimal128(5, 3))
    table(tmp_path / "a.parquet", v=[10], w=pyarrow.nulls(1), t=stamps, d=cents)
    table(tmp_path / "b.parquet", d=fine, v=[20.75], t=days, w=["x"])
    types, rows = read(engine, tmp_path, csv("?.parquet"))
    assert types == {"v": "DOUBLE", "w": "VARCHAR", "t": "TIMESTAMP", "d": "DECIMAL(11,3)"}
    assert rows[0] == (10.0, None, INSTANT, Decimal("1.250"))
    assert rows[1] == (20.75, "x", datetime(2024, 1, 2), Decimal("1.125"))


def test_parquet_files_that_do_not(engine: Engine, tmp_path: Path) -> None:
    stamp = [INSTANT]
    pairs: list[tuple[Any, Any]] = [
        (pyarrow.array(stamp, pyarrow.timestamp("us")), pyarrow.array(stamp, pyarrow.timestamp("us", "UTC"))),
        (["7"], [7]),
        ([True], [1]),
        ([(1 << 53) + 1], [0.5]),
        (pyarrow.array([1 << 30]), pyarrow.array([0.5], pyarrow.float32())),
        (pyarrow.array([Decimal(1)], pyarrow.decimal128(20, 2)), [0.5]),
        ([{"a": 1}], [{"a": 1, "b": 2}]),
    ]
    for i, (one, other) in enumerate(pairs):
        table(tmp_path / f"{i}a.parquet", id=[1], v=one)
        table(tmp_path / f"{i}b.parquet", id=[1], v=other)
        found = refused(engine, tmp_path, csv(f"{i}*.parquet"))
        assert (found.code, found.place) == ("FS506", PLACE), found
        assert f"in `{i}a.parquet` and" in found.message
        assert f"in `{i}b.parquet`" in found.message
        assert "data_type" in str(found.hint)
    table(tmp_path / "a.parquet", id=[1], v=[1])
    table(tmp_path / "b.parquet", id=[1])
    found = refused(engine, tmp_path, csv("?.parquet"))
    assert "`a.parquet` has a column `v`, `b.parquet` has not" in found.message
    assert "union_by_name: true" in str(found.hint)
    assert len(read(engine, tmp_path, csv("?.parquet", union_by_name=True))[1]) == 2


def test_a_declared_type_settles_what_parquet_files_do_not(engine: Engine, tmp_path: Path) -> None:
    table(tmp_path / "a.parquet", v=["7"])
    table(tmp_path / "b.parquet", v=[7])
    assert read(engine, tmp_path, csv("*.parquet", {"v": "bigint"}))[1] == [(7,), (7,)]
    assert read(engine, tmp_path, csv("*.parquet", {"V": "string"}))[1] == [("7",), ("7",)]


# Declared types


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int", "7", "2.5"),
        ("smallint", "-7", "70000"),
        ("decimal(10, 2)", "2.500", "2.555"),
        ("double", "1e3", "x"),
        ("boolean", "t", "maybe"),
        ("date", "2024-01-01 00:00:00", "2024-01-01 10:00:00"),
        ("timestamp", "2024-01-01T10:00:00Z", "2024-01-01 10:00:00-05:00"),
        ("timestamp", "2024-01-01 10:00:00.1234560", "2024-01-01 10:00:00.1234567"),
        ("timestamptz", "2024-01-01 10:00:00-05", "noon"),
        ("timestamp_s", "2024-01-01 10:00:00", "2024-01-01 10:00:00.5"),
        ("uuid", "6ccd780c-baba-1026-9564-5b8c656024db", "6ccd"),
    ],
)
def test_a_declared_type_holds(engine: Engine, tmp_path: Path, kind: str, good: str, bad: str) -> None:
    """In text, in numbers, in JSON and in columns: what does not fit is an error, never rounded."""
    expected = engine.columns(f"SELECT NULL::{kind} AS v")[0].type
    write(tmp_path, "a.csv", "id,v", f"1,{good}", "2,")
    assert read(engine, tmp_path, csv("a.csv", {"v": kind}))[0]["v"] == expected
    write(tmp_path, "a.csv", "id,v", f"1,{good}", f"2,{bad}")
    found = refused(engine, tmp_path, csv("a.csv", {"v": kind}))
    assert (found.code, found.place) == ("FS507", TYPED)
    assert f"line 3 of `a.csv` has '{bad}' in `v`" in found.message
    (tmp_path / "a.json").write_text(json.dumps({"v": good}))
    assert read(engine, tmp_path, csv("a.json", {"v": kind}))[0]["v"] == expected
    (tmp_path / "a.json").write_text(json.dumps({"v": bad}))
    found = refused(engine, tmp_path, csv("a.json", {"v": kind}))
    assert (found.code, found.place) == ("FS507", TYPED)
    table(tmp_path / "a.parquet", id=[1, 2], v=[good, None])
    assert read(engine, tmp_path, csv("a.parquet", {"v": kind}))[0]["v"] == expected
    table(tmp_path / "a.parquet", id=[1, 2], v=[good, bad])
    with pytest.raises(Exception, match=r"FS507|Conversion"):
        read(engine, tmp_path, csv("a.parquet", {"v": kind}))


def test_declared_types_of_typed_columns(engine: Engine, tmp_path: Path) -> None:
    table(tmp_path / "a.parquet", v=[1.0, 2.0], n=pyarrow.nulls(2), t=pyarrow.array([INSTANT] * 2))
    source = csv("a.parquet", {"v": "bigint", "n": "timestamp", "t": "timestamptz"})
    types, rows = read(engine, tmp_path, source)
    assert types == {"v": "BIGINT", "n": "TIMESTAMP", "t": "TIMESTAMP WITH TIME ZONE"}
    assert rows[0] == (1, None, INSTANT.replace(tzinfo=UTC))
    with pytest.raises(
        Exception,
        match=r"FS507: `t` of the source `shop.payments` has .* DATE cannot hold .*: 2024-01-01 10",
    ):
        read(engine, tmp_path, csv("a.parquet", {"t": "date"}))
    found = refused(engine, tmp_path, csv("a.parquet", {"v": "struct(a int)"}))
    assert (found.code, found.place) == ("FS505", TYPED)
    assert "`v` is DOUBLE, of which the engine makes no STRUCT" in found.message


def test_declared_types_of_what_is_not_there(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "id,amount", "1,2")
    table(tmp_path / "a.parquet", id=[1], amount=[2])
    for location in ("a.csv", "a.parquet"):
        found = refused(engine, tmp_path, csv(location, {"amuont": "double"}))
        assert (found.code, found.place, found.hint) == ("FS505", TYPED, "did you mean `amount`?")
    for kind, near in (("dubble", "double"), ("float64", "double"), ("int) as x, (1", "")):
        found = refused(engine, tmp_path, csv("a.csv", {"amount": kind}))
        assert (found.code, found.place) == ("FS505", TYPED)
        assert near in str(found.hint)
    found = refused(engine, tmp_path, csv("a.csv", types={"amuont": "double"}))
    assert found.code == "FS505"


def test_types_among_the_options(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "id,amount", "1,2", "2,2.5")
    write(tmp_path, "b.csv", "1,2", "2,2.5")
    with_head: list[dict[str, Any]] = [
        {"types": {"id": "int", "amount": "decimal(5, 1)"}},
        {"dtypes": ["int", "decimal(5, 1)"]},
        {"columns": {"id": "int", "amount": "decimal(5, 1)"}},
    ]
    headless: dict[str, Any] = {"header": False, "auto_detect": False, "columns": with_head[2]["columns"]}
    for location, options in (*(("a.csv", each) for each in with_head), ("b.csv", headless)):
        source = Source("shop", "payments", location, format="csv", options=options, place=PLACE)
        types, rows = read(engine, tmp_path, source)
        assert (types, rows[1]) == ({"id": "INTEGER", "amount": "DECIMAL(5,1)"}, (2, Decimal("2.5")))
    for options in (
        {"types": {"amount": "int"}},
        {"types": ["int", "int"]},
        {"columns": {"id": "int", "amount": "int"}},
    ):
        source = Source("shop", "payments", "a.csv", format="csv", options=options, place=PLACE)
        assert (
            "line 3 of `a.csv` has '2.5' in `amount`, which is no INTEGER" in refused(engine, tmp_path, source).message
        )


# What has no values


def test_columns_without_values_are_the_instants_that_clocks_need(engine: Engine, tmp_path: Path) -> None:
    clock = Clock("events", event_time="paid_at", available_at="loaded_at")
    write(tmp_path, "a.csv", "id,paid_at,loaded_at,note")
    write(tmp_path, "b.csv", "id,paid_at,loaded_at,note", "1,,,")
    (tmp_path / "a.json").write_text('{"id": 1, "paid_at": null, "loaded_at": null, "note": null}')
    table(tmp_path / "a.parquet", id=[1], paid_at=pyarrow.nulls(1), loaded_at=pyarrow.nulls(1), note=["x"])
    write(tmp_path, "zoned.csv", "t", "2024-01-01 00:00:00Z")
    write(tmp_path, "naive.csv", "t", "2024-01-01 00:00:00")
    for location in ("a.csv", "b.csv", "a.json", "a.parquet"):
        for name, kind in (("naive", "TIMESTAMP"), ("zoned", "TIMESTAMP WITH TIME ZONE")):
            other = Source("shop", "asked", f"{name}.csv", format="csv", place=PLACE)
            types = compiled(engine, tmp_path, csv(location, clock=clock), other)
            assert (types["paid_at"], types["loaded_at"]) == (kind, kind), location
        assert compiled(engine, tmp_path, csv(location, {"paid_at": "date"}, clock))["paid_at"] == "DATE"


# Days that can be read in several ways


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["01.02.2024", "13.02.2024"], date(2024, 2, 1)),
        (["01/02/2024", "01/13/2024"], date(2024, 1, 2)),
        (["01/02/2024 10:00:00", "13/01/2024 10:00:00"], datetime(2024, 2, 1, 10)),
        (["01.01.2024", "02.02.2024"], date(2024, 1, 1)),
        (["2024-01-02", "2024-03-04"], date(2024, 1, 2)),
        (["13-01-24", "12-01-24"], date(2024, 1, 13)),
    ],
)
def test_days_that_can_be_read_in_one_way(engine: Engine, tmp_path: Path, values: list[str], expected: Any) -> None:
    if "13-01-24" in values:
        values = [*values, "12-01-99"]
    write(tmp_path, "a.csv", "id,d", *(f"1,{value}" for value in values))
    assert read(engine, tmp_path, csv("a.csv"))[1][0] == (1, expected)
    write(tmp_path, "b.csv", "id,d", f"1,{values[0]}")
    write(tmp_path, "c.csv", "id,d", f"1,{values[1]}")
    if len(values) == 2:
        assert read(engine, tmp_path, csv("[bc].csv"))[1][0] == (1, expected)


def test_days_that_can_be_read_in_several_ways(engine: Engine, tmp_path: Path) -> None:
    for value, option, forms in (
        ("01.02.2024", "dateformat", ["%d.%m.%Y", "%m.%d.%Y"]),
        ("01/02/2024 10:00:00", "timestampformat", ["%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"]),
        ("01-02-03", "dateformat", ["%d-%m-%y", "%m-%d-%y", "%y-%m-%d"]),
    ):
        write(tmp_path, "a.csv", "id,d", f"1,{value}")
        kinds = {"dateformat": "date", "timestampformat": "timestamp"}
        for types in (None, {"d": kinds[option]}):
            found = refused(engine, tmp_path, csv("a.csv", types))
            assert (found.code, found.place) == ("FS508", PLACE)
            assert f"line 2 of `a.csv` has '{value}' in `d`" in found.message
            assert all(f"`{option}: '{form}'`" in str(found.hint) for form in forms)
        choices: list[dict[str, Any]] = [{option: form} for form in forms]
        assert len({read(engine, tmp_path, csv("a.csv", **each))[1][0][1] for each in choices}) == len(forms)
        assert read(engine, tmp_path, csv("a.csv", {"d": "varchar"}))[1] == [(1, value)]


# JSON


def test_json_over_all_rows(engine: Engine, tmp_path: Path) -> None:
    rows = [{"id": 1, "v": 1}] * MANY + [{"id": 2, "v": 2.5, "z": "x"}]
    (tmp_path / "a.json").write_text("\n".join(map(json.dumps, rows)))
    types, found = read(engine, tmp_path, csv("a.json"))
    assert types == {"id": "BIGINT", "v": "DOUBLE", "z": "VARCHAR"}
    assert found[-1] == (2, 2.5, "x")
    (tmp_path / "b.json").write_text(json.dumps({"id": 3, "v": 12345678901234567891, "z": "x"}))
    assert "DOUBLE would round" in refused(engine, tmp_path, csv("*.json")).message


# What was found is kept as long as the files are as they were


def test_files_are_looked_at_again_when_they_change(tmp_path: Path) -> None:
    engine, compile_cache = Engine.memory(), CompileCache()
    source, path = csv("a.csv"), tmp_path / "a.csv"
    write(tmp_path, "a.csv", "id,v", "1,2")
    looked: list[str] = []

    class Counted(Surveyor):
        def survey(self, source: Source, files: list[str], types: Any) -> Any:
            looked.append(source.name)
            return super().survey(source, files, types)

    def look(source: Source) -> Any:
        surveyor = Counted(engine, tmp_path, compile_cache)
        found = surveyor.look(source)
        surveyor.save()
        return found.options["types"]

    long_ago = 1_700_000_000_000_000_000
    os.utime(path, ns=(long_ago, long_ago))
    assert [look(source), look(source)] == [{"id": "BIGINT", "v": "BIGINT"}] * 2
    assert len(looked) == 1
    assert look(csv("a.csv", {"v": "double"}))["v"] == "DOUBLE"
    assert len(looked) == 2
    write(tmp_path, "a.csv", "id,v", "1,2.5")
    assert look(source)["v"] == "DOUBLE"
    assert look(source)["v"] == "DOUBLE"  # it may have changed once more in the same moment
    assert len(looked) == 4
    engine.close()
