"""The rows of a query, exactly: what Python's own types would round or clip comes as the engine's text."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from featsql.cli.values import instant
from featsql.engine import Engine

# Python's instants have no infinity, no nanoseconds and no years after 9999; its timedelta has no months.
INEXACT = re.compile(r"(TIMESTAMP|DATE|TIME|INTERVAL)[A-Z_ ]*")


def exact_rows(sql: str, engine: Engine) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The names of the columns of a query, and its rows. A name that occurs twice gets a number."""
    whole = exp.Subquery(this=exp.Var(this=sql), alias=exp.TableAlias(this=exp.to_identifier("shown")))
    columns = engine.columns(exp.select("*").from_(whole.copy()).sql("duckdb"))
    inexact = [INEXACT.fullmatch(column.type) is not None for column in columns]
    outputs = [output(column.name, lossy) for column, lossy in zip(columns, inexact, strict=True)]
    rows = engine.rows(exp.select(*outputs).from_(whole).sql("duckdb"))
    return [column.name for column in columns], [tuple(map(exactly, row, inexact)) for row in rows]


def output(name: str, inexact: bool) -> exp.Expr:
    """A column of the query, as text where Python has no exact type for it."""
    column = exp.column(name, quoted=True)
    return exp.alias_(exp.cast(column, "varchar"), name, quoted=True) if inexact else column


def exactly(value: Any, inexact: bool) -> Any:
    """A value of a row; an instant in ISO 8601."""
    return instant(value) if inexact and value is not None else value
