"""Find the newest rows of a state: its rows are read as they lie, and only numbers are sorted."""

from __future__ import annotations

import pyarrow
from sqlglot import exp

from featsql.arrays.arrow import array, handed_over
from featsql.arrays.part import RefusedError
from featsql.arrays.rows import Column
from featsql.arrays.sorting import in_order
from featsql.engine import Engine
from featsql.plan import names
from featsql.plan.arrays import GROUP
from featsql.plan.over import LAST
from featsql.run.fetch import columns, fetched

Arrays = dict[str, Column]


def read(asking: exp.Query, reading: exp.Query, engine: Engine, limit: int) -> tuple[Arrays, Arrays]:
    """What `asking` gives of the probes, and `reading` of the rows, which are of at most `limit` bytes. Raises
    RefusedError and EngineError."""
    asked = columns(engine.arrow(asking.sql("duckdb")))
    given = fetched(engine, reading.sql("duckdb"), limit)
    if given is None:
        raise RefusedError
    return asked, given


def newest(asked: Arrays, given: Arrays) -> tuple[pyarrow.Table, bool]:
    """The columns of the row that each probe meets, beside its number, and whether another row could have been met
    instead. The rows are left without their order."""
    order = in_order(given.pop(GROUP).values, given.pop(names.HAPPENED).values)
    found, met = order.last(asked[GROUP].values, asked[LAST].values)
    tied = bool((met & order.twins(found)).any()) if len(order) else False
    places = order.places(found) if len(order) else found
    table = {name: handed_over(each.values, places, met) for name, each in given.items()}
    number = array(asked[names.NUMBER].values)
    return pyarrow.table({names.NUMBER: number, names.HIT: array(met, met), **table}), tied
