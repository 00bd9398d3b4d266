"""Writing: results and JSON to stdout, what is wrong to stderr, in any encoding and with colour only for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

from featsql.cli.values import encode
from featsql.data import plain
from featsql.errors import Diagnostic
from featsql.secrets import redact, redacted

if TYPE_CHECKING:
    from rich.console import Console


def open_streams() -> None:
    """Write into nothing where a stream was closed before the program began."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  as long as the program lasts


def forgive_encodings() -> None:
    """Write an escape for what a terminal or a locale cannot show, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def abandon_stdout() -> None:
    """Let nothing more be written: the reader of the pipe has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str = "", *, to: TextIO | None = None, rows: bool = False) -> None:
    """Print a line, to stdout if nothing else is named: without secrets, unless it has rows of data, which stay as they
    are."""
    print(text if rows else redact(text), file=to or sys.stdout)  # what a command prints, it prints here


def emit(value: Any, *, rows: bool = False) -> None:
    """Print a value as one line of JSON; rows of data stay as they are."""
    ascii_only = (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
    say(encode(value if rows else redacted(value), ascii_only=ascii_only), rows=True)


def report(diagnostics: Iterable[Diagnostic], *, as_json: bool) -> None:
    """Show diagnostics to whoever reads: JSON on stdout for a machine, text on stderr for a person."""
    if as_json:
        emit({"diagnostics": [plain(diagnostic) for diagnostic in diagnostics]})
        return
    for index, diagnostic in enumerate(diagnostics):
        if index:
            say(to=sys.stderr)
        show_diagnostic(diagnostic)


def show_diagnostic(diagnostic: Diagnostic) -> None:
    """One diagnostic on stderr; on a terminal its head, caret and hint stand out."""
    if not sys.stderr.isatty():
        say(diagnostic.render(), to=sys.stderr)
        return
    from rich.text import Text

    text = Text(diagnostic.render())
    colour = {"error": "red", "warning": "yellow", "notice": "cyan"}[diagnostic.severity]
    text.highlight_regex(rf"(?m)\b{diagnostic.severity}\[{diagnostic.code}\]", f"bold {colour}")
    text.highlight_regex(r"(?m)^\s+\|\s*\^+$", colour)
    text.highlight_regex(r"(?m)^  hint:", "cyan")
    console(sys.stderr).print(text, soft_wrap=True)


def console(stream: TextIO) -> Console:
    """A stream for people: nothing printed to it is read as markup, and NO_COLOR is respected."""
    from rich.console import Console

    return Console(file=stream, markup=False, highlight=False, emoji=False)
