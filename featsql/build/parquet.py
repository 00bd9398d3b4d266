"""What Parquet would round is written as a type that holds it as it is, and read back as what it was."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp

from featsql.engine import Column, EngineError
from featsql.temporal import column

WHOLE = (exp.DataType.Type.INT128, exp.DataType.Type.UINT128)
TEXTS = (exp.DataType.Type.INTERVAL, exp.DataType.Type.TIMETZ)
# Types of which Parquet, as DuckDB writes it, holds less: doubles, milliseconds, times without their zone.
INEXACT = re.compile(r"\bU?HUGEINT\b|\bINTERVAL\b|\bTIME WITH TIME ZONE\b")
# What holds whole numbers of as many digits as there can be in Parquet.
DIGITS = 38
NUMBER = f"DECIMAL({DIGITS},0)"
TOO_LARGE = f"is too large for Parquet, which holds {DIGITS} digits"
REFUSED = re.compile(r"Could not cast value (\S+) to DECIMAL\(38,\s*0\)")


def stored_type(kind: str) -> exp.DataType | None:
    """The type as which values of another one are written; None where Parquet holds these as they are."""
    if not INEXACT.search(kind):
        return None
    tree = exp.DataType.build(kind, dialect="duckdb")
    found = [node for node in tree.find_all(exp.DataType) if node.this in (*WHOLE, *TEXTS)]
    for node in found:
        other = exp.DataType.build(NUMBER if node.this in WHOLE else "TEXT", dialect="duckdb")
        if node is tree:
            return other
        node.replace(other)
    return tree if found else None


def exact(query: str, columns: Sequence[Column]) -> str:
    """A query whose rows Parquet holds as they are; `columns` are its own, with their types."""
    written = [exp.alias_(written_as(each.name, kind), each.name, quoted=True) for each, kind in stored(columns)]
    if not written:
        return query
    star = exp.Star(replace=written).sql("duckdb")
    return f"SELECT {star} FROM ({query}\n)"


def stored(columns: Sequence[Column]) -> list[tuple[Column, exp.DataType]]:
    """Those columns that are written as another type, with that."""
    return [(each, kind) for each in columns if (kind := stored_type(each.type)) is not None]


def written_as(name: str, kind: exp.DataType) -> exp.Expr:
    """A column as another type, or an error that names it."""
    value = exp.cast(column(name), kind)
    if spelled(kind) != NUMBER:
        return value
    most = exp.cast(exp.Literal.string("9" * DIGITS), "INT128")
    least = exp.cast(exp.Literal.string("-" + "9" * DIGITS), "INT128")
    error = exp.func("error", exp.Literal.string(f"a value of `{name}` {TOO_LARGE}"))
    large = exp.or_(exp.GT(this=column(name), expression=most), exp.LT(this=column(name), expression=least))
    return exp.Case(ifs=[exp.If(this=large, true=error)], default=value)


def spelled(kind: exp.DataType) -> str:
    """A type as DuckDB spells it, as far as numbers go."""
    return kind.sql("duckdb").replace("DECIMAL(38, 0)", NUMBER)


def too_large(error: EngineError, columns: Sequence[Column]) -> str | None:
    """What an engine's refusal says of a value that has no room in Parquet, if it says that."""
    message = error.message.splitlines()[0]
    if TOO_LARGE in message:
        return message[message.index("a value of") :]
    refused = REFUSED.search(message)
    if refused is None:
        return None
    names = " or ".join(
        f"`{each.name}`" for each, kind in stored(columns) if NUMBER in kind.sql("duckdb").replace(" ", "")
    )
    return f"{refused[1]} in {names} {TOO_LARGE}" if names else None


def is_as_computed(held: str, computed: str) -> bool:
    """Whether a column that lies in Parquet as one type has all that was computed as another."""
    return not INEXACT.search(held) and ("HUGEINT" not in computed or NUMBER in held)
