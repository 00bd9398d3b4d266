"""What the benchmarks are given on the command line: how many, and which of several."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable


def count(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def several_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Names, with commas between them, each of which is `known`."""
    names = list(known)

    def chosen(text: str) -> list[str]:
        found = text.split(",")
        for name in found:
            if name not in names:
                raise ArgumentTypeError(f"there is no {name!r}: give some of {','.join(names)}")
        return found

    return chosen
