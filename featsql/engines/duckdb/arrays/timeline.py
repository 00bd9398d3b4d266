"""Rows of groups on one line: a number for the group and the instant of each, by which places are searched."""

from __future__ import annotations

from typing import Literal

import numpy as np
from msgspec import Struct

from featsql.engines.duckdb.arrays.rows import Integers, Probes, Rows

# How many numbers have room in one of 64 bits.
ROOM = 1 << 62


class Timeline(Struct, frozen=True):
    """The numbers of some rows, in their order, and how they are made: the first group, the first instant, how many
    instants there may be, and, where these are too many, every instant that there is."""

    numbers: Integers
    origin: int
    low: int
    width: int
    instants: Integers | None = None

    @classmethod
    def of(cls, rows: Rows, probes: Probes) -> Timeline:
        """The line of some rows, one or more, on which some probes are searched."""
        low, high = int(rows.at.min()), int(rows.at.max())
        origin = int(min(rows.group[0], probes.group[0]))
        groups = int(max(rows.group[-1], probes.group[-1])) - origin + 1
        width = high - low + 3
        if width * groups < ROOM:
            numbers = rows.group - origin
            numbers *= width
            numbers += rows.at
            numbers -= low - 1
            return cls(numbers, origin, low, width)
        instants, ranks = np.unique(rows.at, return_inverse=True)
        width = len(instants) + 1
        return cls((rows.group - origin) * width + ranks, origin, 0, width, instants)

    def places(self, group: Integers, bound: Integers, side: Literal["left", "right"]) -> Integers:
        """How many rows come before each bound of a group; those at the bound itself count by `side`."""
        start = (group - self.origin) * self.width
        if self.instants is not None:
            return np.searchsorted(self.numbers, start + np.searchsorted(self.instants, bound, side), "left")
        return np.searchsorted(
            self.numbers, start + (np.clip(bound, self.low - 1, self.low + self.width - 2) - (self.low - 1)), side
        )

    def starts(self, group: Integers) -> Integers:
        """Where each group begins among the rows; neighbours that are the same are looked up once."""
        new = np.flatnonzero(np.append(True, group[1:] != group[:-1])[: len(group)])
        found = np.searchsorted(self.numbers, (group[new] - self.origin) * self.width)
        return np.repeat(found, np.diff(new, append=len(group)))
