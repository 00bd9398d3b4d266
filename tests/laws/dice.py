"""Random choices from any `random.Random`: a seeded one, or Hypothesis's, which shrinks what fails."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A few words for choosing; the first of the choices is the simplest."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def one(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return choices[self.random.randrange(len(choices))]

    def some(self, choices: Sequence[T], least: int, most: int) -> list[T]:
        """Between `least` and `most` of the choices, perhaps with repetition."""
        return [self.one(choices) for _ in range(self.number(least, most))]

    def number(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + self.random.randrange(high - low + 1)

    def chance(self, percent: int) -> bool:
        """True in `percent` of a hundred cases."""
        return self.random.randrange(100) >= 100 - percent

    def fork(self) -> Dice:
        """Dice whose throws depend on this one throw alone: quick, where many are needed."""
        return Dice(Random(self.number(0, 2**30)))
