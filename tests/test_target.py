"""What was built is brought to its place in the target's file while modules are loaded, not only in the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from featsql.engine import Engine
from featsql.engines.duckdb.columnar import compute
from featsql.engines.duckdb.columnar.precompute import COMPUTING, stored
from featsql.engines.duckdb.columnar.temporaries import Temporaries


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A session with a database in a file, and a table in it that is only in the log so far."""
    engine = Engine.memory()
    engine.execute(f"ATTACH '{tmp_path / 'built.duckdb'}' AS \"odd name\"")
    engine.execute('CREATE TABLE "odd name".main.some AS SELECT range AS i FROM range(10)')
    yield engine
    engine.close()


def logged(tmp_path: Path) -> bool:
    """Whether something is only in the log."""
    log = tmp_path / "built.duckdb.wal"
    return log.exists() and log.stat().st_size > 0


@pytest.mark.parametrize(
    ("target", "first", "left"),
    [("odd name", True, False), ("odd name", False, True), ("no such", True, True), (None, True, True)],
    ids=["stored", "no time for it", "nowhere to store", "nothing to store"],
)
def test_what_was_built_is_stored_while_modules_are_loaded(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str | None, first: bool, left: bool
) -> None:
    assert compute.__name__ == COMPUTING
    if first:
        monkeypatch.delitem(sys.modules, COMPUTING)
    assert logged(tmp_path)
    with stored(Temporaries(engine, target=target)):
        pass
    assert logged(tmp_path) is left
    assert engine.rows('SELECT count(*) FROM "odd name".main.some') == [(10,)]


def test_a_transaction_is_not_in_the_way(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, COMPUTING)
    with engine.transaction():
        engine.execute('INSERT INTO "odd name".main.some VALUES (10)')
        with stored(Temporaries(engine, target="odd name")):
            pass
    assert engine.rows('SELECT count(*) FROM "odd name".main.some') == [(11,)]
