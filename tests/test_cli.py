"""The command line on projects: the starter project from `init` on, what fails, and what machines read."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from program import environ, python, run


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter project, built."""
    folder = tmp_path_factory.mktemp("starter") / "My Shop"
    assert run("init", str(folder)).code == 0
    built = run("build", cwd=folder)
    assert built.code == 0, built.err
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A project of the given files."""

    def written(**files: str) -> Path:
        (tmp_path / "featsql_project.yml").write_text(
            "name: tiny\nversion: '1'\noutputs: {dev: {path: target/t.duckdb}}\n"
        )
        for name, content in files.items():
            path = tmp_path / "models" / f"{name}.sql"
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        return tmp_path

    return written


def test_the_starter_project_is_whole(shop: Path) -> None:
    assert (shop / ".gitignore").read_text() == "target/\n"
    assert "name: my_shop\n" in (shop / "featsql_project.yml").read_text()
    assert (shop / "target" / "churn_training.parquet").exists()
    assert [r["status"] for r in json.loads((shop / "target" / "run_results.json").read_text())["results"]] == [
        "success"
    ] * 3


def test_build_says_a_line_for_each_node(shop: Path) -> None:
    run("clean", cwd=shop)  # a second build would say that nothing changed
    ended = run("build", cwd=shop)
    *lines, last = ended.out.splitlines()
    assert [re.sub(r"\d+\.\ds", "1.0s", line) for line in lines][1:] == [
        "2 of 3 OK    features     customer_spend  compiled; evaluated wherever a spine asks for it",
        "3 of 3 OK    training_set churn_training  143 rows in 1.0s; published to target/churn_training.parquet",
    ]
    assert re.fullmatch(r"Finished in \d+\.\ds: 3 built in target/features\.duckdb", last)
    assert ended.err == ""


def test_build_of_a_part_as_json(shop: Path) -> None:
    for chosen in (
        ["--select", "churn", "customer_spend"],
        ["-s", "churn customer_spend"],
        ["--exclude", "kind:training_set"],
    ):
        ended = run("build", "--json", *chosen, cwd=shop)
        assert ended.code == 0
        assert ended.data["ok"] is True
        assert {result["name"]: result["status"] for result in ended.data["results"]} == {
            "churn": "success",
            "customer_spend": "success",
        }
        assert "1 of 2 OK" in ended.err


def test_nothing_to_build_is_said(shop: Path) -> None:
    ended = run("build", "--select", "source:shop", cwd=shop)
    assert (ended.code, ended.err) == (0, "")
    assert "nothing to build" in ended.out


def test_a_failing_model_is_told_and_what_reads_it_is_skipped(write: Callable[..., Path]) -> None:
    table = "{{ config(materialized='table') }}\n"
    folder = write(
        a=table + "select error('no luck') as x",
        b=table + "select * from {{ ref('a') }}",
        c=table + "select 1 as x",
    )
    ended = run("build", cwd=folder)
    assert ended.code == 1
    assert re.search(r"1 of 3 ERROR table +a ", ended.out)
    assert re.search(r"SKIP  table +b  `a` failed", ended.out)
    assert "1 failed, 1 skipped, 1 built" in ended.out
    assert "no luck" in ended.err
    assert "Traceback" not in ended.err
    as_json = run("build", "--json", cwd=folder)
    assert as_json.code == 1
    failed = next(result for result in as_json.data["results"] if result["name"] == "a")
    assert failed["diagnostics"][0]["place"]["path"] == "models/a.sql"
    fast = run("build", "--fail-fast", "--json", cwd=folder)
    assert [result["status"] for result in fast.data["results"]] == ["error", "skipped", "skipped"]


def test_warnings_of_the_compiler_are_shown(tmp_path: Path) -> None:
    run("init", cwd=tmp_path)
    model = tmp_path / "models" / "features" / "customer_spend.sql"
    model.write_text(model.read_text().replace("arg_max(amount, paid_at)", "any_value(amount)"))
    ended = run("build", cwd=tmp_path)
    assert ended.code == 0
    assert ended.err.startswith("models/features/customer_spend.sql:8:")
    assert "warning[FS611]" in ended.err
    assert [found["code"] for found in run("build", "--json", cwd=tmp_path).data["diagnostics"]] == ["FS611"]


def test_show_json_is_columns_and_rows(shop: Path) -> None:
    data = run("show", "churn_training", "--limit", "2", "--json", cwd=shop).data
    assert list(data) == ["columns", "rows"]
    assert data["columns"][:3] == ["customer_id", "asked_at", "churned"]
    assert [list(row) for row in data["rows"]] == [data["columns"]] * 2
    assert data["rows"][0]["asked_at"] == "2024-02-01T00:00:00"


def test_show_at_an_instant_for_entities(shop: Path) -> None:
    entities = ["--entity", "customer_id=7", "--entity", "customer_id=-1"]
    data = run("show", "customer_spend", "--as-of", "2024-03-01 00:00:00", *entities, "--json", cwd=shop).data
    assert {row["customer_id"]: row["payments_30d"] for row in data["rows"]} == {7: 3, -1: 0}
    wrong = run("show", "customer_spend", "--entity", "7", cwd=shop)
    assert (wrong.code, "FS902" in wrong.err) == (1, True)


def test_show_inline_sql(shop: Path) -> None:
    sql = "select count(*) as n from {{ source('shop', 'payments') }}"
    assert run("show", "--inline", sql, "--json", cwd=shop).data == {"columns": ["n"], "rows": [{"n": 470}]}
    failed = run("show", "--inline", "select error('oh')", cwd=shop)
    assert (failed.code, "oh" in failed.err, "Traceback" in failed.err) == (1, True, False)


def test_what_a_locale_cannot_show_is_escaped(shop: Path) -> None:
    command = ["-m", "featsql", "show", "--inline", "select 'é' as x"]
    assert python(*command, cwd=shop, PYTHONIOENCODING="ascii").out.splitlines()[-1] == "\\xe9"
    assert python(*command, "--json", cwd=shop, PYTHONIOENCODING="ascii").data["rows"] == [{"x": "é"}]
    assert python(*command, cwd=shop, PYTHONIOENCODING="utf-8").out.splitlines()[-1] == "é"


@pytest.mark.parametrize("stage", ["text", "tree", "config", "relations", "lineage", "plan", "sql"])
def test_show_a_stage(stage: str, shop: Path) -> None:
    ended = run("show", "churn_training", "--stage", stage, cwd=shop)
    assert ended.code == 0
    assert ended.out.strip()


def test_ls(shop: Path) -> None:
    assert run("ls", cwd=shop).out.splitlines() == [
        "source        shop.payments",
        "labels        churn",
        "features      customer_spend",
        "training_set  churn_training",
    ]
    (only,) = run("ls", "--select", "kind:features", "--json", cwd=shop).data
    assert (only["name"], only["path"], only["entity"]) == (
        "customer_spend",
        "models/features/customer_spend.sql",
        ["customer"],
    )


def test_a_folder_inside_the_project_will_do(shop: Path) -> None:
    assert run("ls", cwd=shop / "models").out == run("ls", "--project-dir", str(shop), cwd="/").out


def test_lineage_is_json(shop: Path) -> None:
    assert "churn_training" in json.dumps(run("lineage", cwd=shop).data)
    chosen = run("lineage", "--select", "customer_spend", cwd=shop)
    assert "churn_training" not in json.dumps(chosen.data)


def test_compile(shop: Path, write: Callable[..., Path]) -> None:
    assert run("compile", cwd=shop).out == "Compiled 3 models (1 features, 1 labels, 1 training set)\n"
    assert run("compile", "--json", cwd=shop).data == {"diagnostics": []}
    broken = write(a="select *\nfrom {{ ref('bb') }}", b="select 1 as x")
    ended = run("compile", cwd=broken)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("models/a.sql:2:")
    for command in (["compile"], ["build"], ["show", "b"], ["ls"]):
        (found,) = run(*command, "--json", cwd=broken).data["diagnostics"]
        assert (found["code"], found["severity"]) == ("FS401", "error")
        assert (found["place"]["path"], found["place"]["line"]) == ("models/a.sql", 2)


@pytest.mark.parametrize("value", ["a: [", "7", "[a]", "a:b", "{1: 2}", "{day: 2024-02-30}", "{all: &all [*all]}"])
def test_bad_vars_are_a_diagnostic(value: str, shop: Path) -> None:
    ended = run("ls", "--vars", value, "--json", cwd=shop)
    assert ended.code == 1
    assert [found["code"] for found in ended.data["diagnostics"]] == ["FS901"]


def test_vars_reach_the_models(write: Callable[..., Path]) -> None:
    folder = write(a="select {{ var('n') }} as n")
    for value in ("n: 5", '{"n": 5}'):
        assert run("show", "a", "--vars", value, "--json", cwd=folder).data["rows"] == [{"n": 5}]


def test_a_reader_that_leaves_is_no_error(shop: Path) -> None:
    sql = "select range as a, repeat('x', 1000) as b from range(5000)"
    for extra in ([], ["--json"]):
        command = [sys.executable, "-m", "featsql", "show", "--inline", sql, "--limit", "5000", *extra]
        process = Popen(command, cwd=shop, env=environ(), stdout=PIPE, stderr=PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait(60) == 141


@pytest.mark.parametrize("seconds", [0, 1])
def test_ctrl_c(seconds: float, write: Callable[..., Path]) -> None:
    query = "select i.range as x from range(1000000000) as i order by hash(i.range)"
    folder = write(a="{{ config(materialized='table') }}\n" + query)
    command = [sys.executable, "-m", "featsql", "build"]
    with Popen(command, cwd=folder, env=environ(), stdout=PIPE, stderr=PIPE, text=True) as process:
        while not (folder / "target" / "t.duckdb").exists() and process.poll() is None:
            time.sleep(0.05)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.endswith("interrupted\n")
    assert "Traceback" not in errors


def test_who_shall_not_hear_an_interrupt_does_not(write: Callable[..., Path]) -> None:
    """As in the background of a script."""
    folder = write(a="{{ config(materialized='table') }} select 1 as x")
    command = ["sh", "-c", 'trap "" INT; exec "$0" -m featsql build', sys.executable]
    with Popen(command, cwd=folder, env=environ(), stdout=PIPE, stderr=PIPE, text=True) as process:
        time.sleep(0.1)
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
    assert process.returncode == 0


def test_an_interrupt_inside_an_exec_ends_alike(tmp_path: Path) -> None:
    program = """
import featsql.cli.app, sys
def app(prog_name):
    try:
        exec("raise KeyboardInterrupt")
    except KeyboardInterrupt:
        sys.exit(130)
featsql.cli.app.app = app
featsql.cli.main()
"""
    (tmp_path / "program.py").write_text(program)
    assert subprocess.run([sys.executable, "-m", "program"], cwd=tmp_path, check=False).returncode == 130
