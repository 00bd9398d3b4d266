"""Two builds at once: one waits for the other, and whatever happens, the next build is as if nothing had."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

import featsql
from featsql.build.lock import building, locked
from featsql.build.results import Started
from featsql.errors import FeatsqlError

MODELS = 6


def written(folder: Path, path: str = "target/f.duckdb") -> Path:
    """A small project."""
    (folder / "models").mkdir(parents=True)
    (folder / "featsql_project.yml").write_text(f"name: p\noutputs: {{dev: {{path: {path}}}}}\n")
    for number in range(MODELS):
        above = f"{{{{ ref('m{number - 1}') }}}}" if number else "range(1000) as r(x)"
        text = f"{{{{ config(materialized='table') }}}}select x + 1 as x from {above}"
        (folder / f"models/m{number}.sql").write_text(text)
    return folder


def rows(path: Path) -> list[Any]:
    """What the last table of a project holds."""
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(f"select count(*), sum(x) from m{MODELS - 1}").fetchall()


def test_a_second_build_waits(tmp_path: Path) -> None:
    folder, events = written(tmp_path / "p"), list[str]()
    began, go_on = threading.Event(), threading.Event()

    def first() -> None:
        def listen(event: Any) -> None:
            if isinstance(event, Started):
                began.set()
                assert go_on.wait(60)

        featsql.load(folder).build(on_event=listen)

    def waiting(holder: str) -> None:
        events.append(holder)
        go_on.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert began.wait(60)
    with pytest.raises(FeatsqlError) as caught:
        featsql.load(folder).build(wait=0)
    assert caught.value.diagnostics[0].code == "FS815"
    assert f"process {os.getpid()}" in caught.value.diagnostics[0].message
    run = featsql.load(folder).build(on_wait=waiting)
    thread.join()
    assert events == [f"another build of this project (process {os.getpid()})"]
    assert {result.status for result in run.results} == {"unchanged"}
    assert rows(folder / "target/f.duckdb") == [(1000, 505500)]


def test_projects_that_share_a_database_wait_for_each_other(tmp_path: Path) -> None:
    one, other = (featsql.load(written(tmp_path / name, "../shared/f.duckdb")) for name in ("one", "other"))
    told: list[str] = []
    with building(one.project, 0, told.append), pytest.raises(FeatsqlError) as caught:
        other.build(wait=0)
    assert "into this database" in caught.value.diagnostics[0].message
    assert other.build().ok
    assert one.build().ok


def test_a_database_that_is_open_elsewhere_is_told_in_words(tmp_path: Path) -> None:
    folder = written(tmp_path / "p")
    (folder / "target").mkdir()
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(folder / "target/f.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(FeatsqlError) as caught:
            featsql.load(folder).build()
        process.communicate(b"")
    (found,) = caught.value.diagnostics
    assert found.code == "FS803"
    assert found.message == f"`f.duckdb` is open in another program (PID {process.pid}), which lets nobody write"


def test_a_lock_ends_with_its_process_though_a_copy_of_it_lives(tmp_path: Path) -> None:
    script = """
import os, sys, time
from pathlib import Path
from featsql.build.lock import locked
with locked(Path(sys.argv[1]), "it", 0, print):
    if os.fork() == 0:
        os.close(1)
        time.sleep(20)
        os._exit(0)
    print("locked", flush=True)
    sys.stdin.read()
"""
    path = tmp_path / "target/.lock"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(FeatsqlError), locked(path, "it", 0, lambda _: None):
            pass
        process.kill()
        process.wait()
        with locked(path, "it", 5, lambda _: None):
            assert path.read_text() == str(os.getpid())


def test_clean_waits_and_leaves_nothing_locked(tmp_path: Path) -> None:
    folder = written(tmp_path / "p")
    assert featsql.load(folder).build().ok
    with building(featsql.load(folder).project, 0, print):
        command = [sys.executable, "-m", "featsql", "clean"]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Waiting for another build of this project (process ")
    assert process.stdout.read() == "Removed target\n"
    assert process.wait() == 0
    process.stdout.close()
    assert not (folder / "target").exists()
    assert featsql.load(folder).build().ok


def test_a_folder_that_cannot_be_written_to_has_no_lock(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with locked(tmp_path / "file/.lock", "it", 0, print):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_many_builds_at_once(tmp_path: Path, killed: bool) -> None:
    folder = written(tmp_path / "p")
    command = [sys.executable, "-m", "featsql", "build"]
    for turn in range(15):
        text = f"{{{{ config(materialized='table') }}}}select x + {turn} as x from range(1000) as r(x)"
        (folder / "models/m0.sql").write_text(text)
        refresh = ["--full-refresh"] if turn % 3 == 0 else []
        running = [subprocess.Popen([*command, *refresh], cwd=folder, stdout=subprocess.DEVNULL) for _ in range(3)]
        if killed:
            time.sleep(0.2 + turn / 15)
            running[turn % 3].kill()
        codes = [each.wait() for each in running]
        assert set(codes) <= ({0, -9} if killed else {0})
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        assert rows(folder / "target/f.duckdb") == [(1000, 499500 + 1000 * (turn + MODELS - 1))]
