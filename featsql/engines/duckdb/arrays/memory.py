"""Have memory that arrays gave back taken again: it costs as much to get it anew from the system as to fill it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# What glibc calls its settings (mallopt(3)).
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
MEGABYTE = 1 << 20
# While arrays work: arrays of partitions come from what lies there already, of which much may lie there, and which
# grows in long steps; only whole columns are the system's own.
WORKING = {MMAP_THRESHOLD: 4 * MEGABYTE, TRIM_THRESHOLD: 512 * MEGABYTE, TOP_PAD: 16 * MEGABYTE}
# Afterwards: what glibc would have come to by itself.
USUAL = {MMAP_THRESHOLD: 4 * MEGABYTE, TRIM_THRESHOLD: 8 * MEGABYTE, TOP_PAD: MEGABYTE // 8}


@contextmanager
def kept() -> Iterator[None]:
    """Keep memory that is given back, and let go of it at the end. Does nothing where the C library is not glibc."""
    library = allocator()
    if library is None:
        yield
        return
    for option, value in WORKING.items():
        library.mallopt(option, value)
    try:
        yield
    finally:
        for option, value in USUAL.items():
            library.mallopt(option, value)
        library.malloc_trim(0)


def allocator() -> Any:
    """The C library, if it has these settings."""
    try:
        library = ctypes.CDLL(None)
        return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
    except (OSError, TypeError):  # where programs are not linked with their C library by name
        return None
