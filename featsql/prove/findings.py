"""What an examination has found so far, and when it is to stop."""

from __future__ import annotations

import time

from msgspec import Struct

from featsql.prove.verdict import Counterexample, Tie

ENDLESS = "the reference gives ever new values for it by the order in which rows lie, so that a wrong one is not told"
DOUBT = "it is another value where the worlds of many instants are looked at together, and the same in each alone"


class Findings(Struct):
    """What came of it so far: the numbers of the rows that were seen, counter-examples and ties by column, notes."""

    seen: list[int] = []
    counterexamples: dict[str, Counterexample] = {}
    ties: dict[str, Tie] = {}
    notes: dict[str, None] = {}
    finished: bool = False


class Limit(Struct):
    """When to stop: at an instant of `time.monotonic`, but not before some rows were seen."""

    deadline: float
    least: int
    findings: Findings

    @property
    def reached(self) -> bool:
        """Whether to stop now."""
        return len(self.findings.seen) >= self.least and time.monotonic() >= self.deadline
