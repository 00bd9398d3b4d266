"""Instants on a line of text: the window, what happened in it, the instant that was asked about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

WIDTH = 64
# What stands where several marks meet: the one that says most.
RANK = "|*ho+k-"


def timeline(since: str | None, at: str, marks: Iterable[tuple[str, str]], width: int = WIDTH) -> list[str]:
    """Lines of a time line: its ends, and the marks (one character, an instant as text) between them, `|` at the
    instant asked about. Instants that never come, or that Python has not, are left out; nothing is drawn where
    none is left."""
    asked = read(at)
    placed = [(mark, moment) for mark, text in marks if (moment := read(text)) is not None]
    begin = read(since) if since else min((moment for _, moment in placed), default=None)
    if asked is None or begin is None or not placed:
        return []
    end = max([asked, *(moment for _, moment in placed)])
    inside = [(mark, moment) for mark, moment in placed if moment >= begin]
    line = ["-"] * width
    for mark, moment in [*inside, ("|", asked)]:
        spot = place(moment, begin, end, width)
        line[spot] = min(line[spot], mark, key=RANK.index)
    left, right = shown(begin), shown(end)
    opening = "(" if since else "["
    return [f"{left}{right.rjust(width + 2 - len(left))}", f"{opening}{''.join(line)}]"]


def place(moment: datetime, begin: datetime, end: datetime, width: int) -> int:
    """The place of an instant on the line."""
    return round(share(moment, begin, end) * (width - 1))


def share(moment: datetime, begin: datetime, end: datetime) -> float:
    """How much of the line lies before an instant, from 0 to 1."""
    whole = (end - begin).total_seconds()
    return (moment - begin).total_seconds() / whole if whole else 1.0


def read(text: str) -> datetime | None:
    """An instant of DuckDB's, in UTC where it is zoned; None for what Python has no instant for."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def shown(moment: datetime) -> str:
    """An instant at an end of the line."""
    return moment.strftime("%Y-%m-%d %H:%M")


def legend(marks: Sequence[str], meanings: Sequence[tuple[str, str]]) -> str:
    """What the marks on a line mean."""
    return "  ".join(f"{mark} {meaning}" for mark, meaning in meanings if mark in marks)
