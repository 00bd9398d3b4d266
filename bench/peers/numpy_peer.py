"""NumPy by hand: rows sorted by key and time, windows searched among them, and reduced there.

Differences of running totals would take the place of one reduction, but leave too few right digits in short windows.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
from workloads import WINDOWS

CANNOT = 3
MICROSECONDS = {"hour": 3_600_000_000, "day": 86_400_000_000}


def microseconds(span: str) -> int:
    """The length of a window."""
    number, unit = span.split()
    return int(number) * MICROSECONDS[unit.removesuffix("s")]


def main(workload: str, data: Path) -> None:
    """Answer the windows; the others need more than totals."""
    if workload != "W2":
        sys.exit(CANNOT)
    events = pl.read_parquet(data / "events.parquet", columns=["id", "moment", "amount"]).sort("id", "moment")
    spine = pl.read_parquet(data / "spine.parquet").sort("id", "asked_at")
    moment, asked = (s.to_physical().to_numpy() for s in (events["moment"], spine["asked_at"]))
    longest = microseconds(WINDOWS["90d"])
    first = min(moment.min(), asked.min() - longest)
    width = max(moment.max(), asked.max()) - first + 1
    place = events["id"].to_numpy() * width + (moment - first)
    base = spine["id"].to_numpy() * width + (asked - first)
    end = np.searchsorted(place, base, side="right")
    amount = np.append(events["amount"].to_numpy(), 0.0)
    answer: dict[str, np.ndarray] = {"row": spine["row"].to_numpy()}
    for name, span in WINDOWS.items():
        begin = np.searchsorted(place, np.maximum(base - microseconds(span), base - (asked - first) - 1), side="right")
        count = end - begin
        there = count > 0
        ranges = np.stack([begin, end], axis=1).ravel()
        sums, greatest = (call.reduceat(amount, ranges)[::2] for call in (np.add, np.maximum))
        answer[f"count_{name}"] = count
        answer[f"sum_{name}"] = np.where(there, sums, np.nan)
        answer[f"avg_{name}"] = np.where(there, sums / np.maximum(count, 1), np.nan)
        answer[f"max_{name}"] = np.where(there, greatest, np.nan)
    frame = pl.DataFrame(answer).with_columns(pl.selectors.float().fill_nan(None))
    frame.write_parquet(data / f"answer_{workload}_numpy.parquet")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
