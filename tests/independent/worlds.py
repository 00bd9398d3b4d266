"""Random relations with clocks, their rows as Parquet files, and a spine of entities and instants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from independent.evaluator import Relation

START = datetime(2024, 3, 1)
CLOCKS: dict[str, tuple[dict[str, Any], ...]] = {
    "a": (
        {"kind": "events", "event_time": "ts", "delay": "0 seconds"},
        {"kind": "events", "event_time": "ts", "available_at": "seen"},
        {"kind": "events", "event_time": "ts", "available_at": "seen", "retracted_at": "until"},
        {"kind": "events", "event_time": "ts", "delay": "6 hours"},
    ),
    "b": (
        {"kind": "events", "event_time": "ts", "available_at": "seen", "unique_key": "u", "tie_break": ["id"]},
        {"kind": "events", "event_time": "ts", "delay": "1 hour", "unique_key": "u", "tie_break": ["id"]},
        {"kind": "events", "event_time": "ts", "available_at": "seen", "retracted_at": "until"},
    ),
    "held": (
        {"kind": "state", "event_time": "ts", "delay": "2 hours", "unique_key": "k", "tie_break": ["id"]},
        {"kind": "state", "event_time": "ts", "available_at": "seen", "unique_key": "k", "tie_break": ["id"]},
    ),
    "spans": (
        {"kind": "periods", "valid_from": "ts", "valid_to": "until", "delay": "3 hours"},
        {"kind": "periods", "valid_from": "ts", "valid_to": "until", "available_at": "seen"},
        {"kind": "periods", "valid_from": "ts", "valid_to": "until", "delay": "0 seconds"},
    ),
    "fixed": ({"kind": "static", "why": "it never changes"},),
}
TYPES = "id bigint, k bigint, c varchar, u bigint, n integer, x double, s varchar, gone boolean"


@dataclass(frozen=True)
class Setting:
    """Relations, a spine, and how the edge and the zone of instants are taken."""

    relations: Mapping[str, Relation]
    spine: tuple[dict[str, Any], ...]
    exclusive: bool
    zoned: bool

    @property
    def instant(self) -> str:
        """The type of instants."""
        return "timestamptz" if self.zoned else "timestamp"


def random_setting(random: Random, folder: Path) -> Setting:
    """Relations and a spine, their files in a folder."""
    exclusive, zoned = random.random() < 0.3, random.random() < 0.3
    relations: dict[str, Relation] = {}
    instants = [START + timedelta(hours=random.randrange(1, 240)) for _ in range(6)]
    kind = "timestamptz" if zoned else "timestamp"
    with duckdb.connect() as engine:
        engine.execute("set timezone = 'UTC'")
        for name, clocks in CLOCKS.items():
            clock = dict(random.choice(clocks))
            if clock.get("unique_key") and random.random() < 0.5:
                clock["deleted"] = "gone"
            file = folder / f"{name}.parquet"
            save(engine, [random_row(random, i, instants) for i in range(random.randrange(8, 32))], kind, file)
            relations[name] = Relation(str(file), clock)
        spine = tuple(
            {"row": i, "k": random.choice((1, 2, 3, 4, 5, 9, None)), "c": random.choice("pqr"), "asked": t}
            for i, t in enumerate(random.choice(instants) for _ in range(24))
        )
        engine.execute(f"create table spine (row bigint, k bigint, c varchar, asked {kind})")
        engine.executemany("insert into spine values (?, ?, ?, ?)", [tuple(row.values()) for row in spine])
        engine.execute(f"copy spine to '{folder / 'spine.parquet'}'")
    return Setting(relations, spine, exclusive, zoned)


def random_row(random: Random, number: int, instants: list[datetime]) -> tuple[Any, ...]:
    """A row: ties, NULLs, and events at the very instants that are asked about."""
    hours = timedelta(hours=random.randrange(240))
    at = random.choice(instants) if random.random() < 0.15 else START + hours
    seen = at + timedelta(hours=random.choice((0, 0, 1, 5, 30)))
    until = at + timedelta(hours=random.randrange(1, 120)) if random.random() < 0.5 else None
    return (
        number,
        random.choice((1, 1, 2, 2, 3, 4, 5, 6, None)),
        random.choice(("p", "q", "r", None)),
        random.randrange(12),
        random.choice((None, 0, 1, 2, 3, 5, 8, -4)),
        random.choice((None, 0.5, 1.25, -2.0, 10.75, 0.0)),
        random.choice((None, "", "x", "y", "zz")),
        random.random() < 0.2,
        at,
        seen,
        until,
    )


def save(engine: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]], kind: str, file: Path) -> None:
    """Write rows as Parquet."""
    engine.execute(f"create or replace table rows ({TYPES}, ts {kind}, seen {kind}, until {kind})")
    engine.executemany(f"insert into rows values ({', '.join('?' * len(rows[0]))})", rows)
    engine.execute(f"copy rows to '{file}'")
