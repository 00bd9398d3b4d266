"""Data for the benchmark: events, a state that changes as often, four slower dimensions, and a spine; seeded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

SEED = 20
DAYS = 365
BEGIN = np.datetime64("2023-01-01", "us")
DIMENSIONS = 4


def make(folder: Path, events: int, spine: int, keys: int, skew: str) -> Path:
    """The folder of these data, made unless it is there."""
    data = folder / f"{events}_{spine}_{keys}_{skew}"
    if (data / "done").exists():
        return data
    data.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(SEED)
    moments(chance, events, keys, skew).with_columns(
        pl.Series("amount", chance.gamma(2.0, 25.0, events).round(2)),
        pl.Series("quantity", chance.integers(1, 9, events)),
        pl.Series("category", chance.integers(0, 5, events)),
        pl.Series("merchant", chance.integers(0, 300, events)),
    ).write_parquet(data / "events.parquet")
    for number in range(DIMENSIONS + 1):
        changes = events if number == 0 else max(events // 20, 1)
        moments(chance, changes, keys, "even").with_columns(
            pl.Series("tier", chance.integers(0, 4, changes)), pl.Series("score", chance.normal(0, 1, changes))
        ).unique(["id", "moment"], maintain_order=True).write_parquet(data / f"changes_{number}.parquet")
    asked = moments(chance, spine, keys, skew).rename({"moment": "asked_at"})
    asked.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64)).write_parquet(data / "spine.parquet")
    (data / "done").touch()
    return data


def moments(chance: np.random.Generator, number: int, keys: int, skew: str) -> pl.DataFrame:
    """Keys, evenly or mostly a few, at moments of a year, in the order of time."""
    ids = chance.integers(0, keys, number) if skew == "even" else np.minimum(chance.zipf(1.3, number), keys) - 1
    at = BEGIN + chance.integers(0, DAYS * 86_400, number).astype("timedelta64[s]")
    return pl.DataFrame({"id": ids.astype(np.int64), "moment": at.astype("datetime64[us]")}).sort("moment")
