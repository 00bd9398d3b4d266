"""Files under the target path that featsql reads back: what is not plainly what it wrote is not there."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

Some = TypeVar("Some")
# Of the system, of JSON and its types, of texts that are none, and of what is nested too deeply.
BROKEN = (OSError, msgspec.MsgspecError, ValueError, RecursionError)


def read_kept(path: Path, kind: type[Some]) -> Some | None:
    """What a file holds, or None where it cannot be read, or is not of that kind."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except BROKEN:
        return None
