"""How far a span of time reaches at most: intervals, and instants that are rounded down, as seconds."""

from __future__ import annotations

import re
from math import ceil

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
FIXED = ("WEEK", "DAY", "HOUR", "MINUTE", "SECOND")
PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*")
AMOUNT = re.compile(r"\d+(?:\.\d+)?")
CALLS = {f"to_{unit.lower()}s": unit for unit in LONGEST}


def unit_length(name: str) -> float | None:
    """The longest that a unit can be; None for one that is not known."""
    return LONGEST.get(name.upper().removesuffix("S"))


def longest(interval: exp.Expr) -> float | None:
    """The greatest length of a constant interval; None where it is not one, or might be negative."""
    interval = interval.unnest()
    if isinstance(interval, exp.Mul):
        for factor, inner in ((interval.this, interval.expression), (interval.expression, interval.this)):
            count, length = amount(factor), longest(inner)
            if count is not None and length is not None:
                return count * length
        return None
    if isinstance(interval, exp.Interval):
        return length_of(interval)
    unit = "DAY" if isinstance(interval, exp.ToDays) else called_unit(interval)
    arguments = [interval.this] if isinstance(interval, exp.ToDays) else interval.expressions
    count = amount(arguments[0]) if unit is not None and len(arguments) == 1 else None
    return None if unit is None or count is None else count * LONGEST[unit]


def called_unit(node: exp.Expr) -> str | None:
    """The unit of `to_hours(3)` and its kin."""
    return CALLS.get(node.name.casefold()) if isinstance(node, exp.Anonymous) else None


def length_of(interval: exp.Interval) -> float | None:
    """The greatest length of `INTERVAL 7 DAYS` or `INTERVAL '1 day 2 hours'`."""
    unit = interval.args.get("unit")
    if unit is not None:
        count, length = amount(interval.this), unit_length(unit.name)
        return None if count is None or length is None else count * length
    text = interval.this.name if isinstance(interval.this, exp.Literal) else ""
    parts = PART.findall(text)
    lengths = [unit_length(name) for _, name in parts]
    if not parts or PART.sub("", text) or None in lengths:
        return None
    return sum(float(count) * (length or 0) for (count, _), length in zip(parts, lengths, strict=True))


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
