"""The places of rows: in another order than they lie in, or written out for each of the ranges that hold them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow

from featsql.engines.duckdb.arrays.arrow import column as column_of
from featsql.engines.duckdb.arrays.rows import Column, Flags, Integers, Values, written_out
from featsql.engines.duckdb.arrays.take import handed_over
from featsql.plan.part import RefusedError

# How many rows of ranges are written out at once, where an aggregate needs them one by one.
WRITTEN_OUT = 1 << 21
# How many rows it takes longer to write out than it takes the engine to do without.
TOO_MANY = 1 << 29


def in_portions(begin: Integers, end: Integers) -> Iterator[tuple[Integers, Integers, Integers]]:
    """The rows of some ranges one by one, so many ranges at once as have a fair number of rows: which ranges, the place
    of each row, and the position of its range among these. Raises RefusedError."""
    for chosen in portions(end - begin):
        yield chosen, *spread(begin[chosen], end[chosen])


def portions(sizes: Integers) -> list[Integers]:
    """Ranges of some sizes in portions, each with a fair number of rows. Raises RefusedError."""
    if sizes.sum() > TOO_MANY:
        raise RefusedError
    batch = np.cumsum(sizes) // WRITTEN_OUT
    return np.split(np.arange(len(sizes)), np.flatnonzero(np.diff(batch)) + 1) if len(sizes) else []


def spread(begin: Integers, end: Integers) -> tuple[Integers, Integers]:
    """The rows of some ranges one by one: the place of each, and the position of its range."""
    sizes = end - begin
    return written_out(begin, sizes), np.repeat(np.arange(len(sizes)), sizes)


def replaced(values: Any, chosen: Integers, others: Any) -> Any:
    """Values with others at some places."""
    if isinstance(values, np.ndarray):
        found = values.copy()
        found[chosen] = others
        return found
    places = np.arange(len(values))
    places[chosen] = len(values) + np.arange(len(chosen))
    return handed_over(pyarrow.concat_arrays([values, others]), places)


def sortable(column: Column, descending: bool, nulls_first: bool) -> list[Values]:
    """Whole numbers in the order of values, the last of them counting most."""
    values = column.values
    if values.dtype.kind == "f":
        bits = (values + 0.0).view(np.int64)
        ordered = np.where(bits < 0, bits ^ np.iinfo(np.int64).max, bits)
        values = np.where(np.isnan(values), np.iinfo(np.int64).max, ordered)
    whole = values.astype(np.int64)
    keys: list[Values] = [~whole if descending else whole]
    if column.valid is not None:
        keys.append(column.valid if nulls_first else ~column.valid)
    return keys


def taken(mask: Flags | None, places: Integers) -> Flags | None:
    """A mask at some places."""
    return None if mask is None else mask[places]


def coded(column: Column, mask: Flags | None) -> tuple[Values, Flags | None]:
    """Whole numbers that are the same where values are, and which rows count."""
    if not isinstance(column.values, pyarrow.Array):
        return column.values, mask
    codes = column.values.dictionary_encode().indices
    found = column_of(codes)
    if found.valid is None:
        return found.values, mask
    return found.values, found.valid if mask is None else mask & found.valid
