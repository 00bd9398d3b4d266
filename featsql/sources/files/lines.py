"""In which line of a CSV file a value stands, for people who look for it there."""

from __future__ import annotations

import bz2
import csv
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

OPENERS: Mapping[str, Any] = {".gz": gzip.open, ".bz2": bz2.open}


def opened(file: str) -> IO[str]:
    """A file's text. Raises OSError where it is not here, or is written in a way that only the engine reads."""
    if "://" in file or file.endswith(".zst"):
        raise OSError(file)
    text: IO[str] = OPENERS.get(Path(file).suffix, open)(file, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return text


def line_of(file: str, dialect: Mapping[str, Any], column: str, value: str) -> int | None:
    """The first line in which a record begins that has a value in a column; None where that is not found."""
    quote = dialect.get("quote") or None
    try:
        with opened(file) as text:
            for _ in range(int(dialect.get("skip") or 0)):
                next(text, None)
            records = csv.reader(
                text,
                delimiter=str(dialect.get("delim") or ","),
                quotechar=quote,
                quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            )
            return search(records, int(dialect.get("skip") or 0), column, value)
    except (OSError, csv.Error, TypeError, ValueError):
        return None


def search(records: Any, before: int, column: str, value: str) -> int | None:
    """The first line of a record that has a value in a column, or anywhere if the first line does not name it."""
    first: list[str] = next(records, [])
    names = [name.strip() for name in first]
    at = names.index(column) if column in names else None
    if at is None and value in first:
        return before + 1
    start = int(records.line_num)
    for record in records:
        if value in record if at is None else len(record) > at and record[at] == value:
            return before + start + 1
        start = int(records.line_num)
    return None


def first_lines(file: str, count: int) -> list[str]:
    """The first lines of a file, without their ends; none where it cannot be read here."""
    try:
        with opened(file) as text:
            return [line.rstrip("\r\n") for _, line in zip(range(count), text, strict=False)]
    except OSError:
        return []


def fields(line: str, delimiter: str) -> list[str]:
    """The fields of one line."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)
