"""Incremental plain models: however rows come, the table is as a build from nothing makes it, or it says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

import featsql
from featsql.build.plain.incremental import holds
from featsql.build.results import Result

SOURCES = """
version: 2
sources:
  - name: shop
    tables:
      - name: pay
        location: data/pay.csv
        config: {time: {kind: events, event_time: paid_at, available_at: loaded_at}}
"""
HEAD = "cust,region,amount,paid_at,loaded_at"
OLD = [
    "1,,1,2024-01-01 10:00:00,2024-01-01 11:00:00",
    "2,eu,2,2024-01-02 10:00:00,2024-01-02 11:00:00",
    "1,eu,3,2024-01-03 10:00:00,2024-01-03 11:00:00",
    "2,,4,2024-01-04 10:00:00,2024-01-04 11:00:00",
]
LATE = "3,,30,2024-01-02 12:00:00,2024-01-05 09:00:00"
NEW = "1,us,5,2024-01-05 10:00:00,2024-01-05 11:00:00"
BY_LOAD = "{% if is_incremental() %} where loaded_at > (select max(loaded_at) from {{ this }}) {% endif %}"
BY_TIME = "{% if is_incremental() %} where paid_at >= (select max(paid_at) from {{ this }}) {% endif %}"
ROWS = "select cust, amount, paid_at, loaded_at from {{ source('shop', 'pay') }} "
DAILY = (
    "select paid_at::date as day, cust, sum(amount) as s, max(loaded_at) as loaded_at from {{ source('shop', 'pay') }} "
)


def config(**values: Any) -> str:
    """The header of an incremental model."""
    return f"{{{{ config(materialized='incremental', {', '.join(f'{k}={v!r}' for k, v in values.items())}) }}}}\n"


class Shop:
    """A project of one incremental model."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        (folder / "models").mkdir()
        (folder / "data").mkdir()
        project = 'name: p\nversion: "1.0"\ntarget: dev\noutputs: {dev: {path: target/f.duckdb}}\n'
        (folder / "featsql_project.yml").write_text(project, encoding="utf-8")
        (folder / "models/sources.yml").write_text(SOURCES, encoding="utf-8")
        self.model(text)
        self.rows(*OLD)

    def model(self, text: str) -> None:
        """Write the model."""
        (self.folder / "models/m.sql").write_text(text, encoding="utf-8")

    def rows(self, *lines: str) -> None:
        """Write the payments."""
        (self.folder / "data/pay.csv").write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")

    def build(self, *, full_refresh: bool = False) -> Result:
        """Build the model."""
        (result,) = featsql.load(self.folder).build(full_refresh=full_refresh).results
        return result

    def table(self) -> list[tuple[object, ...]]:
        """What its table holds, and of which types."""
        with duckdb.connect(str(self.folder / "target/f.duckdb"), read_only=True) as connection:
            kinds = connection.execute("select column_name, column_type from (describe m)").fetchall()
            return [*kinds, *sorted(connection.execute("from m").fetchall(), key=repr)]

    def equals_full_refresh(self) -> None:
        """The table is what a build from nothing makes."""
        found = self.table()
        assert self.build(full_refresh=True).status == "success"
        assert found == self.table()


MODELS = {
    "late rows": (config(incremental_time="paid_at") + ROWS + BY_LOAD, (LATE, NEW)),
    "late rows of an instant that is there": (
        config(incremental_time="paid_at") + ROWS + BY_LOAD,
        (LATE.replace("12:00", "10:00"), NEW),
    ),
    "late rows of a day": (config(incremental_time="day") + DAILY + BY_LOAD + " group by all", (LATE, NEW)),
    "new rows of the last day": (config(incremental_time="day") + DAILY + " group by all", (NEW,)),
    "the last rows again": (config(incremental_time="paid_at") + ROWS + BY_TIME, (NEW,)),
    "a key with parts that are missing": (
        config(unique_key=["cust", "region"])
        + "select cust, region, count(*) as n from {{ source('shop', 'pay') }} group by all",
        (LATE, NEW),
    ),
    "all rows of a key": (config(unique_key=["cust"]) + ROWS, (LATE, NEW)),
    "wider numbers": (
        config(unique_key=["paid_at"]) + ROWS + BY_TIME,
        (NEW.replace(",5,", ",5000000000,"), LATE.replace("01-02 12", "01-06 12")),
    ),
    "broken numbers": (config(incremental_time="paid_at") + ROWS + BY_TIME, (NEW.replace(",5,", ",5.5,"),)),
    "no instant": (
        config(incremental_time="at")
        + "select cust, nullif(paid_at, timestamp '2024-01-04 10:00') as at, loaded_at"
        + " from {{ source('shop', 'pay') }} "
        + BY_LOAD,
        (LATE, "9,,9,2024-01-04 10:00:00,2024-01-06 10:00:00"),
    ),
}


