"""Values of Arrow arrays at some places are those that pyarrow takes."""

from __future__ import annotations

import datetime as dt
import decimal
import subprocess
import sys
import uuid

import numpy as np
import pyarrow
import pytest

from featsql.engines.duckdb.arrays.arrow import refused
from featsql.engines.duckdb.arrays.growing import Kept
from featsql.engines.duckdb.arrays.take import handed_over, in_line
from featsql.engines.duckdb.columnar.compute import side_by_side
from featsql.plan.part import RefusedError

NAN = float("nan")
ARRAYS = {
    "numbers": pyarrow.array([1, None, 3, 4, 5]),
    "narrow": pyarrow.array([1, 2, 3, 4, 5], pyarrow.int8()),
    "booleans": pyarrow.array([True, None, False, True, False]),
    "all": pyarrow.array([True, True, False, True, False]),
    "floats": pyarrow.array([1.5, NAN, None, float("inf"), -0.0]),
    "instants": pyarrow.array([dt.datetime(2024, 1, day) for day in range(1, 6)]),
    "decimals": pyarrow.array([decimal.Decimal(i) / 8 for i in range(5)], pyarrow.decimal128(30, 20)),
    "texts": pyarrow.array(["a", None, "", "dd", "ü"]),
    "identities": pyarrow.array([uuid.UUID(int=i).bytes for i in range(5)], pyarrow.uuid()),
    "lists": pyarrow.array([[1, None], None, [], [3], [4, 5, 6]]),
    "large": pyarrow.array([[1.5], [2.5, 3.5], [], [4.5], [NAN]], pyarrow.large_list(pyarrow.float64())),
    "lists of texts": pyarrow.array([["a"], None, ["b", None, "c"], [], ["d"]]),
    "lists of lists": pyarrow.array([[[1], None], [], [[2, 3], []], None, [[4]]]),
    "lists of booleans": pyarrow.array([[True, None], None, [], [False], [True]]),
    "structs": pyarrow.array([{"a": 1}, None, {"a": None}, {"a": 4}, {"a": 5}]),
    "nothing": pyarrow.nulls(5),
}
PLACES = np.array([4, 0, 0, 3, 2, 1, 4])
MET = np.array([True, True, False, True, False, True, True])


def same(one: pyarrow.Array, other: pyarrow.Array) -> bool:
    """Whether two arrays have the same type and values, NaN like NaN."""
    return one.type == other.type and repr(one.to_pylist()) == repr(other.to_pylist())


@pytest.mark.parametrize("values", ARRAYS.values(), ids=ARRAYS)
@pytest.mark.parametrize("met", [None, MET], ids=["all met", "some met"])
@pytest.mark.parametrize("start", [0, 2])
def test_what_is_taken_is_what_pyarrow_takes(values: pyarrow.Array, met: np.ndarray | None, start: int) -> None:
    whole = pyarrow.concat_arrays([values.slice(3, start), values])
    cut = whole.slice(start)
    wanted = cut.take(pyarrow.array(PLACES, mask=None if met is None else ~met))
    found = handed_over(cut, PLACES, met)
    found.validate(full=True)
    assert same(found, wanted)


@pytest.mark.parametrize("values", ARRAYS.values(), ids=ARRAYS)
def test_from_nothing_comes_nothing(values: pyarrow.Array) -> None:
    none = np.zeros(2, dtype=np.bool_)
    assert same(handed_over(values.slice(0, 0), np.zeros(2, dtype=np.int64), none), pyarrow.nulls(2, values.type))
    assert same(handed_over(values, np.zeros(0, dtype=np.int64)), values.slice(0, 0))


def test_texts_of_more_than_two_gigabytes_are_refused_or_stay_in_pieces() -> None:
    """Of such a text no byte is read: the system gives out memory that nobody has written to when it is read."""
    ends = np.array([0, 1 << 30, (1 << 31) - 8], np.int32)
    data = [None, pyarrow.py_buffer(ends), pyarrow.py_buffer(np.empty((1 << 31) - 8, np.uint8))]
    texts = pyarrow.Array.from_buffers(pyarrow.string(), 2, data)
    kept = Kept(texts.type, 4)
    kept.add(texts)
    kept.add(texts)
    with pytest.raises(RefusedError):
        kept.column()
    given = pyarrow.table({"id": pyarrow.chunked_array([[1, 2], [3, 4]]), "text": pyarrow.chunked_array([texts] * 2)})
    found = side_by_side(given, {"value": pyarrow.array([1.5, 2.5, 3.5, 4.5])})
    assert found.column_names == ["id", "text", "value"]
    assert found.select(["id", "value"]).to_pydict() == {"id": [1, 2, 3, 4], "value": [1.5, 2.5, 3.5, 4.5]}
    assert [len(piece) for piece in found.column("text").chunks] == [2, 2]


@pytest.mark.parametrize("most", [0, 100])
@pytest.mark.parametrize("runs", [[], [[0, 1, 2]], [[4, 5], [0, 1, 2], [9]], [[3], [1], [2], [0]], [[1, 5], [2, 3, 7]]])
def test_rows_are_put_in_line(runs: list[list[int]], most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featsql.engines.duckdb.arrays.take.RUNS", most)
    places = [place for run in runs for place in run]
    schema = pyarrow.schema({"line": pyarrow.int64(), "text": pyarrow.string(), "flag": pyarrow.bool_()})
    pieces = [
        pyarrow.record_batch({"line": run, "text": [f"row {i}" for i in run], "flag": [i > 2 for i in run]}, schema)
        for run in runs
    ]
    found = in_line(pyarrow.Table.from_batches(pieces, schema), "line")
    assert found.schema.names == ["text", "flag"]
    assert found.to_pydict() == {
        "text": [f"row {i}" for i in sorted(places)],
        "flag": [i > 2 for i in sorted(places)],
    }


def test_what_pyarrow_cannot_do_is_refused() -> None:
    with pytest.raises(RefusedError), refused():
        ARRAYS["texts"].take(pyarrow.array([len(ARRAYS["texts"])]))


def test_no_functions_are_loaded_for_what_has_a_width() -> None:
    script = """
import sys, numpy, pyarrow
from featsql.engines.duckdb.arrays.arrow import array
from featsql.engines.duckdb.arrays.arrow import refused
from featsql.engines.duckdb.arrays.growing import Kept
from featsql.plan.part import RefusedError
from featsql.engines.duckdb.arrays.take import handed_over, in_line
from featsql.engines.duckdb.columnar.compute import side_by_side
numbers, flags = array(numpy.arange(3)), array(numpy.ones(3, dtype=bool))
for values in (numbers, flags, pyarrow.LargeListArray.from_arrays(numbers, numbers)):
    handed_over(values, numpy.array([1, 0]))
print("pyarrow.compute" in sys.modules)
handed_over(pyarrow.array(["a", "b"]), numpy.array([1, 0]))
print("pyarrow.compute" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]
