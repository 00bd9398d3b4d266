"""Rows are put in order by counting as by comparing them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featsql.engines.duckdb.arrays.digits import DIGIT, alike, all_digits, counted, digits, in_runs
from featsql.engines.duckdb.arrays.partitions import in_order

ENDS = {
    kind: (int(np.iinfo(kind).min), int(np.iinfo(kind).max)) for kind in ("int8", "uint8", "int16", "int64", "uint64")
}


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("end", [0, 1])
def test_a_digit_keeps_the_order_at_the_ends_of_a_type(kind: str, end: int) -> None:
    low = ENDS[kind][0] if end == 0 else max(ENDS[kind][1] - DIGIT + 1, ENDS[kind][0])
    high = min(low + DIGIT - 1, ENDS[kind][1])
    values = np.array([high, low, low + 1, high], dtype=kind)
    found = digits(values)
    assert found is not None
    assert found.tolist() == [each - low for each in values.tolist()]


def test_what_is_too_far_apart_is_no_digit() -> None:
    assert digits(np.array([0, DIGIT])) is None
    assert digits(np.array([-1, DIGIT - 2])) is not None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 5)), min_size=1, max_size=40))
def test_rows_come_by_one_key_after_the_other(rows: list[tuple[int, int]]) -> None:
    first, second = (digits(np.array([row[i] for row in rows])) for i in range(2))
    assert first is not None
    assert second is not None
    assert counted(first, second).tolist() == sorted(range(len(rows)), key=lambda place: rows[place])


@given(st.lists(st.integers(0, 3), max_size=40), st.sampled_from([1, DIGIT]))
def test_rows_in_the_order_of_time_come_by_group(groups: list[int], apart: int) -> None:
    """Of groups that are one digit, and of such as are not."""
    group = np.array(groups, np.int64) * apart
    places = in_order(group, np.arange(len(groups)) // 2).tolist()
    assert places == sorted(range(len(groups)), key=lambda place: groups[place])


@pytest.mark.parametrize("kind", ENDS)
def test_all_digits_tell_values_apart(kind: str) -> None:
    low, high = ENDS[kind]
    values = np.array([high, low, low // 2, 0, 1, high // 3, high - 1], dtype=kind)
    found = [list(each) for each in zip(*(map(int, digit) for digit in all_digits(values)), strict=True)]
    order = sorted(range(len(values)), key=lambda place: int(values[place]))
    assert sorted(range(len(values)), key=lambda place: found[place]) == order
    assert len({tuple(each) for each in found}) == len(set(values.tolist()))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 2)), max_size=40),
    st.sampled_from([1, DIGIT, 2**40]),
    st.sampled_from([1, DIGIT, DIGIT + 1, 2**40, 2**61]),
)
def test_rows_of_the_same_group_and_value_stand_together(rows: list[tuple[int, int]], many: int, apart: int) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    group, values = (np.array([row[i] for row in rows], np.int64) for i in range(2))
    places, same = alike(group * many, values * apart)
    assert places.tolist() == sorted(range(len(rows)), key=lambda place: (rows[place][1], place))
    there = [rows[place] for place in places]
    assert same.tolist() == [one == other for one, other in pairwise(there)]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), max_size=12), min_size=1, max_size=4),
    st.integers(1, 4),
)
def test_runs_are_merged(runs: list[list[tuple[int, int]]], longest: int) -> None:
    rows = [each for run in runs for each in sorted(run)]
    values, digit = (np.array([row[i] for row in rows], np.int64) for i in range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("featsql.engines.duckdb.arrays.digits.RUN", longest)
        places = in_runs(digit.astype(np.uint16), values)
    count = 1 + sum(one > other for one, other in pairwise(values.tolist()))
    assert (places is not None) == (count == 1 or count * longest <= len(values) + longest)
    if places is not None:
        assert places.tolist() == sorted(range(len(rows)), key=lambda place: (digit[place], values[place]))
