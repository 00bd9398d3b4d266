"""What the engine refused: its message without its echo of the SQL, and the place in the SQL that it points to."""

from __future__ import annotations

import re

from featsql.display import index_at

TRACE = "\n\nStack Trace:"
WIDE = re.compile(r"[^\x00-\x7f]")
POSITION = re.compile(r"^LINE (\d+): ", re.MULTILINE)


class EngineError(Exception):
    """What DuckDB refused: the message without its echo of the SQL, and the offset in the SQL if it told one."""

    def __init__(self, message: str, offset: int | None, kind: str) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.kind = kind


def explain(said: str, sql: str) -> EngineError:
    """The message's own sentence, and the offset that its echo of the line and its caret point to."""
    text = said.partition(TRACE)[0]
    match = POSITION.search(text)
    kind, _, _ = text.partition(":")
    if match is None:
        return EngineError(text.strip(), None, kind)
    echo, _, caret = text[match.end() :].partition("\n")
    column = caret.find("^") - len(match.group(0))
    starts = [0, *(i + 1 for i, character in enumerate(sql) if character == "\n")]
    line_start = starts[min(int(match.group(1)), len(starts)) - 1]
    return EngineError(text[: match.start()].strip(), line_start + offset_in_line(sql, line_start, echo, column), kind)


def offset_in_line(sql: str, line_start: int, echo: str, column: int) -> int:
    """Where in its line an echoed excerpt's caret stands: DuckDB cuts long lines with '...', and counts the columns of
    a terminal."""
    shown = echo.removeprefix("...").removesuffix("...")
    found = sql[line_start:].partition("\n")[0].find(shown.strip("\n"))
    cut = len(echo) - len(echo.removeprefix("..."))
    return max(0, index_at(echo, column) - cut + max(found, 0)) if column >= 0 else 0


def letters(sql: str) -> str:
    """A text with a letter of ASCII for each character that is none: DuckDB 1.5 counts bytes and characters as one."""
    return WIDE.sub(lambda found: " " if found.group().isspace() else "q", sql)
