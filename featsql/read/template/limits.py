"""How much a template may do: steps, text, and numbers that would make a little text very much."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

STEPS = 1_000_000
TEXT = 10_000_000
REPEATS = 1_000_000
BITS = 10_000
GROWING = ("batch", "center", "format", "indent", "replace", "round", "slice", "tojson")  # filters
DIGITS = 100
# A width of many digits, or one that is given apart: `{:999999}`, `{:{}}`, `%*d`.
WIDTH = re.compile(r"\d{6,}|:[^{}]*\{|%[-+ #0]*\*")


class TooMuchError(Exception):
    """A template passed a limit."""


class Meter:
    """What one run of a template has used."""

    def __init__(self) -> None:
        self.steps = 0
        self.characters = 0

    def step(self) -> None:
        """One more turn of a loop or call."""
        self.steps += 1
        if self.steps > STEPS:
            raise TooMuchError(f"more than {STEPS:,} loop turns and calls")

    def text(self, parts: Iterable[str]) -> list[str]:
        """The parts, which are about to be put together."""
        kept: list[str] = []
        for part in parts:
            self.characters += len(part)
            if self.characters > TEXT:
                raise TooMuchError(f"more than {TEXT:,} characters of text")
            kept.append(part)
        return kept


def growth(operation: str, *operands: Any) -> None:
    """Refuse an operation whose result would be out of all proportion. Raises TooMuchError."""
    sizes = [len(each) for each in operands if isinstance(each, (str, bytes, list, tuple, dict, set, range))]
    numbers = [abs(each) for each in operands if isinstance(each, int)]
    match operation:
        case "+" | "append" | "extend" | "insert" | "update" | "union" | "setdefault" | "add":
            large = sum(sizes) > REPEATS
        case "*" if sizes:
            large = sizes[0] * max(numbers, default=0) > REPEATS
        case "*":
            large = sum(each.bit_length() for each in numbers) > BITS
        case "**":
            large = len(numbers) == 2 and numbers[0].bit_length() * numbers[1] > BITS
        case "replace" | "join" | "translate" | "expandtabs":
            large = (sum(sizes[:1]) + 1) * (max(sizes[1:], default=0) + 1) > REPEATS * 10
            large = large or max(numbers, default=0) > REPEATS
        case "%" | "format" | "format_map":
            large = isinstance(operands[0], str) and bool(WIDTH.search(operands[0]))
        case "round":
            large = any(abs(each) > DIGITS for each in operands[1:] if isinstance(each, int))
        case _:
            large = bool(sizes) and max(numbers, default=0) > REPEATS
    if large:
        raise TooMuchError(f"the result of `{operation}` would be too large")


def guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that refuses to grow its value beyond the limits."""

    @wraps(function)
    def guard(*arguments: Any, **options: Any) -> Any:
        growth(name, *arguments, *options.values())
        return function(*arguments, **options)

    return guard
