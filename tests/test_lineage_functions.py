"""Every function that the engine has: where a column in its arguments changes what it gives, lineage has an edge."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlglot import exp

from featsql.engine import DUCKDB, Engine, EngineError
from featsql.read.model import Model, number_scans
from featsql.read.parse import read
from featsql.read.sql.vocabulary import aggregate_functions
from featsql.resolve.binding.second_opinion import read_by_engine, reads
from featsql.resolve.catalog.catalog import Catalog, RelationInfo
from featsql.resolve.lineage.flow import MisledError
from featsql.resolve.lineage.reach import ANY
from featsql.resolve.lineage.timing import Timing
from featsql.resolve.lineage.trace import flow_by
from featsql.resolve.lineage.tracer import Tracer
from featsql.resolve.qualify import qualify

# By type the columns of it, each with a value, and with another.
COLUMNS = {
    "BIGINT": [("i1", "3", "5"), ("i2", "2", "4"), ("i3", "1", "3"), ("i4", "6", "7")],
    "VARCHAR": [("s1", "'day'", "'year'"), ("s2", "'a,bc'", "'day'"), ("s3", "'b'", "'c'")],
    "DOUBLE": [("f1", "0.5", "0.25"), ("f2", "0.75", "0.125"), ("f3", "2.5", "3.5")],
    "TIMESTAMP": [
        ("t1", "timestamp '2024-01-02 03:04:05'", "timestamp '2025-03-04 05:06:07'"),
        ("t2", "timestamp '2023-01-02 03:04:05'", "timestamp '2022-03-04 05:06:07'"),
    ],
    "DATE": [("d1", "date '2024-01-02'", "date '2025-03-04'"), ("d2", "date '2023-01-02'", "date '2021-03-04'")],
    "TIME": [("o1", "time '01:02:03'", "time '04:05:06'")],
    "INTERVAL": [("v1", "interval 3 hours", "interval 5 hours"), ("v2", "interval 2 days", "interval 9 days")],
    "BOOLEAN": [("b1", "true", "false"), ("b2", "false", "true")],
    "BIGINT[]": [("l1", "[3, 1, 2]", "[9, 8]"), ("l2", "[1, 2, 4]", "[1, 7]")],
    "VARCHAR[]": [("m1", "['b', 'a']", "['x']"), ("m2", "['a']", "['b', 'x']")],
    "BLOB": [("y1", "'abc'::blob", "'xyz'::blob"), ("y2", "'b'::blob", "'z'::blob")],
    "JSON": [("j1", """'{"b": [1, 2], "k": "v"}'::json""", """'{"b": [3], "c": "w"}'::json""")],
    "STRUCT(x BIGINT, y BIGINT)": [("r1", "{'x': 1, 'y': 2}", "{'x': 3, 'y': 4}")],
    "MAP(VARCHAR, BIGINT)": [("p1", "map {'b': 1}", "map {'b': 2, 'c': 3}")],
}
LIKE = {
    r"(U?(BIGINT|INTEGER|SMALLINT|TINYINT|HUGEINT)|ANY|T|K)": ("BIGINT", "VARCHAR", "BIGINT[]", "TIMESTAMP"),
    r"(FLOAT|DOUBLE|DECIMAL.*)": ("DOUBLE",),
    r"TIMESTAMP.*": ("TIMESTAMP",),
    r"(ANY|T|BIGINT|DOUBLE|INTEGER|FLOAT|K|V)\[.*\]": ("BIGINT[]",),
    r"VARCHAR\[\]": ("VARCHAR[]",),
    r"STRUCT.*": ("STRUCT(x BIGINT, y BIGINT)",),
    r"MAP.*": ("MAP(VARCHAR, BIGINT)",),
}
# They wait, write, fail, or ask the machine.
APART = re.compile(
    r"error|sleep.*|write_log|checkpoint|force_checkpoint|nextval|currval|pg_.*|.*_size|query.*|getenv|add_.*"
)


def kinds_of(given: str | None) -> tuple[str, ...]:
    """The types of columns to try for an argument of a type."""
    text = given or "ANY"
    if text in COLUMNS:
        return (text,)
    return next((kinds for pattern, kinds in LIKE.items() if re.fullmatch(pattern, text)), ())


class Laboratory:
    """A table with columns of many types, and for each column one that has another value in it."""

    def __init__(self) -> None:
        self.engine = Engine.memory({"threads": 1})
        self.columns = {name: (one, other) for given in COLUMNS.values() for name, one, other in given}
        rows = ", ".join(f"{one} as {name}" for name, (one, _) in self.columns.items())
        more = ", ".join(f"{other} as {name}" for name, (_, other) in self.columns.items())
        self.engine.execute("attach ':memory:' as s; create schema s.n")
        self.engine.execute(f"create table s.n.a as select {rows} union all select {rows}")
        for name, (_, other) in self.columns.items():
            self.engine.execute(f"create table s.n.a_{name} as select * replace ({other} as {name}) from s.n.a")
        self.engine.execute(f"create table s.n.others as select {more}")
        self.info = RelationInfo("source:n.a", self.engine.columns("select * from s.n.a"))
        self.aggregates = aggregate_functions(self.engine)

    def calls(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Calls of every function, each argument a column of its own."""
        listed = self.engine.rows(
            "select distinct function_name, parameter_types, varargs from duckdb_functions() where function_type in "
            "('scalar', 'aggregate', 'macro') and regexp_full_match(function_name, '[a-z_0-9]+') order by all"
        )
        seen: set[tuple[str, tuple[str, ...]]] = set()
        for name, given, varargs in listed:
            kinds = [*(given or ()), *([varargs] * 2 if varargs else ())]
            choices = [kinds_of(kind) for kind in kinds]
            if not choices or not all(choices) or len(choices) > 6 or APART.fullmatch(name):
                continue
            for place in range(max(map(len, choices))):
                picked = tuple(each[min(place, len(each) - 1)] for each in choices)
                if (name, picked) not in seen:
                    seen.add((name, picked))
                    yield name, picked

    def arguments(self, kinds: tuple[str, ...]) -> list[str] | None:
        """A column for each argument."""
        left = {kind: [name for name, _, _ in given] for kind, given in COLUMNS.items()}
        names = [left[kind].pop(0) if left[kind] else None for kind in kinds]
        return cast("list[str]", names) if all(names) else None

    def answer(self, sql: str, table: str) -> Any:
        """What a query gives when it reads a table; an error is an answer, too."""
        try:
            return repr(self.engine.rows(sql.format(table)))
        except EngineError as error:
            return error.message.partition("\n")[0]

    def acting(self, sql: str, names: list[str]) -> list[str]:
        """The arguments that change what a query gives; none where it does not run, or gives anything each time."""
        before = self.answer(sql, "s.n.a")
        if not before.startswith("[") or before != self.answer(sql, "s.n.a"):
            return []
        return [name for name in names if (self.answer(sql, f"s.n.a_{name}")) not in {before}]

    def known(self, sql: str) -> set[str] | None:
        """The columns that lineage has edges from; None where it is coarse."""
        text = sql.format("s.n.a")
        rendered = SimpleNamespace(text=text, name="m")
        tree = read(cast("Any", rendered), DUCKDB.tokenize(text))
        for table in tree.find_all(exp.Table):
            table.meta["relation"] = self.info.key
        number_scans(tree)
        relations = {self.info.key: self.info, "model:m": RelationInfo("model:m", self.engine.columns(text))}
        model = cast("Model", SimpleNamespace(tree=tree, name="m"))
        tracer = Tracer(qualify(model, Catalog(relations, self.aggregates)), Timing({0: ANY}))
        try:
            flow = flow_by(tracer)
        except MisledError:
            return None
        found = {name for each in flow.outputs.values() for _, name in (*each.values, *each.influences)}
        missed = {column for columns in read_by_engine(text, self.engine).values() for column in columns}
        if not tracer.plain and any(reads(frozenset(missed), name) for name in self.columns.keys() - found):
            return None
        return found | {name for _, name in flow.influences}

    def oversights(self, calls: list[tuple[str, tuple[str, ...]]]) -> tuple[int, list[str]]:
        """How many calls gave something, and those in which an argument acts of which lineage does not know."""
        ran, found = 0, []
        for name, kinds in calls:
            names = self.arguments(kinds)
            if names is None:
                continue
            sql = f"select {name}({', '.join(names)}) as o from {{}}"
            acting = self.acting(sql, names)
            ran += bool(acting)
            known = self.known(sql) if acting else None
            if known is not None and not set(acting) <= known:
                found.append(f"{sql} needs {acting} and has {sorted(known)}")
        return ran, found


@pytest.fixture(scope="module")
def laboratory() -> Laboratory:
    return Laboratory()


def test_every_function_has_its_edges(laboratory: Laboratory) -> None:
    one_each = {(name, len(kinds)): (name, kinds) for name, kinds in laboratory.calls()}
    ran, found = laboratory.oversights(list(one_each.values()))
    assert found == []
    assert ran > 300


@pytest.mark.slow
def test_every_overload_has_its_edges(laboratory: Laboratory) -> None:
    assert laboratory.oversights(list(laboratory.calls()))[1] == []
