"""Every argument of every node that sqlglot has is followed, named as harmless, or makes a model coarse."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlglot import exp

from featsql.engine import Column
from featsql.resolve.binding.slots import FOLLOWED, NAMING
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.lineage.flow import MisledError
from featsql.resolve.lineage.reach import ANY
from featsql.resolve.lineage.timing import Timing
from featsql.resolve.lineage.tracer import Tracer
from featsql.resolve.qualify import Resolved

INFO = RelationInfo("source:s.a", (Column("x", "INTEGER"), Column("y", "INTEGER")))
# Queries and what stands in their FROM: what they have is followed clause by clause, and the rest refused.
PARTS = (exp.Query, exp.Table, exp.Join, exp.CTE, exp.With, exp.Lateral, exp.Unnest, exp.Values)
# What has no expressions in it: texts, numbers, names and types.
LEAVES = (exp.Column, exp.TableColumn, exp.Identifier, exp.Literal, exp.DataType, exp.Var)


def classes() -> list[type[exp.Expr]]:
    """Every kind of node."""
    found = {kind for _, kind in inspect.getmembers(exp, inspect.isclass) if issubclass(kind, exp.Expression)}
    return sorted((kind for kind in found if hasattr(kind, "arg_types")), key=lambda kind: kind.__name__)


def slots(*apart: type) -> Iterator[tuple[type[exp.Expr], str]]:
    """Every argument of every node of an expression."""
    for kind in classes():
        if not issubclass(kind, (*PARTS, *apart)):
            yield from ((kind, slot) for slot in kind.arg_types)


def comes_from_x(kind: type[exp.Expr], slot: str, value: object) -> bool:
    """Whether an output is known to come from `a.x`, or not known at all, if it is a node that has something in one of
    its arguments."""
    needed = {name: exp.Literal.number(1) for name, must in kind.arg_types.items() if must and name != slot}
    node = kind(**needed, **{slot: value})
    table = exp.table_("a", db="s", alias="a")
    table.meta["scan"] = 0
    tree = exp.Select(expressions=[exp.alias_(exp.Paren(this=node), "o", copy=False)]).from_(table, copy=False)
    output = RelationInfo("model:m", (Column("o", "INTEGER"),))
    tracer = Tracer(Resolved("m", output, {0: INFO}, frozenset(), tree), Timing({0: ANY}))
    try:
        flow = tracer.query(tree, {}, {})
    except MisledError:
        return True
    found = flow.outputs["o"]
    return any(name == "x" for _, name in (*found.values, *found.influences, *flow.influences))


def column() -> exp.Column:
    return exp.column("x", table="a")


def shapes(value: object) -> Iterator[object]:
    """A value as an argument, and as one of several."""
    yield value.copy() if isinstance(value, exp.Expr) else value
    yield [value.copy() if isinstance(value, exp.Expr) else value]


def seen(kind: type[exp.Expr], slot: str, value: object) -> list[bool]:
    """Whether a value is seen in an argument, in each of the shapes that the node can have it in."""
    found = []
    for shape in shapes(value):
        with suppress(TypeError, AttributeError):  # sqlglot itself cannot have it there
            found.append(comes_from_x(kind, slot, shape))
    return found


def test_a_column_in_any_argument_is_seen() -> None:
    assert len(classes()) > 900
    for kind, slot in slots(*LEAVES):
        for value in (column(), exp.Paren(this=column()), exp.Tuple(expressions=[column()])):
            found = seen(kind, slot, value)
            assert found, (kind, slot)
            assert all(found), (kind, slot, value)


@pytest.mark.parametrize("word", [exp.to_identifier("x"), exp.var("X"), "x"], ids=["identifier", "var", "text"])
def test_a_word_in_any_argument_that_is_no_name_is_seen(word: object) -> None:
    for kind, slot in slots(*LEAVES):
        if slot not in NAMING.get(kind, ()):
            assert all(seen(kind, slot, word)), (kind, slot)


def test_names_are_those_of_arguments_that_there_are() -> None:
    """A node that is changed by a later sqlglot does not keep a permission that it had."""
    for kind, names in NAMING.items():
        assert names <= set(kind.arg_types), kind
    for kind, names in FOLLOWED.items():
        assert names <= set(kind.arg_types), kind


@pytest.mark.parametrize("kind", FOLLOWED, ids=lambda kind: kind.__name__)
def test_a_part_of_a_query_that_is_not_followed_is_refused(kind: type[exp.Expr]) -> None:
    for part in kind.arg_types.keys() - FOLLOWED[kind]:
        query = exp.select("x").from_("a")
        whole = {"this": query.copy(), "expression": query.copy(), "expressions": [column()], part: column()}
        node = kind(**{name: value for name, value in whole.items() if name in kind.arg_types})
        known = Resolved("m", INFO, {}, frozenset(), query)
        with pytest.raises(MisledError):
            follow(node, Tracer(known, Timing({})))


def follow(node: exp.Expr, tracer: Tracer) -> None:
    """Trace a part of a query, wherever it stands."""
    if isinstance(node, exp.Query) and not isinstance(node, exp.Table):
        tracer.query(node, {}, {})
    elif isinstance(node, exp.Join):
        tracer.query(exp.Select(expressions=[column()], joins=[node]).from_("a"), {}, {})
    else:
        tracer.source(node, {}, {})
