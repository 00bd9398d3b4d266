"""What README says is so: its commands and its Python run, its excerpts are in the files, its tables are complete."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from featsql import api
from featsql.cli.app import app
from featsql.cli.commands.init import init
from featsql.read.load import load
from featsql.stages import stage_text

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def run(command: list[str], folder: Path) -> str:
    """Run a command of this Python; it must succeed. Gives what it printed."""
    environment = os.environ | {"COLUMNS": "120", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_two_commands_are_marked_for_the_checks() -> None:
    for mark, end in (("build", "featsql build"), ("test", "pytest -n auto")):
        found = re.search(rf"^<!-- {mark} -->\n```sh\n(.*)\n```$", README, flags=re.MULTILINE)
        assert found, mark
        assert found[1].startswith("python3 -m venv .venv && ")
        assert found[1].endswith(end)


TOUR = [
    lines for block in blocks("sh") if (lines := [line for line in block.splitlines() if line.startswith("featsql ")])
]


@pytest.mark.parametrize("lines", TOUR, ids=[lines[0].removeprefix("featsql ") for lines in TOUR])
def test_the_commands_of_the_tour_run(lines: list[str], example: Path) -> None:
    for line in lines:
        assert run(["-m", *shlex.split(line)], example), line


def test_the_tour_is_not_short() -> None:
    assert sum(len(lines) for lines in TOUR) > 8


@pytest.mark.parametrize("block", blocks("python"), ids=["training set", "features of a frame"])
def test_the_python_runs(block: str, example: Path) -> None:
    run(["-c", block + "\nassert 'known' not in globals() or known.height == 2"], example)


def test_the_diagnostic_is_what_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(tmp_path / "shop")
    model = tmp_path / "shop/models/features/customer_spend.sql"
    model.write_text(model.read_text(encoding="utf-8").replace("sum(amount)", "sum(amout)"), encoding="utf-8")
    with pytest.raises(SystemExit):
        app(["compile", "--project-dir", str(tmp_path / "shop")])
    assert capsys.readouterr().err in blocks("text")


def test_excerpts_are_in_their_files() -> None:
    shown = [re.match(r"-- (\S+\.sql)\n(.*)", block, flags=re.DOTALL) for block in blocks("sql")]
    excerpts = [(found[1], found[2]) for found in shown if found]
    assert excerpts
    for path, text in excerpts:
        assert text in (ROOT / path).read_text(encoding="utf-8"), path


def test_the_lineage_says_so() -> None:
    (text,) = [block for block in blocks("text") if "needs" in block]
    printed = stage_text(api.load(ROOT).compile(), "departure_queue", "lineage").splitlines()
    assert set(text.splitlines()) < set(printed)


def test_the_project_file_is_valid(tmp_path: Path) -> None:
    (text,) = [block for block in blocks("yaml") if block.startswith("name:")]
    (tmp_path / "featsql_project.yml").write_text(text, encoding="utf-8")
    (tmp_path / "models").mkdir()
    project = load(tmp_path)
    assert project.target.attach[0].path == "crm.sqlite"


def test_every_command_has_its_line() -> None:
    commands = {str(each.name or (each.callback and each.callback.__name__)) for each in app.registered_commands}
    assert set(re.findall(r"^\| `featsql (\w+)` \|", README, flags=re.MULTILINE)) == commands


def test_links_lead_somewhere() -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path


def test_files_that_are_named_exist() -> None:
    for path in re.findall(r"`((?:bench|models|macros|data)/[\w/]+\.\w+)`", README):
        assert (ROOT / path).exists(), path
