"""The program itself: help, usage, exit codes, and the commands that need no data."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from program import environ, python, run

from featsql.cli.command import spread
from featsql.cli.commands.init import project_name
from featsql.cli.commands.show import read_entities
from featsql.codes import explanation, titles
from featsql.errors import FeatsqlError

HEAVY = {"duckdb", "polars", "pyarrow", "sqlglot", "jinja2", "yaml", "pandas"}


def test_help_starts_without_the_heavy_libraries() -> None:
    code = "import sys, featsql.cli\nsys.argv[1:] = ['--help']\ntry: featsql.cli.main()\nfinally: print(*sys.modules)"
    help_text, _, modules = python("-c", code).out.rpartition("\n  clean")
    assert "featsql build" in help_text
    assert HEAVY.isdisjoint(modules.split())


def test_compile_starts_without_what_it_does_not_need(tmp_path: Path) -> None:
    run("init", "shop", cwd=tmp_path)
    code = "import sys, featsql.cli\nsys.argv[1:] = ['compile']\ntry: featsql.cli.main()\nfinally: print(*sys.modules)"
    modules = python("-c", code, cwd=tmp_path / "shop").out.split()
    assert "sqlglot" in modules
    unneeded = {"polars", "pydantic", "rich"}
    if not version("duckdb").startswith("1."):  # 1.5 loads them itself
        unneeded |= {"numpy", "pyarrow", "pandas"}
    assert unneeded.isdisjoint(modules)


@pytest.mark.parametrize("command", ["build", "compile", "show", "ls", "lineage", "explain", "clean", "init"])
def test_every_command_shows_an_example(command: str) -> None:
    ended = run(command, "--help")
    assert ended.code == 0
    assert re.search(rf"Examples?:\n    featsql {command}", ended.out)


def test_version() -> None:
    assert re.fullmatch(r"featsql \d+\.\d+\.\d+\n", run("--version").out)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["biuld"], "build"),
        (["build", "--selct", "x"], "--select"),
        (["show"], "give either a NAME or --inline SQL"),
        (["show", "a", "--inline", "select 1"], "give either a NAME or --inline SQL"),
        (["show", "--inline", "select 1", "--stage", "sql"], "needs the NAME"),
        (["build", "--threads", "0"], "--threads"),
        (["build", "--threads", "two"], "--threads"),
        (["show", "a", "--limit", "-1"], "--limit"),
    ],
)
def test_usage_errors(args: list[str], said: str, tmp_path: Path) -> None:
    ended = run(*args, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_init_writes_only_into_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("mine\n")
    assert run("init", cwd=tmp_path).code == 0
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    again = run("init", cwd=tmp_path)
    assert again.code == 1
    assert "FS905" in again.err
    assert "FS905" in run("init", str(tmp_path / "README.md")).err
    assert "FS905" in run("init", str(tmp_path / "README.md" / "sub")).err


def test_no_project_is_a_diagnostic(tmp_path: Path) -> None:
    ended = run("build", cwd=tmp_path)
    assert ended.code == 1
    assert "featsql_project.yml" in ended.err


def test_explain() -> None:
    assert run("explain", "fs410").out == explanation("FS410")
    assert "FS410  nothing-selected" in run("explain").out
    unknown = run("explain", "FS41")
    assert unknown.code == 1
    assert "did you mean `FS41" in unknown.err


@pytest.mark.parametrize("code", titles())
def test_every_code_is_explained(code: str) -> None:
    page = explanation(code)
    assert page is not None
    assert re.match(rf"# {code} [a-z][a-z-]+\n\n\S", page)
    assert page.count("```") >= 2 or "`" in page.partition("Wrong")[2]
    assert ("Wrong" in page) == ("Right" in page)


def test_clean_removes_the_target_path(tmp_path: Path) -> None:
    run("init", cwd=tmp_path)
    (tmp_path / "target" / "sub").mkdir(parents=True)
    assert run("clean", cwd=tmp_path).out == "Removed target\n"
    assert not (tmp_path / "target").exists()
    assert run("clean", cwd=tmp_path).out == "There is no target to remove\n"


@pytest.mark.parametrize("target", [".", "models", "..", "linked", "README.md", "/"])
def test_clean_is_safe(target: str, tmp_path: Path) -> None:
    folder, outside = tmp_path / "project", tmp_path / "outside"
    run("init", str(folder))
    outside.mkdir()
    (outside / "precious").touch()
    (folder / "linked").symlink_to(outside)
    project = folder / "featsql_project.yml"
    project.write_text(project.read_text() + f"target-path: {target}\n")
    before = sorted(tmp_path.rglob("*"))
    assert run("clean", cwd=folder).code == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_bug_is_one_line(tmp_path: Path) -> None:
    code = (
        "import sys, featsql.cli, featsql.cli.commands.init as init\n"
        "def fail(folder): raise KeyError('gone\\naway')\n"
        "init.refuse_full = fail\n"
        "sys.argv = ['featsql', 'init']\n"
        "featsql.cli.main()"
    )
    plain = python("-c", code, cwd=tmp_path)
    assert (plain.code, plain.out) == (70, "")
    assert plain.err == "internal error: KeyError: 'gone\\naway' (a bug in featsql; FEATSQL_TRACEBACK=1 shows where)\n"
    traced = python("-c", code, cwd=tmp_path, FEATSQL_TRACEBACK="1")
    assert traced.code == 70
    assert traced.err.startswith("Traceback")
    assert traced.err.endswith(plain.err)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ("--select a b", "--select a --select b"),
        ("-s a b --exclude c d --json", "-s a -s b --exclude c --exclude d --json"),
        ("--threads 2 -s a", "--threads 2 -s a"),
        ("x --limit 3 y", "x --limit 3 y"),
        ("--select=a b", "--select=a b"),
    ],
)
def test_spread(args: str, expected: str) -> None:
    assert list(spread(args.split())) == expected.split()


@pytest.mark.parametrize(
    ("name", "expected"), [("My Shop", "my_shop"), ("7days", "project_7days"), ("é", "project"), ("", "project")]
)
def test_project_name(name: str, expected: str) -> None:
    assert project_name(name) == expected


def test_entities() -> None:
    assert read_entities(["a=1", "b=x=y", "a=2", "b="]) == [{"a": "1", "b": "x=y"}, {"a": "2", "b": ""}]
    with pytest.raises(FeatsqlError, match="FS902"):
        read_entities(["=1"])


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no device that is always full")
@pytest.mark.parametrize("args", [["explain", "FS101"], ["--help"], ["--version"], ["build", "--help"]])
def test_a_full_disk_is_not_our_error(args: list[str]) -> None:
    command = [sys.executable, "-m", "featsql", *args]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environ(), check=False)
    assert (ended.returncode, ended.stderr) == (1, "error: the output cannot be written: No space left on device\n")


def test_a_closed_output_is_written_to_in_vain() -> None:
    command = f"{shlex.quote(sys.executable)} -m featsql explain FS101 >&-"
    ended = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, env=environ(), check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
