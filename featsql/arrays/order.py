"""The places of rows: in another order than they lie in, or written out for each of the ranges that hold them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow

from featsql.arrays.arrow import column as column_of
from featsql.arrays.digits import counted, digits
from featsql.arrays.part import RefusedError
from featsql.arrays.reduce import ROOM
from featsql.arrays.rows import Column, Flags, Integers, Values
from featsql.arrays.take import handed_over

# How many rows of ranges are written out at once, where an aggregate needs them one by one.
WRITTEN_OUT = 1 << 21
# How many rows it takes longer to write out than it takes the engine to do without.
TOO_MANY = 1 << 29


def alike(group: Integers, values: Values) -> tuple[Integers, Flags]:
    """The places of rows in an order in which those of the same group and value stand together, as they come, and which
    of them, but for the first, has the group and value of the one before it. Where all of it has room in one number,
    numbers are sorted, which is many times as fast as to sort places; where it has room in two digits, they are
    counted, which nowhere takes longer, and on some processors half as long."""
    size = len(values)
    if not size:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
    short = digits(values)
    if short is not None and (first := digits(group)) is not None:
        places = counted(first, short)
        first, short = first.take(places, mode="clip"), short.take(places, mode="clip")
        return places, (first[1:] == first[:-1]) & (short[1:] == short[:-1])
    low, for_place = int(values.min()), size.bit_length()
    kinds = int(values.max()) - low + 1
    if (int(group[-1] - group[0]) + 1) * kinds << for_place < ROOM:
        key = (group - group[0]) * kinds
        key += values.astype(np.int64, copy=False) - low
        key <<= for_place
        key |= np.arange(size)
        key.sort()
        places = key & ((1 << for_place) - 1)
        key >>= for_place
        return places, key[1:] == key[:-1]
    places = np.lexsort((np.arange(size), values, group))
    by_group, by_value = group[places], values[places]
    return places, (by_group[1:] == by_group[:-1]) & (by_value[1:] == by_value[:-1])


def written_out(begin: Integers, end: Integers) -> Iterator[tuple[Integers, Integers, Integers]]:
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
    owner = np.repeat(np.arange(len(sizes)), sizes)
    ahead = np.cumsum(sizes) - sizes
    return np.arange(len(owner)) + (begin - ahead)[owner], owner


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
