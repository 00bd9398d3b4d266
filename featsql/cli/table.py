"""Rows as a table of text: one line a row, or, where that is too wide for the terminal, one line a column."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from featsql.cli.values import text

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
GAP = "  "


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], width: int | None = None) -> str:
    """The table's lines. `width` is the terminal's, None where nothing need fit."""
    numeric = [all(is_number(row[i]) for row in rows) for i in range(len(columns))]
    cells = [[cell(value) for value in row] for row in rows]
    heads = [visible(name) for name in columns]
    lines = layout([heads, *cells], numeric)
    if width is None or max(map(columns_of, lines)) <= width:
        return "\n".join([lines[0], rule(lines), *lines[1:]])
    turned = [[head, *(row[i] for row in cells)] for i, head in enumerate(heads)]
    return "\n".join(cut(line, width) for line in layout(turned, [False] * (len(rows) + 1)))


def layout(cells: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    """Lines of cells, each column as wide as its widest cell."""
    widths = [max(columns_of(row[i]) for row in cells) for i in range(len(right))]
    return [GAP.join(map(pad, row, widths, right)).rstrip() for row in cells]


def rule(lines: Sequence[str]) -> str:
    """A rule under the heads, as wide as the widest line."""
    return "-" * max(map(columns_of, lines))


def cell(value: Any) -> str:
    """A value, visible in every case."""
    return "NULL" if value is None else visible(text(value))


def is_number(value: Any) -> bool:
    """Whether a value is set flush right."""
    return value is None or (not isinstance(value, (bool, str, bytes, dict, list, tuple)) and hasattr(value, "__abs__"))


def visible(shown: str) -> str:
    """A text without what would move the cursor or change the terminal."""
    return CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), shown)


def columns_of(shown: str) -> int:
    """How many columns of the terminal a text takes."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in shown)


def pad(shown: str, width: int, right: bool) -> str:
    """A cell with its spaces."""
    space = " " * (width - columns_of(shown))
    return space + shown if right else shown + space


def cut(line: str, width: int) -> str:
    """A line that fits the terminal."""
    if columns_of(line) <= width:
        return line
    while columns_of(line) > width - 3:
        line = line[:-1]
    return line + "..."
