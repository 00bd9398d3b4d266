"""Rows put in order by counting, digit by digit: where few digits tell them apart, that is sooner done than to compare
them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from featsql.engines.duckdb.arrays.rows import Flags, Integers, Values

Digits = npt.NDArray[np.uint16]
BITS = 16
DIGIT = 1 << BITS
# From how many rows in a run on, on average, it pays to merge them.
RUN = 64


def digits(values: Values) -> Digits | None:
    """Whole numbers as one digit each, in the same order; None where that does not tell them apart."""
    low = int(values.min())
    if int(values.max()) - low >= DIGIT:
        return None
    found: Digits = values.astype(np.uint16)  # without what is above the digit: nor does the difference need that
    found -= np.uint16(low % DIGIT)
    return found


def all_digits(values: Values) -> list[Digits]:
    """Whole numbers, one or more, as so many digits as tell them apart, the highest first."""
    short = digits(values)
    if short is not None:
        return [short]
    low, high = int(values.min()), int(values.max())
    away = values.astype(np.uint64) - np.uint64(low % (1 << 64))
    places = range(0, (high - low).bit_length(), BITS)
    return [(away >> np.uint64(place)).astype(np.uint16) for place in reversed(places)]


def alike(group: Values, values: Values) -> tuple[Integers, Flags]:
    """The places of rows, whose groups are in order, in an order in which those of the same group and value stand
    together, as they come, and which of them, but for the first, has the group and value of the one before it. In the
    order of values those of each are still in that of their groups."""
    if not len(values):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
    keys = all_digits(values)
    places = counted(*keys)
    same = np.ones(len(values) - 1, dtype=np.bool_)
    for key in (group, *keys):
        ordered = key.take(places, mode="clip")
        same &= ordered[1:] == ordered[:-1]
    return places, same


def counted(*keys: Digits) -> Integers:
    """The places of rows in the order of the first key, then of the second and so on; those that are alike as they
    come. NumPy counts where digits are this short."""
    *others, last = keys
    return after(np.argsort(last, kind="stable"), *others)


def after(places: Integers, *keys: Digits) -> Integers:
    """The places of rows in the order of the first key, then of the second and so on; those that are alike in the order
    that is given."""
    for key in reversed(keys):
        places = places.take(np.argsort(key.take(places, mode="clip"), kind="stable"), mode="clip")
    return places


def in_runs(digit: Digits, values: Values) -> Integers | None:
    """The places of rows in the order of a digit, then of their values, those that are alike as they come; None where
    these do not come in long runs of their order, as several threads hand over what they read in it. NumPy merges such
    runs."""
    runs = np.count_nonzero(values[1:] < values[:-1]) + 1
    if runs == 1:
        return counted(digit)
    return after(np.argsort(values, kind="stable"), digit) if runs * RUN <= len(values) + RUN else None
