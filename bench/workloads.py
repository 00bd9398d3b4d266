"""The questions of the benchmark, each with the columns that every system must give."""

from __future__ import annotations

from dataclasses import dataclass

WINDOWS = {"1h": "1 hour", "1d": "1 day", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
LATEST = ("tier", "score")
TRAILING = tuple(f"{name}_{window}" for window in WINDOWS for name in ("count", "sum", "avg", "max"))
RICH = ("merchants_30d", "last_amounts_30d", "spread_30d", "seconds_since", "sum_a_30d", "sum_b_7d")
DIMENSIONS = tuple(f"{column}_{number}" for number in range(1, 5) for column in LATEST)


@dataclass(frozen=True, slots=True)
class Workload:
    """A question: its name, what it asks, and its columns beside the spine's row."""

    name: str
    what: str
    columns: tuple[str, ...]


WORKLOADS = {
    each.name: each
    for each in (
        Workload("W1", "the latest state", LATEST),
        Workload("W2", "five windows of count, sum, avg and max", TRAILING),
        Workload("W3", "distinct, the last five, stddev, time since the last, filtered sums", RICH),
        Workload("W4", "all of it at once, with four more states", (*LATEST, *TRAILING, *RICH, *DIMENSIONS)),
    )
}
