"""Rows put in order by counting, digit by digit: where few digits tell them apart, that is sooner done than to compare
them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from featsql.arrays.rows import Integers, Values

Digits = npt.NDArray[np.uint16]
DIGIT = 1 << 16


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
    places: Integers = np.argsort(last, kind="stable")
    for key in reversed(others):
        places = places.take(np.argsort(key.take(places, mode="clip"), kind="stable"), mode="clip")
    return places
