"""The values of Arrow arrays at some places, by their bytes alone: pyarrow's own way first loads all of its functions,
and is slower with lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow

from featsql.engines.duckdb.arrays.arrow import (
    array,
    column,
    is_lists,
    lists_of,
    numbers,
    offsets_of,
    raw,
    rebuilt,
    refused,
    valid,
    width_of,
)
from featsql.engines.duckdb.arrays.rows import Column, Flags, Integers, at, written_out

# Into how many runs rows are cut at most; of more they are taken one by one.
RUNS = 1 << 12


def chosen_of(values: Column, chosen: Any) -> Column:
    """The values of a column at some places."""
    if isinstance(values.values, pyarrow.Array):
        return Column(handed_over(values.values, chosen))
    return Column(at(values.values, chosen), None if values.valid is None else values.valid[chosen])


def handed_over(values: pyarrow.Array, places: Integers, met: Flags | None = None) -> pyarrow.Array:
    """The values at some places; where none was `met`, NULL. Raises RefusedError where texts or lists then have more in
    them than their type can count."""
    kind = values.type
    if not len(values):
        return pyarrow.nulls(len(places), kind)
    if pyarrow.types.is_boolean(kind):
        there = valid(values)
        return array(at(column(values).values, places), both(there, places, met))
    if width_of(kind) is not None:
        found = raw(values)
        return rebuilt(at(found.values, places), both(found.valid, places, met), kind)
    if is_lists(kind):
        return lists(values, places, met)
    with refused():
        return values.take(array(places, met))


def in_line(rows: pyarrow.Table, line: str) -> pyarrow.Table:
    """Rows in the order of a column of whole numbers, of which each is there once, without that column. Several threads
    hand over long runs of them. Raises RefusedError."""
    place = numbers(rows.column(line).combine_chunks())
    rows = rows.drop_columns([line])
    starts = np.flatnonzero(np.append(True, place[1:] != place[:-1] + 1)[: len(place)])
    order = np.argsort(place[starts], kind="stable")
    if (order[1:] > order[:-1]).all():
        return rows
    if len(starts) > RUNS:
        order = np.argsort(place, kind="stable")
        with refused():
            whole = [each.combine_chunks() for each in rows.columns]
        return pyarrow.table([handed_over(each, order) for each in whole], rows.column_names)
    sizes = np.diff(starts, append=len(place))
    return pyarrow.concat_tables([rows.slice(int(starts[run]), int(sizes[run])) for run in order])


def both(there: Flags | None, places: Integers, met: Flags | None) -> Flags | None:
    """Which values are there at some places and were met; None for all."""
    if there is None:
        return met
    found: Flags = at(there, places)
    return found if met is None else found & met


def lists(values: pyarrow.Array, places: Integers, met: Flags | None) -> pyarrow.Array:
    """`handed_over` of lists: what is in them is taken as it lies, list by list."""
    offsets = offsets_of(values)
    there = both(valid(values), places, met)
    begin = at(offsets[:-1], places).astype(np.int64, copy=False)
    sizes = at(offsets[1:], places) - begin
    if there is not None:
        sizes[~there] = 0
    return lists_of(values.type, sizes, there, handed_over(values.values, written_out(begin, sizes)))
