"""Rows dealt into partitions are what a plain sort makes of them, partition by partition."""

from __future__ import annotations

import numpy as np
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featsql.engines.duckdb.arrays import partitions as partitions
from featsql.engines.duckdb.arrays.aggregates.last import last_rows
from featsql.engines.duckdb.arrays.arrow import array, column
from featsql.engines.duckdb.arrays.growing import Kept
from featsql.engines.duckdb.arrays.partitions import Deal, Partitions, in_order
from featsql.engines.duckdb.arrays.rows import Column, Probes, Rows
from featsql.engines.duckdb.arrays.take import handed_over
from featsql.engines.duckdb.columnar.windows import Found
from featsql.plan.part import Part

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 5)), max_size=40)
# Instants that one number can hold beside groups and places, and such as it cannot.
FAR = st.one_of(st.integers(-3, 5), st.integers(-(2**61), 2**61), st.integers(2**60, 2**60 + 3))


def arrays(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.int64)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions are small."""
    monkeypatch.setattr(partitions, "PARTITION", 5)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 3), FAR), max_size=40))
def test_rows_come_by_group_and_instant(rows: list[tuple[int, int]]) -> None:
    places = in_order(*arrays(rows)).tolist()
    assert places == sorted(range(len(rows)), key=lambda place: rows[place])


@settings(max_examples=200)
@given(ROWS, st.lists(st.tuples(st.integers(0, 4), st.integers(-4, 6)), max_size=20))
def test_the_last_row_until_an_instant(rows: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    rows, asked = sorted(rows), sorted(asked)
    found, there, tied = last_rows(Rows(*arrays(rows), None, {}), Probes(*arrays(asked), {}))
    twins = []
    for i, (number, instant) in enumerate(asked):
        seen = [at for mine, at in rows if mine == number and at <= instant]
        assert there[i] == bool(seen)
        if seen:
            assert rows[found[i]] == (number, max(seen))
            twins.append(seen.count(max(seen)) > 1)
    assert tied == any(twins)


@settings(max_examples=200)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 5))), max_size=9), max_size=5),
    st.integers(0, 60),
)
def test_piles_hold_whole_groups(batches: list[list[tuple[int, int | None]]], count: int) -> None:
    deal = Deal.of(10, count)
    dealt = Partitions(deal, "group", 3, "place")
    for batch in [*batches, []]:
        there = np.array([value is not None for _, value in batch], np.bool_)
        values = np.array([value or 0 for _, value in batch], np.int16)
        group = np.array([row[0] for row in batch], np.int32)
        dealt.add({"group": Column(group), "value": Column(values, None if there.all() else there)})
    rows = [row for batch in batches for row in batch]
    for i in range(deal.partitions):
        found = dealt.partition(i)
        assert found["place"].values.tolist() == [n for n, row in enumerate(rows) if row[0] // deal.width == i]
        back = array(found["value"].values, found["value"].valid).to_pylist()
        assert list(zip(found["group"].values.tolist(), back, strict=True)) == [
            row for row in rows if row[0] // deal.width == i
        ]
    assert deal.partitions <= max(-(-count // 5), 1)
    assert deal.width * deal.partitions >= 10


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)), max_size=20))
def test_probes_that_are_alike_are_asked_once(asked: list[tuple[int, int, int]]) -> None:
    group, last, first = (np.array([each[i] for each in sorted(asked)], np.int64) for i in range(3))
    probes = Probes(group, last, {"first": first})
    different, like = probes.distinct()
    places = np.arange(len(asked)) if like is None else like
    columns = (different.group, different.last, different.bounds["first"])
    assert list(zip(*(each[places].tolist() for each in columns), strict=True)) == sorted(asked)
    assert len(different) == len(set(asked))


BATCHES = st.lists(st.lists(st.one_of(st.none(), st.integers(0, 1)), max_size=6), max_size=6)


@given(BATCHES, st.sampled_from([pyarrow.bool_(), pyarrow.int16(), pyarrow.float64()]))
def test_columns_grow_by_batches(batches: list[list[int | None]], kind: pyarrow.DataType) -> None:
    values = [value for batch in batches for value in batch]
    kept = Kept(kind, 2)
    for batch in batches:
        longer = pyarrow.array([None, *batch, None], pyarrow.int8()).cast(kind)
        kept.add(longer.slice(1, len(batch)))
    assert kept.column().to_pylist() == values
    found = column(kept.column())
    back = array(found.values, found.valid)
    places, met = np.arange(len(values))[::-1].copy(), np.arange(len(values)) % 2 == 0
    wanted = [value if hit else None for value, hit in zip(values[::-1], met, strict=True)]
    assert handed_over(back, places, met).to_pylist() == wanted
    assert handed_over(kept.column(), places, met).to_pylist() == wanted
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
    growing = Kept(given.type, 2)
    assert growing.column() == given.slice(0, 0)
    for batch in (given, given.slice(1), given.slice(0, 0)):
        growing.add(batch)
    assert growing.column().to_pylist() == [*given.to_pylist(), *given.slice(1).to_pylist()]
    assert growing.column().type == given.type


@pytest.mark.parametrize("kind", ["int8", "uint16", "int32", "uint64", "float", "double", "bool"])
def test_numbers_go_to_arrow_and_back(kind: str) -> None:
    given = pyarrow.array([1, None, 0, 1], pyarrow.int8()).cast(kind)
    found = column(given)
    assert array(found.values, found.valid) == given
    assert handed_over(given.slice(0, 0), np.zeros(2, np.int64), np.zeros(2, bool)).null_count == 2


@given(st.lists(st.tuples(st.integers(1, 4), st.lists(st.integers(0, 2), min_size=3, max_size=3)), max_size=6))
def test_answers_that_are_the_same_are_kept_once_as_long_as_they_are(pieces: list[tuple[int, list[int]]]) -> None:
    """Each piece has up to three different arrays, of which each part has one."""
    parts = [Part("count", None, (), i) for i in range(3)]
    found, expected = Found(sum(size for size, _ in pieces)), {part: list[object]() for part in parts}
    for number, (size, chosen) in enumerate(pieces):
        given = [np.arange(size, dtype=(np.int32, np.int64, np.float64)[i]) + 10 * number + i for i in range(3)]
        answers = {part: given[i] for part, i in zip(parts, chosen, strict=True)}
        found.add(answers, size)
        for part, values in answers.items():
            expected[part] += values.tolist()
    for part in parts if pieces else ():
        kept = found.numbers[found.like[part]].taken(slice(found.size)).values
        assert isinstance(kept, np.ndarray)
        assert kept.tolist() == expected[part]
    if pieces and all(len(set(chosen)) == 1 for _, chosen in pieces):
        assert len(found.numbers) == 1
