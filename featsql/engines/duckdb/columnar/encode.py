"""Values as numbers of the same order, which arrays are given of a column, and from such numbers back."""

from __future__ import annotations

import re

from sqlglot import exp

from featsql.plan.microseconds import number

SMALL = frozenset({"TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER"})
FLOATS = frozenset({"FLOAT", "DOUBLE"})
# Whole numbers that may have more than 64 bits; where one has, arrays refuse them.
LARGE = frozenset({"UBIGINT", "HUGEINT", "UHUGEINT"})
# Those that have whole microseconds, or whole days; others have more, or less.
INSTANTS = frozenset({"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE"})
# Those that are whole microseconds.
PRECISE = INSTANTS - {"DATE"}
DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
# The widest decimals whose sums can be put together from whole numbers again.
DIGITS, PLACES = 18, 9
# The engine's own infinity of instants, and, with a sign, that before all of them.
INFINITY = 2**63 - 1


def is_ordered(kind: str) -> bool:
    """Whether a value of a type can be read as a number of the same order."""
    return kind in SMALL | LARGE | FLOATS | INSTANTS | {"BIGINT", "BOOLEAN"} or fits(kind)


def decimal(kind: str) -> tuple[int, int]:
    """The digits of a decimal, and how many of them stand after the point; of other types none."""
    match = DECIMAL.fullmatch(kind)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def fits(kind: str) -> bool:
    """Whether a type is a decimal that is a whole number of 64 bits, but for its point."""
    digits, places = decimal(kind)
    return 0 < digits <= DIGITS and places <= PLACES


def encoded(value: exp.Expr, kind: str) -> exp.Expr:
    """A value as a number of the same order."""
    _, places = decimal(kind)
    match kind:
        case "DATE":
            days = exp.Sub(this=value, expression=exp.cast(exp.Literal.string("1970-01-01"), "date"))
            return finite(value, exp.cast(days, "bigint"), kind)
        case "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE":
            return finite(value, exp.Anonymous(this="epoch_us", expressions=[value]), kind)
        case "FLOAT":
            return exp.cast(value, "double")
        case "BOOLEAN":
            return exp.cast(value, "tinyint")
        case _ if kind in LARGE:
            return exp.cast(value, "bigint")
        case _ if fits(kind):
            whole = exp.Mul(this=value, expression=exp.Literal.number(10**places)) if places else value
            return exp.cast(whole, "bigint")
    return value


def finite(value: exp.Expr, told: exp.Expr, kind: str) -> exp.Expr:
    """An instant's number, the engine's own for the infinities."""
    future, past = (exp.cast(exp.Literal.string(text), kind, dialect="duckdb") for text in ("infinity", "-infinity"))
    ends = [
        exp.If(this=exp.EQ(this=value.copy(), expression=future), true=number(INFINITY)),
        exp.If(this=exp.EQ(this=value.copy(), expression=past), true=number(-INFINITY)),
    ]
    return exp.Case(ifs=ends, default=told)


def decoded(value: exp.Expr, kind: str) -> exp.Expr:
    """What `encoded` made of a value, as a value of the type again."""
    match kind:
        case "DATE":
            day = exp.cast(exp.Literal.string("1970-01-01"), "date")
            instant: exp.Expr = exp.Add(this=day, expression=exp.cast(value.copy(), "integer"))
        case "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE":
            instant = exp.Anonymous(this="make_timestamp", expressions=[value.copy()])
            if kind != "TIMESTAMP":
                instant = exp.AtTimeZone(this=instant, zone=exp.Literal.string("UTC"))
        case _:
            return scaled(value, decimal(kind)[1])
    ends = [
        exp.If(
            this=exp.EQ(this=value.copy(), expression=number(sign * INFINITY)),
            true=exp.cast(exp.Literal.string(text), kind, dialect="duckdb"),
        )
        for sign, text in ((1, "infinity"), (-1, "-infinity"))
    ]
    return exp.Case(ifs=ends, default=instant)


def scaled(value: exp.Expr, places: int) -> exp.Expr:
    """A whole number as a decimal with so many places; decimals are multiplied exactly, but not divided."""
    if not places:
        return value
    unit = exp.cast(exp.Literal.string(f"{10**-places:.{places}f}"), f"decimal({places + 1}, {places})")
    return exp.Mul(this=exp.cast(value, f"decimal({38 - places - 1}, 0)"), expression=unit)
