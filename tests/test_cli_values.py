"""Values and rows as machines read them: every type of the engine, exactly."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from featsql.cli.rows import exact_rows
from featsql.cli.values import encode, instant, text
from featsql.engine import Engine


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (2**127, str(2**127)),
        (0.1, "0.1"),
        (float("nan"), '"NaN"'),
        (float("-inf"), '"-Infinity"'),
        (Decimal("12345678901234567890.10"), "12345678901234567890.10"),
        (Decimal("1E+3"), "1000"),
        (b"\x00\xff", '"00ff"'),
        (date(2024, 2, 29), '"2024-02-29"'),
        (datetime(2024, 1, 1, 5, 0, 0, 1), '"2024-01-01T05:00:00.000001"'),
        (datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=2))), '"2024-01-01T00:00:00+02:00"'),
        (timedelta(days=1, hours=2, microseconds=5), '"1 day 02:00:00.000005"'),
        (timedelta(hours=-1), '"-1 day 23:00:00"'),
        ({"a": [1, (None, Decimal("1.5"))], 2: {}}, '{"a": [1, [null, 1.5]], "2": {}}'),
        ({None: 1, date(2024, 1, 1): True}, '{"null": 1, "2024-01-01": true}'),
        ('é"\n', '"é\\"\\n"'),
    ],
)
def test_encode(value: Any, expected: str) -> None:
    assert encode(value) == expected
    assert encode(value, ascii_only=True).isascii()


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("2024-01-01 00:00:00", "2024-01-01T00:00:00"),
        ("2024-01-01 00:00:00.5+00", "2024-01-01T00:00:00.5+00:00"),
        ("2024-01-01 00:00:00+05:45", "2024-01-01T00:00:00+05:45"),
        ("infinity", "infinity"),
        ("290309-12-22 (BC) 00:00:00", "290309-12-22 (BC) 00:00:00"),
    ],
)
def test_instant(shown: str, expected: str) -> None:
    assert instant(shown) == expected


def rows_of(sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    return exact_rows(sql, Engine.memory())


def test_instants_keep_what_python_would_lose() -> None:
    sql = """select timestamp 'infinity' as a, timestamp '9999-12-31 23:59:59.999999' as b, date '-infinity' as c,
        timestamp_ns '2024-01-01 00:00:00.123456789' as d, interval '1 month 2 days' as e,
        timestamptz '2024-07-01 00:00:00+02' as f, null::timestamp as g, date '2024-02-29' as h"""
    assert rows_of(sql)[1] == [
        (
            "infinity",
            "9999-12-31T23:59:59.999999",
            "-infinity",
            "2024-01-01T00:00:00.123456789",
            "1 month 2 days",
            "2024-06-30T22:00:00+00:00",
            None,
            "2024-02-29",
        )
    ]


def test_columns_of_one_name_are_told_apart() -> None:
    columns, rows = rows_of("select 1 as a, 2 as a")
    assert len(set(columns)) == 2
    assert rows == [(1, 2)]


def test_rows_keep_their_order() -> None:
    assert rows_of("select i from range(100000) t(i) order by hash(i)")[1] == Engine.memory().rows(
        "select i from range(100000) t(i) order by hash(i)"
    )


def test_every_type_of_the_engine_serialises() -> None:
    columns, rows = rows_of("select * from test_all_types()")
    for row in rows:
        for name, value in zip(columns, row, strict=True):
            assert "object at" not in encode(value), name
            json.loads(encode(value))
    assert len(rows) == 3
    by_name = dict(zip(columns, rows[1], strict=True))
    assert by_name["hugeint"] == 2**127 - 1
    assert encode(by_name["dec38_10"]) == "9999999999999999999999999999.9999999999"
    assert by_name["timestamp_ns"] == "2262-04-11T23:47:16.854775806"
    assert text(by_name["blob"]) == "00000061"
