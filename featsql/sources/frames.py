"""Frames of others as the engine can read them without loss."""

from __future__ import annotations

from contextlib import suppress
from typing import Any


def with_nanoseconds(frame: Any) -> Any:
    """A frame of pandas' whose zoned instants have nanoseconds as an Arrow table: the engine would cut these off, so
    that a row has happened too soon, or before 1970 is asked about too late. Any other as it is."""
    if type(frame).__module__.partition(".")[0] != "pandas" or not hasattr(frame, "columns"):
        return frame
    if not any(str(kind).startswith("datetime64[ns, ") for kind in frame.dtypes):
        return frame
    import pyarrow

    with suppress(pyarrow.ArrowException):
        return pyarrow.Table.from_pandas(frame, preserve_index=False)
    return frame
