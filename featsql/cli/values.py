"""Values of every type that DuckDB has, as JSON and as text, without loss.

Numbers keep all of their digits (read decimals with `parse_float=Decimal`), NaN and infinities are
the strings "NaN", "Infinity" and "-Infinity"; instants are ISO 8601, with "infinity" for those that
never come; intervals are as DuckDB writes them, bytes are hexadecimal, a mapping's keys are text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

INSTANT = re.compile(r"(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d)?(:\d\d)?")


def encode(value: Any, *, ascii_only: bool = False) -> str:
    """A value as JSON."""
    match value:
        case None | bool() | int():
            return json.dumps(value)
        case float() if math.isfinite(value):
            return json.dumps(value)
        case Decimal():
            return format(value, "f")
        case Mapping():
            inside = (
                f"{encode(text(k), ascii_only=ascii_only)}: {encode(v, ascii_only=ascii_only)}"
                for k, v in value.items()
            )
            return "{" + ", ".join(inside) + "}"
        case list() | tuple():
            return "[" + ", ".join(encode(item, ascii_only=ascii_only) for item in value) + "]"
        case _:
            return json.dumps(text(value), ensure_ascii=ascii_only)


def text(value: Any) -> str:
    """A value as a person reads it; the value of a column is the same text as in JSON."""
    match value:
        case str():
            return value
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return interval(value)
        case float():
            return number(value)
        case None | bool() | Mapping() | list() | tuple() | Decimal():
            return encode(value)
        case _:
            return str(value)


def number(value: float) -> str:
    """A float, with JavaScript's names for what is no number."""
    if math.isnan(value):
        return "NaN"
    return repr(value) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def interval(value: timedelta) -> str:
    """A span of time as DuckDB writes it: '3 days 04:05:06.7'."""
    clock = (datetime.min + timedelta(seconds=value.seconds, microseconds=value.microseconds)).time().isoformat()
    days = f"{value.days} day{'' if abs(value.days) == 1 else 's'}"
    return f"{days} {clock}" if value.days else clock


def instant(shown: str) -> str:
    """An instant as DuckDB writes it, in ISO 8601; what has no such form stays as it is."""
    match = INSTANT.fullmatch(shown)
    if match is None:
        return shown
    day, clock, zone, minutes = match.groups()
    return f"{day}T{clock}" + (f"{zone}{minutes or ':00'}" if zone else "")
