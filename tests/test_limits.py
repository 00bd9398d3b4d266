"""`memory_limit` and `threads` count what featsql and its libraries take beside the engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

import featsql
from featsql.engines.duckdb.columnar import chosen, temporaries

LABELS, EVENTS = 3_000, 5_000
WATCHED = """
import json, os, resource, sys, threading, time
most = [0]
def watch():
    while True:
        most[0] = max(most[0], len(os.listdir("/proc/self/task")))
        time.sleep(0.01)
threading.Thread(target=watch, daemon=True).start()
sys.argv = ["featsql", "build", "--full-refresh"]
from featsql.cli import main
try:
    main()
finally:
    print(json.dumps([most[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]), file=sys.stderr)
"""


def written(folder: Path, labels: int, events: int, **limits: Any) -> Path:
    """A training set of so many labels, over so many events."""
    (folder / "models").mkdir(parents=True)
    output = json.dumps({"path": "target/f.duckdb", **limits})
    (folder / "featsql_project.yml").write_text(
        f"name: p\noutputs: {{dev: {output}}}\nentities: [{{name: customer, keys: [customer_id]}}]\n"
    )
    with duckdb.connect() as connection:
        for name, size, more in (
            ("pay", events, "(hash(range + 3) % 10000)::int as amount"),
            ("ask", labels, "1 as y"),
        ):
            key, at = (
                "(hash(range) % 1000)::int as customer_id",
                "interval (hash(range + 7) % 31536000) second",
            )
            query = f"select {key}, timestamp '2024-01-01' + {at} as happened, {more} from range({size})"
            connection.execute(f"copy ({query}) to '{folder}/{name}.parquet'")
    clock = "{time: {kind: events, event_time: happened, delay: 0 seconds}}"
    tables = "".join(f"      - {{name: {n}, location: {n}.parquet, config: {clock}}}\n" for n in ("pay", "ask"))
    (folder / "models/s.yml").write_text(f"sources:\n  - name: s\n    tables:\n{tables}")
    windows = ", ".join(
        f"{call}(amount) filter (where happened > as_of() - interval {days} days) as {call}_{days}"
        for call in ("sum", "max", "min", "avg", "count")
        for days in (7, 30, 90)
    )
    for name, text in {
        "f": f"{{{{ config(kind='features', entity='customer') }}}}select customer_id, {windows}"
        " from {{ source('s', 'pay') }} group by customer_id",
        "l": "{{ config(kind='labels', entity='customer', as_of='happened') }}select customer_id, happened, y"
        " from {{ source('s', 'ask') }}",
        "t": "{{ config(kind='training_set') }}select l.*, f.* exclude (customer_id) from {{ ref('l') }} as l"
        " left join {{ ref('f') }} as f using (customer_id)",
    }.items():
        (folder / f"models/{name}.sql").write_text(text)
    return folder


def built(folder: Path) -> tuple[Any, Any]:
    """How the features were found, and the rows."""
    run = featsql.load(folder).build()
    assert run.ok, run.results
    with duckdb.connect(folder / "target/f.duckdb", read_only=True) as connection:
        return run.results[-1].methods[0], connection.execute("select * from t order by all").fetchall()


def test_arrays_that_have_no_room_are_left_to_the_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "LEAST", 0)
    found = []
    for share in (temporaries.ARRAYS, 1e-5):
        monkeypatch.setattr(temporaries, "ARRAYS", share)
        found.append(built(written(tmp_path / str(share), LABELS, EVENTS, memory_limit="1GB")))
    assert ["arrays" in method for method, _ in found] == [True, False]
    assert found[0][1] == found[1][1]


def test_the_engine_has_its_own_limit_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "LEAST", 0)
    project = featsql.load(written(tmp_path / "p", LABELS, EVENTS, memory_limit="800MB"))
    assert project.training_set("t").to_arrow().num_rows == LABELS
    (limit,) = project.workspace.engine.rows("select current_setting('memory_limit')")[0]
    assert limit == "762.9 MiB"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted by what Linux tells")
@pytest.mark.parametrize("labels", [300_000, 1_200_000])
def test_a_build_keeps_to_its_limits(tmp_path: Path, labels: int) -> None:
    folder = written(tmp_path / "p", labels, 2_000_000, memory_limit="300MB", threads=2)
    done = subprocess.run([sys.executable, "-c", WATCHED], cwd=folder, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    threads, memory = json.loads(done.stderr.splitlines()[-1])
    assert memory <= 600_000_000
    assert threads <= 10  # with the one that counts
