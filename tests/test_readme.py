"""What README says is so: its commands and its Python run, its excerpts are in the files, its tables are complete."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from documents import README, ROOT, blocks, commands, files, run

from featsql import api
from featsql.cli.app import app
from featsql.cli.commands.init import init
from featsql.stages import stage_text

TEXT = README.read_text(encoding="utf-8")


def test_the_two_commands_are_marked_for_the_checks() -> None:
    for mark, end in (("build", "featsql build"), ("test", "pytest -n auto")):
        found = re.search(rf"^<!-- {mark} -->\n```sh\n(.*)\n```$", TEXT, flags=re.MULTILINE)
        assert found, mark
        assert found[1].startswith("python3 -m venv .venv && ")
        assert found[1].endswith(end)


FIRST, *TOUR = commands(README)


def test_the_first_training_table(tmp_path: Path) -> None:
    """The files of README, written into a new folder, give what it says."""
    for path, text in files(README).items():
        if "/features/" not in path:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, encoding="utf-8")
    said = [run(["-m", *shlex.split(line)], tmp_path) for line in FIRST]
    assert said[-1] in blocks(README, "text")
    run(["-m", "featsql", "verify"], tmp_path)
    assert "spent is NULL" in run(["-m", "featsql", "why", "training.spent", "--row", "1"], tmp_path)


@pytest.mark.parametrize("lines", TOUR, ids=[lines[0].removeprefix("featsql ") for lines in TOUR])
def test_the_commands_of_the_tour_run(lines: list[str], example: Path) -> None:
    for line in lines:
        assert run(["-m", *shlex.split(line)], example), line


def test_the_tour_is_not_short() -> None:
    assert sum(len(lines) for lines in TOUR) > 8


@pytest.mark.parametrize("block", blocks(README, "python"), ids=["features of a frame"])
def test_the_python_runs(block: str, example: Path) -> None:
    run(["-c", block + "\nassert known.height == 2"], example)


def test_the_diagnostic_is_what_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(tmp_path / "shop")
    model = tmp_path / "shop/models/features/customer_spend.sql"
    model.write_text(model.read_text(encoding="utf-8").replace("sum(amount)", "sum(amout)"), encoding="utf-8")
    with pytest.raises(SystemExit):
        app(["compile", "--project-dir", str(tmp_path / "shop")])
    assert capsys.readouterr().err in blocks(README, "text")


def test_excerpts_are_in_their_files() -> None:
    excerpts = {path: text for path, text in files(README).items() if "/features/" in path}
    assert excerpts
    for path, text in excerpts.items():
        assert text in (ROOT / path).read_text(encoding="utf-8"), path


def test_the_lineage_says_so() -> None:
    (text,) = [block for block in blocks(README, "text") if "needs" in block]
    printed = stage_text(api.load(ROOT).compile(), "departure_queue", "lineage").splitlines()
    assert set(text.splitlines()) < set(printed)
