"""pandas: merge_asof for a state; for windows groupby and rolling over events and questions in one frame."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from workloads import WINDOWS

SPAN = {"1h": "1h", "1d": "1D", "7d": "7D", "30d": "30D", "90d": "90D"}


def trailing(spine: pd.DataFrame, data: Path) -> pd.DataFrame:
    """Five windows: a question stands after the events of its instant, so that the frame up to it has them all."""
    events = pd.read_parquet(data / "events.parquet", columns=["id", "moment", "amount"])
    events["row"] = -1
    frame = pd.concat([events, spine.rename(columns={"asked_at": "moment"})]).sort_values(["id", "moment", "row"])
    frame = frame.reset_index(drop=True)
    asked = frame["row"].to_numpy() >= 0
    made = {"row": frame["row"].to_numpy()[asked]}
    grouped = frame.set_index("moment").groupby("id", sort=False)["amount"]
    for name in WINDOWS:
        window = grouped.rolling(SPAN[name], closed="right", min_periods=1)
        made[f"count_{name}"] = np.nan_to_num(window.count().to_numpy()[asked])
        for function, method in (("sum", "sum"), ("avg", "mean"), ("max", "max")):
            made[f"{function}_{name}"] = getattr(window, method)().to_numpy()[asked]
    return pd.DataFrame(made)


def main(workload: str, data: Path) -> None:
    """Answer one workload."""
    if workload in {"W3", "W4"}:
        sys.exit(3)
    spine = pd.read_parquet(data / "spine.parquet")
    if workload == "W1":
        changes = pd.read_parquet(data / "changes_0.parquet").sort_values("moment")
        merged = pd.merge_asof(spine.sort_values("asked_at"), changes, left_on="asked_at", right_on="moment", by="id")
        found = merged[["row", "tier", "score"]]
    else:
        found = trailing(spine, data)
    found.to_parquet(data / f"answer_{workload}_pandas.parquet")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
