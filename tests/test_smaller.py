"""What is counted bit by bit is what a loop counts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from featsql.engines.duckdb.arrays.aggregates.smaller import smaller


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 41)), min_size=1, max_size=20),
)
def test_smaller_numbers_of_ranges_are_counted(values: list[int], asked: list[tuple[int, int, int]]) -> None:
    ranges = [(min(a, b, len(values)), min(max(a, b), len(values)), than) for a, b, than in asked]
    begin, end, than = (np.array([each[i] for each in ranges], np.int64) for i in range(3))
    found = smaller(np.array(values, np.int64), begin, end, than)
    assert found.tolist() == [sum(value < t for value in values[b:e]) for b, e, t in ranges]
