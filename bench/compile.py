"""How long a project of many models takes: to compile at first and again, and tiny ones to run.

    python bench/compile.py [models] [--dbt PATH]

Every figure is the wall time of a whole process, the best of three (the first compilation: once), with its peak memory.
The tiny models are run once more as the same statements sent to DuckDB one after the other. What no compiler of this
kind can be without is measured alone (alone.py). dbt parses the same models, where there is one: it needs dbt-duckdb.
Prints a table.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from options import count

from models import main as write_models

HERE = Path(__file__).parent
FEATSQL = (sys.executable, "-m", "featsql")
BY_HAND = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
for line in open(sys.argv[2]):
    connection.execute(line).fetchall()
"""


def measured(command: Sequence[str]) -> tuple[float, float]:
    """The seconds that a process takes, and its peak memory in megabytes. Raises SystemExit where it fails."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def tiny(folder: Path, number: int) -> None:
    """Models that do next to nothing, and the same as statements."""
    (folder / "models").mkdir(parents=True)
    (folder / "featsql_project.yml").write_text("name: tiny\noutputs: {dev: {path: target/tiny.duckdb}}\n")
    statements = []
    for i in range(number):
        query = f"select {i} as n" if i < 10 else f"select n + 1 as n from {{{{ ref('t{i - 10}') }}}}"
        (folder / f"models/t{i}.sql").write_text("{{ config(materialized='table') }}\n" + query + "\n")
        plain = f"select {i} as n" if i < 10 else f"select n + 1 as n from t{i - 10}"
        statements.append(f"create or replace table t{i} as {plain}\n")
    (folder / "statements.sql").write_text("".join(statements))


def for_dbt(folder: Path, models: Path) -> None:
    """The same models as a project of dbt."""
    shutil.copytree(models, folder / "models")
    project = "name: many\nversion: '1.0.0'\nprofile: many\nmodel-paths: [models]\n"
    (folder / "dbt_project.yml").write_text(project)
    (folder / "profiles.yml").write_text("many: {target: dev, outputs: {dev: {type: duckdb, path: dbt.duckdb}}}\n")


def main() -> None:
    """Measure everything, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=count, nargs="?", default=1000)
    parser.add_argument("--dbt", default=shutil.which("dbt"), help="the command (default: that of the PATH, if any)")
    options = parser.parse_args()
    number: int = options.models
    rows: list[tuple[str, float, float]] = []

    def add(what: str, command: Sequence[str], times: int = 3) -> float:
        best = min(measured(command) for _ in range(times))
        rows.append((what, *best))
        return best[0]

    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        many, small = base / "many", base / "small"
        write_models(many, number)
        compile_ = (*FEATSQL, "compile", "--project-dir", str(many))
        add(f"compile {number:,} models", compile_, 1)
        if options.dbt:
            for_dbt(base / "dbt", many / "models")
            folders = ("--project-dir", str(base / "dbt"), "--profiles-dir", str(base / "dbt"))
            add("dbt parse", (options.dbt, "--quiet", "parse", "--no-partial-parse", *folders))
        add("compile again", compile_)
        add("sqlglot and DuckDB alone, in one process", (sys.executable, str(HERE / "alone.py"), str(many)))
        changed = sorted((many / "models").glob("model_*.sql"))[number // 3]
        changed.write_text(changed.read_text().replace("c0 > 0", "c0 > 1"))
        add("compile after one changed", compile_, 1)
        add("featsql --help", (*FEATSQL, "--help"))
        tiny(small, number)
        build = (*FEATSQL, "build", "--full-refresh", "--project-dir", str(small))
        add(f"compile and build {number:,} tiny models", build, 1)
        ours = add("build them all again", build)
        script = base / "by_hand.py"
        script.write_text(BY_HAND)
        command = (sys.executable, str(script), str(base / "hand.duckdb"), str(small / "statements.sql"))
        theirs = add("the same statements by hand", command)
    print("| what | seconds | MB |\n|---|---|---|")
    for what, seconds, memory in rows:
        print(f"| {what} | {seconds:.2f} | {memory:.0f} |")
    print(f"\ntiny models: {ours / theirs:.1f} x the statements by hand")


if __name__ == "__main__":
    main()
