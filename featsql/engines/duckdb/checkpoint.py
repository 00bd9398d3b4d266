"""Bring what was built to its place in the file of its database."""

from __future__ import annotations

from contextlib import suppress

from sqlglot import exp

from featsql.engine import Engine, EngineError


def checkpoint(engine: Engine, database: str) -> None:
    """Bring all that is in a database to its place in its file, if that can be done now."""
    name = exp.to_identifier(database, quoted=True)
    with suppress(EngineError):
        engine.execute(f"CHECKPOINT {name.sql('duckdb')}")
