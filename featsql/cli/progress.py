"""What a build says while it runs: one line a node, and on a terminal what it is doing now."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from featsql.build.results import Event, Finished, Listener, Result, Run
from featsql.cli.output import console, say
from featsql.secrets import redact

if TYPE_CHECKING:
    from rich.text import Text

WORDS = {"success": "OK", "unchanged": "OK", "error": "ERROR", "skipped": "SKIP"}
COLOURS = {"success": "green", "unchanged": "green", "error": "red", "skipped": "yellow"}


@contextmanager
def progress(stream: TextIO) -> Iterator[Listener]:
    """A listener for a build that writes to `stream`, plainly or for a terminal."""
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda event: plain(event, stream)
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    parts = (SpinnerColumn("line"), TextColumn("{task.description}", markup=False), BarColumn(20), TimeElapsedColumn())
    with Progress(*parts, console=console(stream), transient=True) as shown:
        task = shown.add_task("compiling", total=None)

        def listener(event: Event) -> None:
            if isinstance(event, Finished):
                shown.console.print(coloured(event))
                shown.update(task, completed=event.index)
            else:
                shown.update(
                    task, total=event.total, description=redact(f"{event.index} of {event.total} {event.name}")
                )

        yield listener


def plain(event: Event, stream: TextIO) -> None:
    """A finished node as a line of text."""
    if isinstance(event, Finished):
        say(" ".join(line_of(event)), to=stream)
        stream.flush()


def coloured(event: Finished) -> Text:
    """A finished node as a line for a terminal."""
    from rich.text import Text

    number, word, what, outcome = line_of(event)
    return Text.assemble(
        (number, "dim"), " ", (word, f"bold {COLOURS[event.result.status]}"), f" {what} ", (outcome, "dim")
    )


def line_of(event: Finished) -> tuple[str, str, str, str]:
    """`1 of 12`, `OK`, `training_set flights_training`, `336,776 rows in 2.1s`."""
    result = event.result
    number = f"{event.index:>{len(str(event.total))}} of {event.total}"
    return number, f"{WORDS[result.status]:<5}", f"{result.kind:<12} {redact(result.name)} ", redact(outcome(result))


def outcome(result: Result) -> str:
    """What became of a node, in a few words."""
    if result.status == "unchanged":
        return "unchanged"
    if result.rows is None and result.notes:
        return "; ".join(result.notes)
    rows = "" if result.rows is None else f"{result.rows:,} row{'' if result.rows == 1 else 's'} "
    return "; ".join(
        [
            f"{rows}in {result.seconds:.1f}s",
            *([result.reason] if result.reason else []),
            *result.notes,
            *(f"published to {p}" for p in result.published),
        ]
    )


def summary(run: Run, where: str) -> str:
    """The last line: how long it took, and how many of each."""
    counts = {word: sum(result.status == status for result in run.results) for status, word in SUMMARY.items()}
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "nothing to build"
    return f"Finished in {run.seconds:.1f}s: {said}" + (f" in {where}" if counts["built"] else "")


SUMMARY = {"error": "failed", "skipped": "skipped", "success": "built", "unchanged": "unchanged"}
