"""From Arrow to NumPy and back by the bytes alone: pyarrow's own way first loads pandas, wherever that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow

from featsql.engines.duckdb.arrays.rows import Column, Flags, Integers, Values
from featsql.plan.part import RefusedError

NAMES = {"float": "float32", "double": "float64", "halffloat": "float16"}


def numbers(array: pyarrow.Array) -> Values:
    """The numbers or booleans of an array, in the same place; of a NULL any."""
    bits = array.type.bit_width == 1
    data = array.buffers()[1]
    if data is None or not len(array):
        return np.empty(0, dtype=np.bool_ if bits else dtype_of(array.type))
    if bits:
        return flags(data, array.offset, len(array))
    kind = dtype_of(array.type)
    return np.frombuffer(data, dtype=kind, count=len(array), offset=array.offset * kind.itemsize)


def valid(array: pyarrow.Array) -> Flags | None:
    """Which values of an array are there; None for all."""
    return flags(array.buffers()[0], array.offset, len(array)) if array.null_count else None


def flags(bitmap: pyarrow.Buffer, offset: int, size: int) -> Flags:
    """Some bits, one by one."""
    found = np.unpackbits(np.frombuffer(bitmap, dtype=np.uint8), count=offset + size, bitorder="little")
    return found[offset:].view(np.bool_)


def dtype_of(kind: pyarrow.DataType) -> np.dtype[Any]:
    """NumPy's type of an Arrow type of numbers."""
    return np.dtype(NAMES.get(str(kind), str(kind)))


def column(values: pyarrow.Array) -> Column:
    """An array as NumPy has it, where a NULL is nought."""
    there, found = valid(values), numbers(values)
    return Column(found if there is None else np.where(there, found, found.dtype.type(0)), there)


def array(values: Values, there: Flags | None = None) -> pyarrow.Array:
    """Numbers or booleans as Arrow has them, in the same place; `there` tells which are (None: all)."""
    values = np.ascontiguousarray(values)
    bits = values.dtype == np.bool_
    data = np.packbits(values, bitorder="little") if bits else values
    kind = pyarrow.bool_() if bits else pyarrow.from_numpy_dtype(values.dtype)
    return pyarrow.Array.from_buffers(kind, len(values), [bitmap_of(there), pyarrow.py_buffer(data)])


def places(size: int) -> pyarrow.Array:
    """So many whole numbers, from 0 on."""
    return array(np.arange(size))


def width_of(kind: pyarrow.DataType) -> int | None:
    """How many bytes a value of a type takes; None where they are not the same number for all, or not whole."""
    try:
        width = int(kind.bit_width)
    except ValueError:
        return None
    return None if width % 8 or pyarrow.types.is_nested(kind) or pyarrow.types.is_dictionary(kind) else width // 8


def raw(values: pyarrow.Array) -> Column:
    """An array of a type whose values have a width, as bytes."""
    width = width_of(values.type)
    assert width is not None
    data = values.buffers()[1]
    kind = np.dtype(f"V{width}")
    found = np.empty(0, kind)
    if data is not None and len(values):
        found = np.frombuffer(data, kind, len(values), values.offset * width)
    return Column(found, valid(values))


def rebuilt(values: Values, there: Flags | None, kind: pyarrow.DataType) -> pyarrow.Array:
    """An array of a type from its bytes."""
    return pyarrow.Array.from_buffers(kind, len(values), [bitmap_of(there), pyarrow.py_buffer(values)])


def is_lists(kind: pyarrow.DataType) -> bool:
    """Whether values of a type are lists that lie one after the other."""
    return bool(pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind))


def offsets_of(values: pyarrow.Array) -> Integers:
    """Where each list begins and the last ends among all that is in lists."""
    kind = np.dtype("int64" if pyarrow.types.is_large_list(values.type) else "int32")
    data = values.buffers()[1]
    if data is None or not len(data):
        return np.zeros(1, dtype=kind)
    return np.frombuffer(data, kind, len(values) + 1, values.offset * kind.itemsize)


def lists_of(kind: pyarrow.DataType, sizes: Integers, there: Flags | None, inside: pyarrow.Array) -> pyarrow.Array:
    """Lists of some sizes from all that is in them. Raises RefusedError where their type cannot count that many."""
    ends = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, dtype=np.int64, out=ends[1:])
    if not pyarrow.types.is_large_list(kind):
        if ends[-1] > np.iinfo(np.int32).max:
            raise RefusedError
        ends = ends.astype(np.int32)
    data = pyarrow.py_buffer(ends)
    return pyarrow.Array.from_buffers(kind, len(sizes), [bitmap_of(there), data], children=[inside])


@contextmanager
def refused() -> Iterator[None]:
    """Have pyarrow's errors end as RefusedError: it does not make an array of texts of more than two gigabytes."""
    try:
        yield
    except pyarrow.ArrowException as error:
        raise RefusedError from error


def bitmap_of(there: Flags | None) -> pyarrow.Buffer | None:
    """Which values are there, as Arrow has it."""
    return None if there is None else pyarrow.py_buffer(np.packbits(there, bitorder="little"))
