"""Rows and probes as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow
from msgspec import Struct

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Values = npt.NDArray[Any]


class Column(Struct, frozen=True):
    """Values of rows; `valid` tells which are there (None: all). What is only passed on is an Arrow array."""

    values: Values | pyarrow.Array
    valid: Flags | None = None


def at(values: Values, chosen: Any) -> Values:
    """Values at some places; at those of a list of them, sooner than by the brackets, which look first whether each is
    one."""
    places = isinstance(chosen, np.ndarray) and chosen.dtype.kind == "i"
    found: Values = values.take(chosen, mode="clip") if places and len(values) else values[chosen]
    return found


def written_out(begin: Integers, sizes: Integers, kind: type[np.signedinteger[Any]] = np.int64) -> Any:
    """The places in ranges of some sizes, one range after the other, as numbers of a type."""
    found = np.repeat((begin - (np.cumsum(sizes) - sizes)).astype(kind, copy=False), sizes)
    found += np.arange(len(found), dtype=kind)
    return found


class Rows(Struct, frozen=True):
    """Rows in the order of `group` and `at`; `known` is when each became known (None: when it happened), `memory` what
    was found of them, by argument and flags."""

    group: Integers
    at: Integers
    known: Integers | None
    columns: Mapping[str, Column]
    memory: dict[tuple[str | None, tuple[str, ...]], Any] = {}

    def __len__(self) -> int:
        return len(self.at)


class Probes(Struct, frozen=True):
    """Questions: each sees of its `group` what is known at `last`, in spans from a first instant to a last."""

    group: Integers
    last: Integers
    bounds: Mapping[str, Integers]

    def __len__(self) -> int:
        return len(self.group)

    def distinct(self) -> tuple[Probes, Integers | None]:
        """The probes of which neighbours are not the same, and for each of all the position of its like among them;
        None where each is its own."""
        each = (self.group, self.last, *self.bounds.values())
        new = np.append(True, np.logical_or.reduce([values[1:] != values[:-1] for values in each]))
        if not len(self) or new.all():
            return self, None
        return self.taken(new), np.cumsum(new) - 1

    def oldest(self, firsts: Iterable[str], groups: int) -> Integers:
        """The first instant that any probe sees of each of so many groups, where its spans begin at some bounds."""
        first = reduce(np.minimum, [self.bounds[name] for name in firsts])
        found = np.full(groups, np.iinfo(np.int64).max)
        np.minimum.at(found, self.group, first)
        return found

    def taken(self, chosen: Any) -> Probes:
        """Some of the probes."""
        return Probes(
            at(self.group, chosen),
            at(self.last, chosen),
            {name: at(bound, chosen) for name, bound in self.bounds.items()},
        )
