"""Polars: join_asof for a state; for windows rolling aggregates over events and questions in one frame, sorted once."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
from workloads import WINDOWS

SPAN = {"1h": "1h", "1d": "1d", "7d": "7d", "30d": "30d", "90d": "90d"}


def state(spine: pl.DataFrame, data: Path, number: int, suffix: str = "") -> pl.DataFrame:
    """The latest state of each row of the spine."""
    changes = pl.read_parquet(data / f"changes_{number}.parquet").sort("moment")
    names = {"tier": f"tier{suffix}", "score": f"score{suffix}"}
    joined = spine.sort("asked_at").join_asof(
        changes, left_on="asked_at", right_on="moment", by="id", check_sortedness=False
    )
    return joined.select("row", *(pl.col(old).alias(new) for old, new in names.items()))


def timeline(spine: pl.DataFrame, data: Path, columns: list[str]) -> pl.DataFrame:
    """Events and questions in one frame; a question stands after the events of its instant."""
    events = pl.read_parquet(data / "events.parquet", columns=["id", "moment", *columns]).with_columns(
        row=pl.lit(None, pl.Int64)
    )
    asked = spine.rename({"asked_at": "moment"})
    return pl.concat([events, asked], how="diagonal").sort("id", "moment", "row", nulls_last=False)


def trailing(spine: pl.DataFrame, data: Path) -> pl.DataFrame:
    """Five windows."""
    parts = []
    for name in WINDOWS:
        span = SPAN[name]
        there = pl.col("amount").is_not_null().cast(pl.Int64)
        parts += [
            there.rolling_sum_by("moment", span, closed="right").over("id").alias(f"count_{name}"),
            pl.col("amount").rolling_sum_by("moment", span, closed="right").over("id").alias(f"sum_{name}"),
            pl.col("amount").rolling_mean_by("moment", span, closed="right").over("id").alias(f"avg_{name}"),
            pl.col("amount").rolling_max_by("moment", span, closed="right").over("id").alias(f"max_{name}"),
        ]
    found = timeline(spine, data, ["amount"]).with_columns(parts).filter(pl.col("row").is_not_null())
    nothing = [
        pl.when(pl.col(f"count_{name}") > 0).then(pl.col(f"{function}_{name}")).alias(f"{function}_{name}")
        for name in WINDOWS
        for function in ("sum", "avg", "max")
    ]
    return found.with_columns(nothing).drop("id", "moment", "amount")


def main(workload: str, data: Path) -> None:
    """Answer one workload."""
    if workload in {"W3", "W4"}:  # no rolling count of distinct values, and no rolling list
        sys.exit(3)
    spine = pl.read_parquet(data / "spine.parquet")
    found = state(spine, data, 0) if workload == "W1" else trailing(spine, data)
    found.write_parquet(data / f"answer_{workload}_polars.parquet")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
