"""What people read: rows as a table, and what a build says while it runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from msgspec.structs import replace

from featsql.build.results import Finished, Result, Run, Started
from featsql.cli.progress import line_of, progress, summary
from featsql.cli.table import table


def test_a_table_in_a_pipe() -> None:
    assert table(["name", "n"], [["a", 1], ["日本", None], ["x\x1b[2J", Decimal("10.5")]]).splitlines() == [
        "name         n",
        "--------------",
        "a            1",
        "日本      NULL",
        "x\\x1b[2J  10.5",
    ]


def test_a_wide_table_is_turned_to_fit_the_terminal() -> None:
    columns = [f"column_{i}" for i in range(9)]
    lines = table(columns, [range(9), ["x" * 99] * 9], width=30).splitlines()
    assert lines[8] == "column_8  8  xxxxxxxxxxxxxx..."
    assert max(map(len, lines)) <= 30


def test_an_empty_table() -> None:
    assert table(["a"], []) == "a\n-"


def finished(**changes: Any) -> Finished:
    return Finished(replace(Result("m", "table", "success", 336776, 2.06), **changes), 3, 12)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (finished(), " 3 of 12 OK    table        m  336,776 rows in 2.1s"),
        (
            finished(rows=1, notes=("1 label is not mature",)),
            " 3 of 12 OK    table        m  1 row in 2.1s; 1 label is not mature",
        ),
        (finished(rows=None, kind="features", notes=("compiled",)), " 3 of 12 OK    features     m  compiled"),
        (finished(rows=None, kind="view"), " 3 of 12 OK    view         m  in 2.1s"),
        (finished(status="skipped", rows=None, notes=("`a` failed",)), " 3 of 12 SKIP  table        m  `a` failed"),
        (finished(status="error", rows=None), " 3 of 12 ERROR table        m  in 2.1s"),
    ],
)
def test_lines(event: Finished, expected: str) -> None:
    assert " ".join(line_of(event)) == expected


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown_on(stream: StringIO, events: Sequence[Started | Finished]) -> str:
    with progress(stream) as listener:
        for event in events:
            listener(event)
    return stream.getvalue()


def test_progress_in_a_pipe_and_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    events = (Started("m", "table", 3, 12), finished())
    plain = " ".join(line_of(finished())) + "\n"
    assert shown_on(StringIO(), events) == plain
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = shown_on(Terminal(), events)
    assert "\x1b[" in terminal
    assert re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", terminal).count("336,776 rows in 2.1s") == 1
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;32m" in terminal
    assert "\x1b[1;32m" not in shown_on(Terminal(), events)
    monkeypatch.setenv("TERM", "dumb")
    assert shown_on(Terminal(), events) == plain


def test_summary() -> None:
    results = tuple(finished(status=status).result for status in ("success", "success", "error", "skipped"))
    assert summary(Run(results, "", 4.21), "t.duckdb") == "Finished in 4.2s: 1 failed, 1 skipped, 2 built in t.duckdb"
    assert summary(Run((), "", 0.01), "t.duckdb") == "Finished in 0.0s: nothing to build"
