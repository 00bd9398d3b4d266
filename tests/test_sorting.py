"""Rows in the order of their groups and instants are what a plain sort makes of them."""

from __future__ import annotations

import numpy as np
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featsql.arrays import filling, sorting
from featsql.arrays.arrow import array, column, handed_over
from featsql.arrays.filling import Filling
from featsql.arrays.sorting import Sorted, in_order

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 5)), max_size=40)


def ordered(rows: list[tuple[int, int]]) -> Sorted:
    group, at = np.array([row[0] for row in rows], np.int32), np.array([row[1] for row in rows], np.int64)
    return in_order(group, at)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and rooms are small, and what is nearly in order is taken for it sooner."""
    monkeypatch.setattr(sorting, "BLOCK", 7)
    monkeypatch.setattr(sorting, "RUN", 3)
    monkeypatch.setattr(filling, "ROOM", 2)


@settings(max_examples=200)
@given(ROWS, st.booleans())
def test_rows_come_by_group_and_instant(rows: list[tuple[int, int]], by_time: bool) -> None:
    rows = sorted(rows, key=lambda row: row[1]) if by_time else rows
    order, everything = ordered(rows), slice(0, len(rows))
    found = list(zip(order.groups(everything).tolist(), order.at[order.places(everything)].tolist(), strict=True))
    assert found == sorted(rows)
    assert [rows[place] for place in order.places(everything).tolist()] == found
    assert sorted(order.places(everything).tolist()) == list(range(len(rows)))


@settings(max_examples=200)
@given(ROWS, st.lists(st.tuples(st.integers(0, 4), st.integers(-4, 6)), max_size=20))
def test_the_last_row_until_an_instant(rows: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    order = ordered(rows)
    group, until = (np.array([each[i] for each in asked], dtype=np.int64) for i in (0, 1))
    found, there = order.last(group, until)
    places = order.places(found) if rows else found
    twins = order.twins(found) if rows else there
    for i, (number, instant) in enumerate(asked):
        seen = [at for mine, at in rows if mine == number and at <= instant]
        assert there[i] == bool(seen)
        if seen:
            assert rows[places[i]] == (number, max(seen))
            assert twins[i] == (seen.count(max(seen)) > 1)


@given(ROWS, st.integers(1, 9))
def test_cuts_keep_groups_whole(rows: list[tuple[int, int]], size: int) -> None:
    order = ordered(rows)
    cuts = list(order.cuts(size))
    assert [place for cut, _ in cuts for place in range(cut.start, cut.stop)] == list(range(len(rows)))
    groups = [set(order.groups(cut).tolist()) for cut, _ in cuts]
    assert all(not one & other for i, one in enumerate(groups) for other in groups[:i])
    assert [following for _, following in cuts] == [*(min(each) for each in groups[1:]), None][: len(cuts)]


BATCHES = st.lists(st.lists(st.one_of(st.none(), st.integers(0, 1)), max_size=6), max_size=6)


@given(BATCHES, st.sampled_from([pyarrow.bool_(), pyarrow.int16(), pyarrow.float64()]))
def test_columns_grow_by_batches(batches: list[list[int | None]], kind: pyarrow.DataType) -> None:
    values = [value for batch in batches for value in batch]
    plain, kept = Filling(kind, kept=False), Filling(kind, kept=True)
    for batch in batches:
        longer = pyarrow.array([None, *batch, None], pyarrow.int8()).cast(kind)
        for each in (plain, kept):
            each.add(longer.slice(1, len(batch)))
    found = plain.column()
    back = array(found.values, found.valid)
    assert back.to_pylist() == values
    assert kept.column().values.to_pylist() == values  # type: ignore[union-attr]
    places, met = np.arange(len(values))[::-1].copy(), np.arange(len(values)) % 2 == 0
    wanted = [value if hit else None for value, hit in zip(values[::-1], met, strict=True)]
    assert handed_over(back, places, met).to_pylist() == wanted
    assert handed_over(kept.column().values, places, met).to_pylist() == wanted
    assert column(back).values.tolist() == found.values.tolist()


KEPT = [
    pyarrow.array(["a", None, "bc"]),
    pyarrow.array([0, None, 2**40], pyarrow.timestamp("us")),
    pyarrow.array([0, None, 2**40], pyarrow.timestamp("us", "UTC")),
    pyarrow.array([0, None, 70], pyarrow.date32()),
    pyarrow.array([1, None, -3]).cast(pyarrow.decimal128(30, 2)),
    pyarrow.array([[1], None, []]),
    pyarrow.array(["a", None, "a"]).dictionary_encode(),
]


@pytest.mark.parametrize("given", KEPT, ids=lambda each: str(each.type))
def test_what_is_kept_is_as_it_was(given: pyarrow.Array) -> None:
    filling = Filling(given.type, kept=True)
    assert filling.column().values == given.slice(0, 0)
    for batch in (given, given.slice(1), given.slice(0, 0)):
        filling.add(batch)
    assert filling.column().values.to_pylist() == [*given.to_pylist(), *given.slice(1).to_pylist()]  # type: ignore[union-attr]
    assert filling.column().values.type == given.type  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["int8", "uint16", "int32", "uint64", "float", "double", "bool"])
def test_numbers_go_to_arrow_and_back(kind: str) -> None:
    given = pyarrow.array([1, None, 0, 1], pyarrow.int8()).cast(kind)
    found = column(given)
    assert array(found.values, found.valid) == given
    assert handed_over(given.slice(0, 0), np.zeros(2, np.int64), np.zeros(2, bool)).null_count == 2