@pytest.mark.parametrize("case", MODELS)
def test_it_is_what_a_build_from_nothing_makes(case: str, tmp_path: Path) -> None:
    text, more = MODELS[case]
    shop = Shop(tmp_path, text)
    for _ in range(3):
        result = shop.build()
        assert result.status in {"success", "unchanged"}, result.diagnostics
    shop.rows(*OLD, *more)
    for _ in range(2):
        result = shop.build()
        assert result.status in {"success", "unchanged"}, result.diagnostics
    shop.equals_full_refresh()


WRONG = {
    "rows that are gone": (config(incremental_time="paid_at") + ROWS, None),
    "rows that are gone from what came late": (
        config(incremental_time="paid_at") + ROWS + BY_LOAD,
        ("FS810", "with `paid_at` = 2024-01-03 10:00:00; `paid_at` = 2024-01-04 10:00:00", (OLD[0], OLD[1], LATE, NEW)),
    ),
    "a part of the rows of a key": (
        config(unique_key="cust") + ROWS + BY_LOAD,
        ("FS809", "with `cust` = 1", (*OLD, NEW)),
    ),
    "everything once more": (config() + ROWS, ("FS811", "all of its rows once more", (*OLD, NEW))),
    "texts in place of numbers": (
        config(incremental_time="paid_at") + ROWS + BY_TIME,
        ("FS804", "`amount` of `m` is VARCHAR now, and BIGINT in its table", (*OLD, NEW.replace(",5,", ",five,"))),
    ),
    "decimals in place of large numbers": (
        config(unique_key="paid_at") + ROWS.replace("amount", "amount + 9007199254740993 - 0 as amount") + BY_TIME,
        ("FS804", "is DOUBLE now", (*OLD, NEW.replace(",5,", ",5.5,"))),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_or_it_says_why_not(case: str, tmp_path: Path) -> None:
    text, wanted = WRONG[case]
    shop = Shop(tmp_path, text)
    assert shop.build().status == "success"
    before = shop.table()
    if wanted is None:  # all rows come in each build: what is gone is gone
        shop.rows(*OLD[:2])
        assert shop.build().status == "success"
        shop.equals_full_refresh()
        return
    code, words, lines = wanted
    shop.rows(*lines)
    (diagnostic,) = shop.build().diagnostics
    assert (diagnostic.code, words in diagnostic.message) == (code, True), diagnostic.message
    assert shop.table() == before
    assert shop.build(full_refresh=True).status == "success"


@pytest.mark.parametrize(
    ("wide", "narrow", "can"),
    [
        ("BIGINT", "INTEGER", True),
        ("BIGINT", "UINTEGER", True),
        ("BIGINT", "UBIGINT", False),
        ("UBIGINT", "INTEGER", False),
        ("HUGEINT", "UBIGINT", True),
        ("DECIMAL(20,2)", "INTEGER", True),
        ("DECIMAL(11,2)", "INTEGER", False),
        ("DECIMAL(12,3)", "DECIMAL(11,2)", True),
        ("DECIMAL(12,3)", "DECIMAL(12,2)", False),
        ("DOUBLE", "INTEGER", True),
        ("DOUBLE", "FLOAT", False),
        ("DOUBLE", "BIGINT", False),
        ("TIMESTAMP", "DATE", True),
        ("TIMESTAMP", "TIMESTAMP_NS", False),
        ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP", False),
        ("VARCHAR", "INTEGER", False),
    ],
)
def test_which_type_holds_another(wide: str, narrow: str, can: bool) -> None:
    assert holds(wide, narrow) is can
