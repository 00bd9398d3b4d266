"""Memory that arrays give back is taken again while they work, and let go of afterwards."""

from __future__ import annotations

import ctypes
import resource
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from featsql.engines.duckdb.arrays.memory import allocator, kept

ROUNDS, ARRAYS, SIZE = 20, 8, 1 << 18
PAGE = resource.getpagesize()


def work() -> int:
    """How many pages of memory one thread is given anew while it makes arrays and drops them, again and again."""
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for _ in range(ROUNDS):
        arrays = [np.ones(SIZE) for _ in range(ARRAYS)]
        del arrays
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before


@pytest.mark.skipif(allocator() is None, reason="this C library is not glibc")
def test_arrays_take_what_others_gave_back() -> None:
    with kept(), ThreadPoolExecutor(1) as pool:
        pages = pool.submit(work).result()
    needed = ARRAYS * SIZE * 8 // PAGE
    assert pages < 3 * needed  # of `ROUNDS * needed` if all were given anew


def test_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: object) -> object:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", unknown)
    assert allocator() is None
    with kept():
        assert np.ones(2).sum() == 2
