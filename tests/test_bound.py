"""What texts are bound to decides where their spelling does not, and no function loses its name on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlglot import exp

from featsql.engine import DUCKDB, Engine
from featsql.read.sql.bound import same_plan
from featsql.read.sql.notes import take_notes
from featsql.read.sql.restore import RESTORED, kept, restore
from featsql.read.sql.roundtrip import difference

FOLDER = Path(__file__).parent / "roundtrip"
TABLES = """
create table t (a integer, b double, c varchar, ts timestamp, l integer[], j json, s struct(x integer, y varchar));
create table u (a integer, b double);
"""


@pytest.fixture(scope="module")
def engine() -> Engine:
    """A session in which the tables of the pairs are."""
    made = Engine.memory()
    made.execute(TABLES)
    return made


def tree_of(text: str) -> exp.Expr:
    """A text as featsql reads it."""
    (tree,) = DUCKDB.parser().parse(kept(DUCKDB.tokenize(text), text), text)
    assert tree is not None
    restore(take_notes(tree, *RESTORED))
    return tree


def pairs(name: str, engine: Engine) -> list[tuple[str, str]]:
    """The halves of each line of a file, as far as this version of the engine can read them."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    found = [(one, other) for one, _, other in (line.partition(" | ") for line in lines)]
    return [pair for pair in found if all(engine.syntax_error(each) is None for each in pair)]


def test_what_is_bound_to_the_same(engine: Engine) -> None:
    for one, other in pairs("bound_alike.txt", engine):
        assert same_plan(one, other, engine), (one, other)


def test_what_is_not(engine: Engine) -> None:
    for one, other in pairs("bound_unlike.txt", engine):
        assert not same_plan(one, other, engine), (one, other)
        for each in (one, other):
            assert same_plan(each, f"/* again */ ({each})", engine), each


def test_every_function_of_the_engine_keeps_its_name(engine: Engine) -> None:
    """Called with columns, with words, distinct, ordered, over a window and as a method."""
    query = """select distinct lower(function_name), function_type = 'aggregate', len(parameters), varargs is not null
        from duckdb_functions() where internal and function_type in ('scalar', 'aggregate', 'macro')
        and regexp_full_match(function_name, '[a-z_0-9]+') order by all"""
    changed = []
    for name, aggregates, count, more in engine.rows(query):
        columns = list("abcdefgh"[: count + bool(more)])
        calls = [each for each in calls_of(name, columns, aggregates) if engine.syntax_error(f"select {each}") is None]
        text = f"select {', '.join(calls)} from t"
        if calls and name not in OTHERWISE and difference(text, tree_of(text), engine) is not None:
            changed.append(text)
    assert changed == []


# Written without parentheses, with names for their arguments, or never of distinct values.
OTHERWISE = {"current_catalog", "current_date", "current_localtimestamp", "get_current_time", "session_user"}
OTHERWISE |= {"today", "struct_pack", "lag", "lead", "nth_value"}


def calls_of(name: str, columns: list[str], aggregates: bool) -> list[str]:
    """The ways to call a function."""
    given = ", ".join(columns)
    if not columns:
        return []
    found = [f"{name}({given})", f"a.{name}({', '.join(columns[1:])})"]
    found += [f"{name}({', '.join(['a', *[word] * (len(columns) - 1)])})" for word in ("'desc'", "1", "null")]
    if aggregates:
        found += [f"{name}(distinct {given})", f"{name}({given} order by y, z desc) filter (where x)"]
        found += [f"{name}({given}) over (partition by x order by y)"]
    return found
