"""Small tables become part of the target together, and each is whole, or as it was, whatever happens to the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

import featsql
from featsql.build import work
from featsql.build.results import Event, Finished
from featsql.engine import Engine

TABLES = 6
FIRST = "{{ config(materialized='table') }}\nselect 1 as n\n"
NEXT = "{{ config(materialized='table') }}\nselect n + 1 as n from "


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"models/{name}.sql").write_text(text)


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """Tables of one row, each read by the next."""
    (tmp_path / "models").mkdir()
    (tmp_path / "featsql_project.yml").write_text("name: chain\noutputs: {dev: {path: target/chain.duckdb}}\n")
    write(tmp_path, "t0", FIRST)
    for i in range(1, TABLES):
        write(tmp_path, f"t{i}", f"{NEXT}{{{{ ref('t{i - 1}') }}}}\n")
    return tmp_path


def held(folder: Path) -> dict[str, Any]:
    """The one row of every table of the target."""
    with duckdb.connect(str(folder / "target/chain.duckdb"), read_only=True) as connection:
        names = [name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()]
        return {name: connection.execute(f"from {name}").fetchall()[0][0] for name in sorted(names)}


def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ends of transactions from here on."""
    found: list[str] = []
    execute = Engine.execute

    def listening(self: Engine, sql: str) -> None:
        found.extend([sql] if sql in {"COMMIT", "ROLLBACK"} else [])
        execute(self, sql)

    monkeypatch.setattr(Engine, "execute", listening)
    return found


def test_little_tables_share_a_transaction(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "PATIENCE", 60)
    ended = commits(monkeypatch)
    heard: list[Event] = []
    run = featsql.load(chain).build(on_event=heard.append)
    assert run.ok
    assert ended == ["COMMIT"]
    assert held(chain) == {f"t{i}": i + 1 for i in range(TABLES)}
    places = [(type(event).__name__, event.index) for event in heard]
    assert sorted(places) == sorted((kind, i + 1) for i in range(TABLES) for kind in ("Started", "Finished"))
    finished = [event for event in heard if isinstance(event, Finished)]
    assert [event.index for event in finished] == [*range(1, TABLES + 1)]
    assert all(event.result.fingerprint and event.result.rows == 1 for event in finished)


def test_no_table_waits_long_for_others(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "PATIENCE", 0)
    ended = commits(monkeypatch)
    assert featsql.load(chain).build().ok
    assert len(ended) >= TABLES - 1


def test_many_rows_are_a_transaction_of_their_own(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "FEW", 0)
    ended = commits(monkeypatch)
    assert featsql.load(chain).build().ok
    assert ended == []


def test_what_was_made_before_a_failure_stands(chain: Path) -> None:
    assert featsql.load(chain).build().ok
    write(chain, "t0", FIRST.replace("1 as n", "10 as n"))
    write(chain, "t3", f"{NEXT}{{{{ ref('t2') }}}} where error('no')\n")
    run = featsql.load(chain).build()
    assert [result.status for result in run.results] == ["success"] * 3 + ["error", "skipped", "skipped"]
    assert run.results[3].diagnostics[0].code == "FS807"
    assert held(chain) == {"t0": 10, "t1": 11, "t2": 12, "t3": 4, "t4": 5, "t5": 6}
    write(chain, "t3", f"{NEXT}{{{{ ref('t2') }}}}\n")
    assert [result.status for result in featsql.load(chain).build().results] == ["unchanged"] * 3 + ["success"] * 3
    assert held(chain) == {f"t{i}": i + 10 for i in range(TABLES)}


def test_what_is_interrupted_is_built_again(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert featsql.load(chain).build().ok
    write(chain, "t0", FIRST.replace("1 as n", "10 as n"))
    create = Engine.create_as

    def interrupted(self: Engine, kind: str, table: Any, text: str) -> int:
        if table.name == "t3":
            raise KeyboardInterrupt
        return create(self, kind, table, text)

    monkeypatch.setattr(Engine, "create_as", interrupted)
    with pytest.raises(KeyboardInterrupt):
        featsql.load(chain).build()
    monkeypatch.undo()
    assert held(chain) == {"t0": 10, **{f"t{i}": i + 1 for i in range(1, TABLES)}}
    nodes = json.loads((chain / "target/state.json").read_text())["nodes"]
    assert "t1" not in nodes
    assert featsql.load(chain).build().ok
    assert held(chain) == {f"t{i}": i + 10 for i in range(TABLES)}


def test_what_may_make_many_rows_of_few_is_a_transaction_of_its_own(
    chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "PATIENCE", 60)
    write(chain, "t2", f"{NEXT}{{{{ ref('t1') }}}}, range(2)\n")
    ended = commits(monkeypatch)
    run = featsql.load(chain).build()
    assert [result.rows for result in run.results] == [1, 1, 2, 2, 2, 2]
    assert ended == ["COMMIT", "COMMIT"]


def test_settings_are_as_they_were_afterwards(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine.memory({"threads": 3})
    asked = "SELECT current_setting('threads')"
    with engine.setting({"threads": 1, "no such setting": 5}):
        assert engine.rows(asked) == [(1,)]
    assert engine.rows(asked) == [(3,)]
    monkeypatch.setattr(work, "SEVERAL", 2)
    seen: list[Any] = []
    create = Engine.create_as

    def seeing(self: Engine, kind: str, table: Any, text: str) -> int:
        seen.append(self.rows(asked)[0][0])
        return create(self, kind, table, text)

    monkeypatch.setattr(Engine, "create_as", seeing)
    assert featsql.load(chain, threads=3).build().ok
    assert seen == [3, 1, 1, 1, 1, 1]
