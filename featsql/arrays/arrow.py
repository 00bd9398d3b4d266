"""From Arrow to NumPy and back by the bytes alone: pyarrow's own way first loads pandas, wherever that is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow

from featsql.arrays.rows import Column, Flags, Integers, Values

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
    bitmap = None if there is None else pyarrow.py_buffer(np.packbits(there, bitorder="little"))
    kind = pyarrow.bool_() if bits else pyarrow.from_numpy_dtype(values.dtype)
    return pyarrow.Array.from_buffers(kind, len(values), [bitmap, pyarrow.py_buffer(data)])


def handed_over(column: Column, places: Integers, met: Flags) -> pyarrow.Array:
    """The values of the rows at some places, where one was `met`; else NULL."""
    if isinstance(column.values, pyarrow.Array):
        return column.values.take(array(places, met))
    if not len(column.values):
        return array(np.zeros(len(places), dtype=column.values.dtype), met)
    return array(column.values[places], met if column.valid is None else met & column.valid[places])
