"""Two processes compile a large project as one does: the same is said, and the same is kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

import featsql
from featsql.engine import VERSION
from featsql.resolve.cache.compile_cache import BODY, FILE

MODELS = 30
PROGRAM = """
import os, sys
import featsql.resolve.cache.worker_process as worker
from featsql.cli import main
worker.MANY, worker.LONG = {many}, 0
if {fails_at}:
    tell, told = worker.Worker.tell, []
    def leave(self, subject, name, value):
        told.append(name)
        if self.process is None and len(told) == {fails_at}:
            os._exit(1)
        tell(self, subject, name, value)
    worker.Worker.tell = leave
work = worker.assist
def assist(*arguments):
    open("assisted", "w").close()
    work(*arguments)
worker.assist = assist
sys.argv = ["featsql", "{command}"]
main()
"""
TWO = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="it takes two processors, and fork"
)


def write(folder: Path) -> None:
    """A project with models of every kind, each with something to be said of it now and then."""
    (folder / "models").mkdir(parents=True)
    (folder / "featsql_project.yml").write_text("name: many\nentities: [{name: customer, keys: [id]}]\n")
    (folder / "s.csv").write_text("id,ts,x\n1,2024-01-01 00:00:00,1.5\n")
    clock = "{time: {kind: events, event_time: ts, delay: 1 hour}}"
    sources = f"sources: [{{name: raw, tables: [{{name: s, location: s.csv, config: {clock}}}]}}]\n"
    (folder / "models/sources.yml").write_text(sources)
    for i in range(MODELS):
        above = f"{{{{ ref('m{i // 2}') }}}}" if i else "{{ source('raw', 's') }}"
        name = f"m{i}"
        (folder / f"models/{name}.sql").write_text(f"select id, ts, x + 1 as x from {above}\n")
        features = "{{ config(kind='features', entity='customer') }}"
        last = "sum(x)" if i % 3 else "any_value(x)"
        query = f"select id, {last} filter (where ts > as_of() - interval 3 day) as x from {{{{ ref('{name}') }}}}"
        (folder / f"models/f{i}.sql").write_text(f"{features}\n{query} group by id\n")
    labels = "{{ config(kind='labels', entity='customer', as_of='ts', label='y', horizon='1 day') }}"
    (folder / "models/labels.sql").write_text(
        f"{labels}\nselect id, ts, x > 1 as y from {{{{ source('raw', 's') }}}}\n"
    )


def compiled(folder: Path, many: int, fails_at: int = 0, command: str = "compile") -> tuple[int, str, str]:
    """What the program says of a project of which nothing is known."""
    shutil.rmtree(folder / "target", ignore_errors=True)
    (folder / "assisted").unlink(missing_ok=True)
    environment = os.environ | {"PYTHONPATH": str(Path(featsql.__file__).parent.parent)}
    process = [sys.executable, "-P", "-c", PROGRAM.format(many=many, fails_at=fails_at, command=command)]
    done = subprocess.run(process, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def kept(folder: Path) -> dict[str, Any]:
    """What is in the compile cache."""
    _, head, body = (folder / "target" / FILE).read_bytes().split(b"\n", 2)
    rows, at = json.loads(head)["rows"], 0
    found = {}
    for name, parts in rows.items():
        length = sum(parts[-BODY:])
        found[name] = [*parts, body[at : at + length].decode()]
        at += length
    return found


@TWO
def test_two_say_and_keep_what_one_does(tmp_path: Path) -> None:
    write(tmp_path)
    alone = compiled(tmp_path, many=1000)
    assert not (tmp_path / "assisted").exists()
    assert alone[0] == 0, alone
    assert "FS6" in alone[1] + alone[2]
    wanted = kept(tmp_path)
    assert compiled(tmp_path, many=10) == alone
    # DuckDB 1 has threads of its own from the beginning, so that its process cannot be doubled
    assert (tmp_path / "assisted").exists() is not VERSION.startswith("1.")
    assert kept(tmp_path) == wanted


@TWO
@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("m3", "x + 1", "nothing + 1"),
        ("f5", "group by id", "group by id limit 3"),
        ("m29", "x + 1", "x + 'a'::integer + missing"),
        ("m8", "x + 1", "length('{{ env_var('PATH') }}')"),
    ],
)
def test_two_say_what_one_does_of_a_change(name: str, old: str, new: str, tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / f"models/{name}.sql"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert compiled(tmp_path, many=10) == compiled(tmp_path, many=1000)


@TWO
@pytest.mark.parametrize("fails_at", [1, 30])
def test_one_that_is_left_goes_on_alone(fails_at: int, tmp_path: Path) -> None:
    write(tmp_path)
    alone = compiled(tmp_path, many=1000)
    wanted = kept(tmp_path)
    assert compiled(tmp_path, many=10, fails_at=fails_at) == alone
    assert kept(tmp_path) == wanted


def left(folder: Path) -> dict[str, Any]:
    """What a build left, without what tells when it was."""
    manifest = json.loads((folder / "target/manifest.json").read_text())
    del manifest["metadata"]["generated_at"]
    results = json.loads((folder / "target/run_results.json").read_text())["results"]
    texts = {path.name: path.read_text() for path in sorted((folder / "target/compiled").rglob("*.sql"))}
    with duckdb.connect(str(folder / "target/many.duckdb"), read_only=True) as connection:
        rows = {name: connection.execute(f"from {name} order by all").fetchall() for name in ("m7", "m29", "labels")}
    built = [{key: value for key, value in each.items() if key != "execution_time"} for each in results]
    return {"manifest": manifest, "results": built, "texts": texts, "rows": rows, "kept": kept(folder)}


@TWO
def test_two_leave_what_one_does_of_a_build(tmp_path: Path) -> None:
    write(tmp_path)
    for name, made in (("m7", "table"), ("m11", "ephemeral"), ("m29", "incremental")):
        path = tmp_path / f"models/{name}.sql"
        path.write_text(f"{{{{ config(materialized='{made}') }}}}\n{path.read_text()};\n")
    assert compiled(tmp_path, many=1000, command="build")[0] == 0
    alone = left(tmp_path)
    said = compiled(tmp_path, many=10, command="build")
    assert said[0] == 0, said
    assert (tmp_path / "assisted").exists() is not VERSION.startswith("1.")
    assert left(tmp_path) == alone
