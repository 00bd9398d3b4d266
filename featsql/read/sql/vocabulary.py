"""The functions that an engine has: their names, their other names, and the names of their parameters."""

from __future__ import annotations

import re

from sqlglot import exp

from featsql.engine import Engine

FUNCTIONS = """SELECT DISTINCT lower(function_name), function_type, alias_of, macro_definition FROM duckdb_functions()
WHERE internal AND (function_type IN ('aggregate', 'macro') OR alias_of <> '')"""
CALL = re.compile(r'(\w+)"?\(')
Function = tuple[str, str, str | None]
# What engines have that loaded the same extensions: to list it takes longer than to parse a model.
known: dict[frozenset[str], tuple[Function, ...]] = {}


def functions(engine: Engine) -> tuple[Function, ...]:
    """The names in lower case, the kinds and the other names of its own aggregates, and of macros and what has another
    name. A macro that calls an aggregate is one."""
    extensions = engine.extensions
    if extensions not in known:
        rows = engine.rows(FUNCTIONS)
        aggregates = {name for name, kind, *_ in rows if kind == "aggregate"}
        known[extensions] = tuple(
            (name, "aggregate" if aggregates.intersection(CALL.findall((macro or "").lower())) else kind, other)
            for name, kind, other, macro in rows
        )
    return known[extensions]


def aggregate_functions(engine: Engine) -> frozenset[str]:
    """The names of every aggregate function, in lower case."""
    return frozenset(name for name, kind, _ in functions(engine) if kind == "aggregate")


def other_names(engine: Engine) -> dict[str, str]:
    """The functions that are another by one more name."""
    return {name: other for name, _, other in functions(engine) if other}


def parameters(engine: Engine, function: str) -> frozenset[str]:
    """The names of a function's parameters."""
    found = exp.select(exp.Unnest(expressions=[exp.column("parameters")])).from_("duckdb_functions()")
    query = found.where(exp.column("function_name").eq(function))
    return frozenset(str(row[0]) for row in engine.rows(query.sql("duckdb")))
