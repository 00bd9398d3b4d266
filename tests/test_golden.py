"""Golden scripts: small projects, commands, and what they print; `pytest --accept` rewrites what follows `---`."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from featsql.cli.app import app

FOLDER = Path(__file__).parent / "golden"
SCRIPTS = sorted(FOLDER.rglob("*.test"))
NEEDS = re.compile(r"^# needs DuckDB (\d+): (.+)$", re.MULTILINE)
NOW = re.compile(r"^# now: (.+)$", re.MULTILINE)
PROJECT = """
name: golden
outputs: {dev: {path: target/db.duckdb}}
"""


@dataclass(frozen=True)
class Script:
    """A golden script: its comment, the files of its project, its commands, and what those print."""

    comment: str
    files: dict[str, str]
    commands: tuple[str, ...]
    expected: str


def read(text: str) -> Script:
    """A script from its text."""
    given, line, expected = text.partition("\n---\n")
    assert line, "a script has a line `---` between its commands and what they print"
    comment: list[str] = []
    files: dict[str, list[str]] = {}
    commands: list[str] = []
    lines = comment
    for each in given.splitlines():
        if each.startswith("== "):
            lines = files.setdefault(each.removeprefix("== ").strip(), [])
        elif each.startswith("> "):
            commands.append(each.removeprefix("> "))
        else:
            lines.append(each)
    whole = {path: "\n".join(content).strip("\n") + "\n" for path, content in files.items()}
    return Script("\n".join(comment), whole, tuple(commands), expected)


def write(script: Script, folder: Path) -> None:
    """The project's files, with `featsql_project.yml` where the script has none."""
    for path, content in {"featsql_project.yml": PROJECT, **script.files}.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")


def run(command: str) -> str:
    """A command and what it prints; `| sort` puts the rows of a table, which come in no order, into one."""
    program, *arguments = shlex.split(command)
    assert program == "featsql"
    ordered = arguments[-2:] == ["|", "sort"]
    result = CliRunner().invoke(app, arguments[:-2] if ordered else arguments, prog_name="featsql")
    lines = [line.rstrip() for line in result.output.splitlines()]
    if ordered:
        lines[2:] = sorted(lines[2:])
    if result.exit_code:
        lines.append(f"(exit code {result.exit_code})")
    return "\n".join([f"> {command}", *lines])


def stable(printed: str, folder: Path) -> str:
    """What was printed, without what changes from run to run."""
    return re.sub(r"in \d+\.\ds\b", "in 0.0s", printed).replace(str(folder), "<project>")


def stop_clock(instant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be `instant` for as long as a test runs."""

    class Stopped(datetime):
        """A clock that stands still."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Stopped:
            return cls.fromisoformat(instant)

    for module in ("featsql.api", "featsql.show", "featsql.build.build"):
        monkeypatch.setattr(f"{module}.datetime", Stopped)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(FOLDER).with_suffix("")))
def test_script(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    text = path.read_text(encoding="utf-8")
    script = read(text)
    needs = NEEDS.search(script.comment)
    if needs and int(needs[1]) > int(duckdb.__version__.partition(".")[0]):
        pytest.skip(needs[2])
    write(script, tmp_path)
    monkeypatch.chdir(tmp_path)
    if now := NOW.search(script.comment):
        stop_clock(now[1], monkeypatch)
    printed = stable("\n\n".join(map(run, script.commands)), tmp_path) + "\n"
    if request.config.getoption("--accept"):
        path.write_text(text.partition("\n---\n")[0] + f"\n---\n{printed}", encoding="utf-8")
        return
    assert printed == script.expected


def test_every_script_says_what_it_shows() -> None:
    assert SCRIPTS
    silent = [str(path) for path in SCRIPTS if not path.read_text(encoding="utf-8").startswith("# ")]
    assert silent == []
