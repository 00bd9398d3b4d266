"""A column that is only passed on, and grows as its batches come in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow

from featsql.arrays.arrow import raw, rebuilt, width_of
from featsql.arrays.rows import Flags, Values

# For how many rows there is room at first.
ROOM = 1 << 20


@dataclass
class Filling:
    """A column of an Arrow type, as Arrow has it."""

    kind: pyarrow.DataType
    batches: list[pyarrow.Array] = field(default_factory=list)
    values: Values | None = None
    valid: Flags | None = None
    filled: int = 0

    def add(self, batch: pyarrow.Array) -> None:
        """The next rows."""
        if width_of(self.kind) is None:
            self.batches.append(batch)
            return
        found, end = raw(batch), self.filled + len(batch)
        if self.values is None:
            self.values = np.empty(max(ROOM, end), dtype=found.values.dtype)
        if end > len(self.values):
            self.values.resize(2 * end, refcheck=False)  # no copy: the system gives it more room behind its values
        self.values[self.filled : end] = found.values
        if found.valid is not None and self.valid is None:
            self.valid = np.ones(len(self.values), dtype=np.bool_)
        if self.valid is not None:
            if end > len(self.valid):
                self.valid.resize(len(self.values), refcheck=False)
            self.valid[self.filled : end] = True if found.valid is None else found.valid
        self.filled = end

    def column(self) -> pyarrow.Array:
        """All rows."""
        if self.values is None:
            return pyarrow.chunked_array(self.batches, self.kind).combine_chunks()
        valid = None if self.valid is None else self.valid[: self.filled]
        return rebuilt(self.values[: self.filled], valid, self.kind)
