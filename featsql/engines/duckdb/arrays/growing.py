"""Columns that grow as their batches come in."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pyarrow
from msgspec import Struct

from featsql.engines.duckdb.arrays.arrow import is_lists, lists_of, offsets_of, raw, rebuilt, refused, valid, width_of
from featsql.engines.duckdb.arrays.rows import Column, Flags, Integers, Values

# For how many values in lists there is room at first, at most.
MOST = 1 << 24


class Growing(Struct):
    """A column of which there is room for so many rows: what is not needed of that takes no memory. Whole numbers lie
    in as few bytes as they need, since to touch memory for the first time takes longer than to look how large they are;
    `kind` is the type that they have outside."""

    room: int
    kind: np.dtype[Any] | None = None
    values: Values | None = None
    valid: Flags | None = None
    filled: int = 0

    def add(self, rows: Column, order: Integers | slice = slice(None)) -> None:
        """The next rows, in some order."""
        start, self.filled = self.filled, self.filled + len(rows.values)
        kind = rows.values.dtype
        self.kind = kind if self.kind is None else np.promote_types(self.kind, kind)
        given = narrowed(rows.values)
        self.values = self.with_room(self.values, start, given.dtype)
        given = given.astype(self.values.dtype, copy=False)
        if isinstance(order, slice):
            self.values[start : self.filled] = given[order]
        else:  # nothing is out of bounds, and to look whether anything is takes longer than to take the values
            given.take(order, out=self.values[start : self.filled], mode="clip")
        if rows.valid is not None and self.valid is None:
            self.valid = np.ones(len(self.values), dtype=np.bool_)
        if self.valid is not None:
            self.valid = self.with_room(self.valid, start, self.valid.dtype)
            self.valid[start : self.filled] = True if rows.valid is None else rows.valid[order]

    def with_room(self, values: Values | None, start: int, kind: np.dtype[np.generic]) -> Values:
        """Values with room for all that is filled, and wide enough for a kind, of which those before `start` are
        there."""
        if values is None:
            self.room = max(self.room, self.filled)
            return np.empty(self.room, dtype=kind)
        wide = np.promote_types(values.dtype, kind)
        if self.filled <= len(values) and values.dtype == wide:
            return values
        self.room = max(self.room, 2 * self.filled if self.filled > len(values) else 0)
        larger = np.empty(self.room, dtype=wide)
        larger[:start] = values[:start]
        return larger

    def copied(self, size: int) -> Growing:
        """Another column with the first rows of this."""
        found = Growing(self.room, self.kind)
        found.add(self.taken(slice(size)))
        return found

    def taken(self, chosen: slice) -> Column:
        """The rows at some places, as they lie."""
        assert self.values is not None
        return Column(self.values[chosen], None if self.valid is None else self.valid[chosen])


def narrowed(values: Values) -> Values:
    """Whole numbers in as few bytes as they need; others as they are."""
    if values.dtype.kind != "i" or not len(values) or size_of(values[0]) >= values.dtype.itemsize:
        return values
    kind = np.promote_types(np.min_scalar_type(int(values.min())), np.min_scalar_type(int(values.max())))
    return values.astype(kind) if kind.itemsize < values.dtype.itemsize else values


def size_of(value: Any) -> int:
    """How many bytes a whole number needs."""
    return np.min_scalar_type(int(value)).itemsize


class Kept(Struct, dict=True):
    """A column of an Arrow type that is only passed on, with room for so many rows. What is in lists is a column of its
    own, `inside`."""

    kind: pyarrow.DataType
    room: int
    inside: Kept | None = None
    batches: list[pyarrow.Array] = []

    @cached_property
    def numbers(self) -> Growing:
        """The bytes of values that have a width, or how many values each list has."""
        return Growing(self.room)

    def add(self, batch: pyarrow.Array) -> None:
        """The next rows."""
        if is_lists(self.kind):
            offsets = offsets_of(batch)
            self.numbers.add(Column(np.diff(offsets), valid(batch)))
            self.listed(batch).add(batch.values.slice(offsets[0], offsets[-1] - offsets[0]))
        elif width_of(self.kind) is not None:
            self.numbers.add(raw(batch))
        else:
            self.batches.append(batch)

    def listed(self, batch: pyarrow.Array) -> Kept:
        """The column of what is in lists, with room for what there will be if all are like the first."""
        if self.inside is None:
            expected = len(batch.values) * self.room // max(len(batch), 1)
            self.inside = Kept(self.kind.value_type, min(expected + expected // 8, MOST))
        return self.inside

    def column(self) -> pyarrow.Array:
        """All rows. Raises RefusedError where texts or lists have more in them than their type can count."""
        if self.numbers.values is None:
            with refused():
                return pyarrow.chunked_array(self.batches, self.kind).combine_chunks()
        found = self.numbers.taken(slice(self.numbers.filled))
        if self.inside is None:
            return rebuilt(found.values, found.valid, self.kind)
        return lists_of(self.kind, found.values, found.valid, self.inside.column())
