"""How far a span of time reaches at most: intervals, and instants that are rounded down, as seconds."""

from __future__ import annotations

import re
from math import ceil, floor

from sqlglot import exp

# The longest that each unit can be; months and longer are only bounded.
LONGEST = {
    "MICROSECOND": 1e-6,
    "MILLISECOND": 1e-3,
    "SECOND": 1,
    "MINUTE": 60,
    "HOUR": 3600,
    "DAY": 86400,
    "WEEK": 7 * 86400,
    "MONTH": 31 * 86400,
    "QUARTER": 92 * 86400,
    "YEAR": 366 * 86400,
}
# The shortest that each unit can be. Intervals are compared with months of 30 days, and so years of 360.
SHORTEST = {**LONGEST, "MONTH": 28 * 86400, "QUARTER": 89 * 86400, "YEAR": 360 * 86400}
FIXED = ("WEEK", "DAY", "HOUR", "MINUTE", "SECOND")
# The units of which a fraction is no longer than so much of the longest.
EXACT = (*FIXED, "MILLISECOND")
PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*")
AMOUNT = re.compile(r"\d+(?:\.\d+)?")
CALLS = {f"to_{unit.lower()}s": unit for unit in LONGEST}


def unit_length(name: str) -> float | None:
    """The longest that a unit can be; None for one that is not known."""
    return LONGEST.get(name.upper().removesuffix("S"))


def longest(interval: exp.Expr) -> float | None:
    """The greatest length of a constant interval; None where it is not one, or might be negative."""
    found = lengths(interval)
    return None if found is None else found[1]


def lengths(node: exp.Expr) -> tuple[float, float] | None:
    """The shortest and the longest that a constant interval can be; None where it is not one, or might be negative."""
    node = node.unnest()
    if isinstance(node, exp.Mul):
        for factor, inner in ((node.this, node.expression), (node.expression, node.this)):
            count, found = amount(factor), lengths(inner)
            if count is not None and found is not None:
                return floor(count) * found[0], ceil(count) * found[1]
        return None
    if isinstance(node, exp.Interval):
        if node.args.get("unit") is not None:
            return counted(amount(node.this), node.args["unit"].name)
        return spelt(node.this.name if isinstance(node.this, exp.Literal) else "")
    unit = "DAY" if isinstance(node, exp.ToDays) else called_unit(node)
    arguments = [node.this] if isinstance(node, exp.ToDays) else node.expressions
    return counted(amount(arguments[0]), unit) if unit is not None and len(arguments) == 1 else None


def counted(count: float | None, unit: str) -> tuple[float, float] | None:
    """So many of a unit. The engine leaves out the rest of some fractions, and rounds those of a year to months
    and a month's to 30 days, which may be longer than so much of the unit is."""
    length = unit_length(unit)
    if count is None or length is None:
        return None
    name = unit.upper().removesuffix("S")
    most = count if name in EXACT else ceil(count)
    return floor(count) * SHORTEST[name], most * length


def spelt(text: str) -> tuple[float, float] | None:
    """The lengths of `1 day 2 hours`."""
    found = [counted(float(count), unit) for count, unit in PART.findall(text)]
    if not found or PART.sub("", text) or None in found:
        return None
    return sum(each[0] for each in found if each), sum(each[1] for each in found if each)


def called_unit(node: exp.Expr) -> str | None:
    """The unit of `to_hours(3)` and its kin."""
    return CALLS.get(node.name.casefold()) if isinstance(node, exp.Anonymous) else None


def amount(node: exp.Expr | None) -> float | None:
    """A constant that is not negative."""
    node = node.unnest() if node is not None else None
    return float(node.name) if isinstance(node, exp.Literal) and AMOUNT.fullmatch(node.name) else None


def at_least(seconds: float) -> exp.Interval:
    """An interval in the longest fixed unit that holds so many seconds, rounded up, without a rest."""
    whole = ceil(seconds)
    unit = next(unit for unit in FIXED if whole % LONGEST[unit] == 0)
    return exp.Interval(this=exp.Literal.string(str(int(whole / LONGEST[unit]))), unit=exp.var(unit))


def behind(node: exp.Expr) -> float | None:
    """How far before `as_of()` an instant can lie; None where that cannot be told."""
    node = node.unnest()
    match node:
        case exp.Anonymous() if node.name.casefold() == "as_of" and not node.expressions:
            return 0
        case exp.Sub():
            inner, back = behind(node.this), longest(node.expression)
            if back is None and is_date(node.this):
                days = amount(node.expression)
                back = None if days is None else days * LONGEST["DAY"]
            return None if inner is None or back is None else inner + back
    rounded = rounding(node)
    if rounded is None:
        return None
    inner = behind(rounded[0])
    return None if inner is None else inner + rounded[1]


def rounding(node: exp.Expr) -> tuple[exp.Expr, float] | None:
    """The instant that a node rounds down, and by how much at most."""
    match node:
        case exp.Cast() if node.to.this == exp.DType.DATE:
            return node.this, LONGEST["DAY"]
        case exp.Cast() if node.to.this in {exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ, exp.DType.TIMESTAMPTZ}:
            return node.this, 0
        case exp.Date() if not node.expressions and node.this is not None:
            return node.this, LONGEST["DAY"]
        case exp.TimestampTrunc() | exp.DateTrunc():
            length = unit_length(node.args["unit"].name)
            return None if length is None else (node.this, length)
    return None


def is_date(node: exp.Expr) -> bool:
    """Whether an instant is a DATE, from which a number takes days."""
    node = node.unnest()
    dated = isinstance(node, exp.Cast) and node.to.this == exp.DType.DATE
    return dated or isinstance(node, exp.Date) or (isinstance(node, exp.Sub) and is_date(node.this))
