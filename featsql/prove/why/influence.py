"""Which rows a value comes from, found by leaving them out: first many together, then fewer, then one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from featsql.prove.answers import same


class Trials:
    """Computes a value again and again without some rows, until patience ends."""

    def __init__(self, without: Callable[[Sequence[int]], Any], most: int, seconds: float) -> None:
        self.without = without
        self.value = without(())
        self.left = most
        self.deadline = time.monotonic() + seconds
        self.count = 0
        self.parts: dict[int, str] = {}

    def run(self, numbers: Sequence[int]) -> dict[int, str]:
        """For each row what it has to do with the value: 'made', 'together', 'idle' or 'untried'."""
        self.parts = dict.fromkeys(numbers, "untried")
        if numbers:
            self.divide(numbers, self.changes(numbers))
        return self.parts

    def changes(self, numbers: Sequence[int]) -> bool | None:
        """Whether the value is another without these rows; None where patience has ended."""
        if self.left <= 0 or time.monotonic() > self.deadline:
            return None
        self.left -= 1
        self.count += 1
        return not same(self.without(numbers), self.value)

    def divide(self, numbers: Sequence[int], changed: bool | None) -> None:
        """Settle the part of rows of which it is known whether the value is another without all of them."""
        if changed is None:
            return
        if not changed or len(numbers) == 1:
            self.parts.update(dict.fromkeys(numbers, "made" if changed else "idle"))
            return
        middle = len(numbers) // 2
        halves = [numbers[:middle], numbers[middle:]]
        found = [self.changes(half) for half in halves]
        if found == [False, False]:
            self.parts.update(dict.fromkeys(numbers, "together"))
            return
        for half, each in zip(halves, found, strict=True):
            self.divide(half, each)
