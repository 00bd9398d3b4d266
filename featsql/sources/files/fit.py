"""Which values of a column do not fit a type without loss: conditions that the engine evaluates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from sqlglot import exp, parse_one

from featsql.engine import DUCKDB

WHOLE = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)")
DECIMAL = re.compile(r"DECIMAL\(\d+,\s*(\d+)\)")
NAIVE = re.compile(r"TIMESTAMP(_S|_MS|_NS)?")
ZONED = "TIMESTAMP WITH TIME ZONE"
DIGITS: Mapping[str, int] = {"TIMESTAMP": 6, "TIMESTAMP_S": 0, "TIMESTAMP_MS": 3, "TIMESTAMP_NS": 9, ZONED: 6}
# What comes after the time of a day: the zone of an instant.
ZONE = r":[0-9]{2}(\.[0-9]+)?\s*([+-][0-9]{2}[0-9:]*|[A-Za-z][A-Za-z0-9_/+-]*)\s*$"
UTC = r":[0-9]{2}(\.[0-9]+)?\s*([+-]00(:?00)?|[Zz]|UTC|GMT)\s*$"
DAY = r"\s*([0-9]+[-/][0-9]+[-/][0-9]+|-?infinity|epoch)(\s*\(BC\))?"
MIDNIGHT = r"([ T]00:00(:00(\.0*)?)?)?"


def unfit(kind: str, *, declared: bool) -> str | None:
    """When a text `v` does not fit a type, as a condition; None where each does. A type that nobody declared also needs
    the text to be one that nobody would take for a text: `007` is no number."""
    cast = f"TRY_CAST(v AS {kind}) IS NULL"
    if kind == "VARCHAR":
        return None
    if WHOLE.fullmatch(kind):
        if not declared:
            return rf"{cast} OR NOT regexp_full_match(v, '\s*[+-]?(0|[1-9][0-9]*)\s*')"
        same = f"TRY_CAST(v AS DOUBLE) = CAST(TRY_CAST(v AS {kind}) AS DOUBLE)"
        return rf"{cast} OR NOT (regexp_full_match(v, '\s*[+-]?[0-9]+(\.0*)?\s*') OR {same})"
    if decimal := DECIMAL.fullmatch(kind):
        plain = rf"regexp_full_match(v, '\s*[+-]?[0-9]*(\.[0-9]{{0,{decimal[1]}}}0*)?\s*')"
        return f"{cast} OR NOT ({plain} OR TRY_CAST(v AS DOUBLE) = CAST(TRY_CAST(v AS {kind}) AS DOUBLE))"
    if kind in {"DOUBLE", "FLOAT"} and not declared:
        return rf"{cast} OR regexp_full_match(v, '\s*[+-]?0[0-9]+\s*')"
    if kind == "BOOLEAN" and not declared:
        return rf"{cast} OR regexp_matches(v, '[0-9]')"
    if kind == "DATE":
        return f"{cast} OR NOT regexp_full_match(v, '(?i){DAY}{MIDNIGHT if declared else ''}\\s*')"
    return cast


def zone_lost(kind: str, *, declared: bool) -> str | None:
    """When a text `v` is an instant of a zone and the type has none, or the other way round."""
    if NAIVE.fullmatch(kind):
        utc = f" AND NOT regexp_matches(v, '{UTC}')" if declared else ""
        return f"regexp_matches(v, '{ZONE}'){utc}"
    return f"NOT regexp_matches(v, '{ZONE}')" if kind == ZONED and not declared else None


def digits_lost(kind: str, *, declared: bool) -> str | None:
    """When a text `v` has more digits than the type can hold."""
    if kind in DIGITS:
        return rf"regexp_matches(v, '\.[0-9]{{{DIGITS[kind]}}}0*[1-9]')"
    if kind == "DOUBLE" and not declared:
        whole = "TRY_CAST(v AS DECIMAL(38, 0))"
        exact = f"TRY_CAST(TRY_CAST(v AS DOUBLE) AS DECIMAL(38, 0)) IS DISTINCT FROM {whole}"
        return rf"regexp_full_match(v, '\s*[+-]?[0-9]{{16,}}\s*') AND {exact}"
    return None


@cache
def parsed(condition: str) -> exp.Expr:
    """A condition as a tree, which is not to be changed."""
    return parse_one(condition, dialect=DUCKDB)


def of(condition: str, value: exp.Expr) -> exp.Expr:
    """A condition with a value in place of `v`."""
    tree = exp.paren(parsed(condition))
    for column in list(tree.find_all(exp.Column)):
        if column.name == "v":
            column.replace(value.copy())
    return tree


def kept(value: exp.Expr, kind: str, found: str, label: str) -> exp.Expr:
    """A value of another type as one of a declared type, or an error where that would lose some of it."""
    lossy = [unfit(kind, declared=True), zone_lost(kind, declared=True), digits_lost(kind, declared=True)]
    tests = [f"({test})" for test in lossy if test is not None]
    if kind in {"DOUBLE", "FLOAT"} or "NULL" in found:  # of which everyone knows that they round
        tests = []
    elif found != "VARCHAR":
        tests = [f"CAST(TRY_CAST(v AS {kind}) AS {found}) IS DISTINCT FROM v"]
    said = exp.Literal.string(f"FS507: {label} has a value that {kind} cannot hold as it is: ")
    message = exp.DPipe(this=said, expression=exp.cast(value.copy(), "VARCHAR"))
    error = exp.Anonymous(this="error", expressions=[message])
    cast = of(f"CAST(v AS {kind})", value)
    if not tests:
        return cast
    lost = exp.and_(exp.not_(exp.Is(this=value.copy(), expression=exp.null())), of(" OR ".join(tests), value))
    return exp.Case(ifs=[exp.If(this=lost, true=error)], default=cast)
