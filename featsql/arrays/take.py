"""The values of Arrow arrays at some places, by their bytes alone: pyarrow's own way first loads all of its functions,
and is slower with lists."""

from __future__ import annotations

import numpy as np
import pyarrow

from featsql.arrays.arrow import array, bitmap_of, column, raw, rebuilt, valid, width_of
from featsql.arrays.rows import Flags, Integers, at


def handed_over(values: pyarrow.Array, places: Integers, met: Flags | None = None) -> pyarrow.Array:
    """The values at some places; where none was `met`, NULL."""
    kind = values.type
    if not len(values):
        return pyarrow.nulls(len(places), kind)
    if pyarrow.types.is_boolean(kind):
        there = valid(values)
        return array(at(column(values).values, places), both(there, places, met))
    if width_of(kind) is not None:
        found = raw(values)
        return rebuilt(at(found.values, places), both(found.valid, places, met), kind)
    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
        return lists(values, places, met)
    return values.take(array(places, met))


def both(there: Flags | None, places: Integers, met: Flags | None) -> Flags | None:
    """Which values are there at some places and were met; None for all."""
    if there is None:
        return met
    found: Flags = at(there, places)
    return found if met is None else found & met


def lists(values: pyarrow.Array, places: Integers, met: Flags | None) -> pyarrow.Array:
    """`handed_over` of lists: what is in them is taken as it lies, list by list."""
    offsets = offsets_of(values)
    there = both(valid(values), places, met)
    begin = at(offsets[:-1], places)
    sizes = at(offsets[1:], places) - begin
    if there is not None:
        sizes[~there] = 0
    ends = np.zeros(len(places) + 1, dtype=np.int64)
    np.cumsum(sizes, out=ends[1:])
    if ends[-1] > np.iinfo(offsets.dtype).max:
        return values.take(array(places, met))
    each = np.repeat(begin - ends[:-1], sizes)
    each += np.arange(len(each))
    inside = handed_over(values.values, each)
    data = pyarrow.py_buffer(ends.astype(offsets.dtype, copy=False))
    return pyarrow.Array.from_buffers(values.type, len(places), [bitmap_of(there), data], children=[inside])


def offsets_of(values: pyarrow.Array) -> Integers:
    """Where each list begins and the last ends among all that is in lists."""
    kind = np.dtype(np.int64 if pyarrow.types.is_large_list(values.type) else np.int32)
    return np.frombuffer(values.buffers()[1], kind, len(values) + 1, values.offset * kind.itemsize)
