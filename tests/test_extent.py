"""What a relation holds is measured in buckets of its event time, few of them, and told apart from what it held."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from featsql.build.reuse import extent as measuring
from featsql.build.reuse.extent import HOUR, Change, extent
from featsql.engine import Column, Engine
from featsql.plan.plan import Scan
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.catalog.describe import three_part
from featsql.temporal import Clock

COLUMNS = (Column("id", "INTEGER"), Column("ts", "TIMESTAMP"), Column("seen", "TIMESTAMP"))
CLOCK = Clock("events", "ts", available_at="seen")
DAY = 24 * HOUR


def relation(engine: Engine, *rows: str) -> Scan:
    """A relation with the rows, each the instant of an event that was known at once."""
    values = ", ".join(f"({i}, timestamp '{row}', timestamp '{row}')" for i, row in enumerate(rows))
    engine.execute("create or replace table t (id integer, ts timestamp, seen timestamp)")
    engine.execute(f"insert into t values {values}")
    return Scan(RelationInfo("source:s.t", COLUMNS, CLOCK), three_part("memory", "main", "t"))


@pytest.mark.parametrize(
    ("rows", "width"),
    [
        (("2024-01-01", "2024-01-02"), HOUR),
        (("2024-01-01", "2024-03-01"), 6 * HOUR),
        (("1969-06-01", "1970-06-01"), DAY),
        (("2024-01-01", "infinity", "-infinity"), HOUR),
        (("1000-01-01", "2024-01-01"), 365 * DAY),
    ],
)
def test_buckets_are_few(rows: tuple[str, ...], width: int) -> None:
    engine = Engine.memory()
    found, change = extent(relation(engine, *rows), engine, None)
    assert (found.width, change) == (width, None)
    assert found.whole[0] == sum(count for count, _ in found.buckets.values()) == len(rows)
    assert int(found.whole[1]) == sum(int(total) for _, total in found.buckets.values())
    assert found.last == ("infinity" if "infinity" in rows else f"{max(rows)} 00:00:00")


def test_the_last_instant_is_the_latest_and_not_the_greatest_text() -> None:
    engine = Engine.memory()
    assert extent(relation(engine, "9999-01-01", "10000-01-01"), engine, None)[0].last == "10000-01-01 00:00:00"


def test_what_came_is_told_by_its_bucket() -> None:
    engine = Engine.memory()
    before, _ = extent(relation(engine, "2024-01-01", "2024-01-02"), engine, None)
    assert extent(relation(engine, "2024-01-01", "2024-01-02"), engine, before) == (before, Change(None, ()))
    _, change = extent(relation(engine, "2024-01-01", "2024-01-02", "2024-01-02 05:30:00"), engine, before)
    assert change is not None
    assert change.after == "2024-01-02 00:00:00"
    assert [(end - start) // HOUR for start, end in change.ranges or ()] == [1]


def test_buckets_grow_with_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the width is that of before it can be compared; once there are too many buckets, there is another."""
    monkeypatch.setattr(measuring, "BUCKETS", 3)
    engine = Engine.memory()
    before, _ = extent(relation(engine, "2024-01-01"), engine, None)
    rows = ["2024-01-01", *(f"2024-01-{day:02}" for day in range(2, 20))]
    now, change = extent(relation(engine, *rows), engine, replace(before, width=HOUR))
    assert change is not None
    assert len(change.ranges or ()) == 18
    assert now.width == 7 * DAY
