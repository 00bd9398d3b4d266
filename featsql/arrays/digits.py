"""Rows put in order by counting, digit by digit: where few digits tell them apart, that is sooner done than to compare
them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from featsql.arrays.rows import Integers, Values

Digits = npt.NDArray[np.uint16]
DIGIT = 1 << 16
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


def merged(values: Values) -> Integers | None:
    """The places of rows in the order of their values, those that are alike as they come; None where they do not come
    in long runs of that order, as several threads hand over what they read in it. NumPy merges such runs."""
    runs = np.count_nonzero(values[1:] < values[:-1]) + 1
    return np.argsort(values, kind="stable") if runs * RUN <= len(values) + RUN else None
