"""The last row of its group that each probe sees."""

from __future__ import annotations

import numpy as np

from featsql.engines.duckdb.arrays.aggregates.ranges import Ranges
from featsql.engines.duckdb.arrays.rows import Flags, Integers, Probes, Rows


def nowhere(size: int) -> tuple[Integers, Flags]:
    """For so many probes a position of a row, and that there is none."""
    return np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.bool_)


def last_rows(rows: Rows, probes: Probes) -> tuple[Integers, Flags, bool]:
    """The position of the last row of each probe's group that it sees, whether there is one, and whether one that was
    found is of the same instant as the row before it."""
    if not len(rows) or not len(probes):
        return *nowhere(len(probes)), False
    found = Ranges(rows, probes, {}).places(probes.last, "right") - 1
    met = found >= 0
    found = np.maximum(found, 0)
    met &= rows.group[found] == probes.group
    before = np.maximum(found - 1, 0)
    twins = (rows.group[before] == rows.group[found]) & (rows.at[before] == rows.at[found]) & (found > 0)
    return found, met, bool((met & twins).any())
