"""Nanoseconds in all that a project is asked: builds upon builds, proofs, explanations, frames of every library."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pyarrow.parquet
import pytest

import featsql
from featsql.engine import VERSION

NIGHT = 1_704_153_600 * 10**9  # 2 January 2024
FILES = {
    "featsql_project.yml": "name: p\noutputs: {dev: {path: target/p.duckdb}}\nentities: [{name: e, keys: [k]}]\n",
    "models/sources.yml": """
sources:
  - name: s
    tables:
      - {name: ticks, location: data/ticks.parquet, config: {time: {kind: events, event_time: ts, delay: 0 seconds}}}
      - name: last
        location: data/ticks.parquet
        config: {time: {kind: state, unique_key: k, event_time: ts, delay: 0 seconds, tie_break: x}}
      - name: prices
        location: data/prices.csv
        config: {time: {kind: periods, valid_from: since, valid_to: until, delay: 0 seconds}}
      - {name: days, location: data/days.csv, config: {time: {kind: events, event_time: happened, delay: 0 seconds}}}
      - {name: asked, location: data/asked.parquet, config: {time: {static: true, why: rows that are asked}}}
""",
    "models/ticked.sql": """{{ config(kind='features', entity='e') }}
select k, count(*) as n, count(*) filter (where ts > as_of() - interval 1 hour) as n_1h from {{ source('s', 'ticks') }}
group by k
""",
    "models/newest.sql": "{{ config(kind='features', entity='e') }} select k, x from {{ source('s', 'last') }}",
    "models/priced.sql": """{{ config(kind='features', entity='e') }}
select k, max(price) as price, max(until) as until from {{ source('s', 'prices') }} group by k
""",
    "models/daily.sql": """{{ config(kind='features', entity='e') }}
select k, count(*) as days, count(*) filter (where happened >= date_trunc('day', as_of())) as today,
  date_diff('hour', max(happened), as_of()) as hours, max(as_of() - happened) as age
from {{ source('s', 'days') }} group by k
""",
    "models/lab.sql": """{{ config(kind='labels', entity='e', as_of='asked', horizon='1 day', label='y') }}
select k, asked, 1 as y from {{ source('s', 'asked') }}
""",
    "models/tr.sql": """{{ config(kind='training_set') }}
select l.*, t.n, t.n_1h, w.x, p.price, p.until, d.days, d.today, d.hours, d.age
from {{ ref('lab') }} l left join {{ ref('ticked') }} t using (k) left join {{ ref('newest') }} w using (k)
left join {{ ref('priced') }} p using (k) left join {{ ref('daily') }} d using (k)
""",
    "data/prices.csv": "k,since,until,price\n1,2023-01-01 00:00:00,2024-01-02 00:00:00,5\n"
    "1,2024-01-02 00:00:00,9999-12-31 00:00:00,6\n",
    "data/days.csv": "k,happened\n1,2024-01-01 00:00:00\n1,2024-01-02 00:00:00\n",
}


def ns(*offsets: int) -> pyarrow.Array:
    """Instants so many nanoseconds from the night."""
    return pyarrow.array([NIGHT + each for each in offsets], pyarrow.timestamp("ns"))


def put(folder: Path, ticks: list[int], asked: list[int]) -> None:
    """The data: a tick and a question at so many nanoseconds from the night."""
    rows = {"k": [1] * len(ticks), "ts": ns(*ticks), "x": [*range(len(ticks))]}
    pyarrow.parquet.write_table(pyarrow.table(rows), folder / "data/ticks.parquet")
    pyarrow.parquet.write_table(
        pyarrow.table({"k": [1] * len(asked), "asked": ns(*asked)}), folder / "data/asked.parquet"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    put(tmp_path, [-1, 0, 1, 600], [-1, 0, 1, 700, 900, 1000])
    return tmp_path


def built(folder: Path, *, full_refresh: bool = False) -> list[tuple[Any, ...]]:
    """What a build leaves in the training set."""
    run = featsql.load(folder).build(full_refresh=full_refresh)
    assert run.ok, [result.diagnostics for result in run.results]
    with duckdb.connect(str(folder / "target/p.duckdb"), read_only=True) as connection:
        return connection.execute("select * replace (epoch_ns(asked) as asked) from tr order by asked").fetchall()


def test_the_end_of_a_day_is_not_the_next(folder: Path) -> None:
    rows = {row[1] - NIGHT: row[3:] for row in built(folder)}
    assert [row[:3] for row in rows.values()] == [(1, 1, 0), (2, 2, 1), (3, 3, 2), (4, 4, 3), (4, 4, 3), (4, 4, 3)]
    last, first = rows[-1], rows[0]
    assert last[3:8] == (5, None, 1, 1, 23)  # the night's own period and event have not begun
    assert first[3:8] == (6, None, 2, 1, 0)


def test_rows_that_come_within_a_microsecond_are_not_missed(folder: Path) -> None:
    built(folder)
    put(folder, [-1, 0, 1, 600, 800], [-1, 0, 1, 700, 900, 1000, 2000])
    again = built(folder)
    assert [row[3] for row in again] == [1, 2, 3, 4, 5, 5, 5]
    assert again == built(folder, full_refresh=True)


def test_what_was_known_in_the_night(folder: Path) -> None:
    with featsql.load(folder) as project:
        assert project.build(known_at="2024-01-02 00:00:00").ok
        for end, n in (("", 2), (".000000001", 3), (".0000006", 4)):
            at = f"2024-01-02 00:00:00{end}"
            assert [row[1:] for row in project.show("ticked", as_of=at).rows()] == [(n, n)]
            assert [row[1:] for row in project.show("newest", as_of=at).rows()] == [(n - 1,)]
            assert [row[1:] for row in project.show("daily", as_of=at).rows()] == [(2, 1, 0, timedelta(days=1))]
            assert project.why("ticked.n", keys={"k": 1}, as_of=at).value == n
        (row,) = project.show("ticked", as_of="2024-01-01 23:59:59.999999999", entities=[{"k": 1}]).rows()
    assert row == (1, 1, 1)


def test_relations_that_a_training_set_reads_itself(folder: Path) -> None:
    (folder / "models/tr.sql").write_text("""{{ config(kind='training_set') }}
select l.k, l.asked, q.x as last, p.price, date_trunc('day', as_of()) as today,
  (select count(*) from {{ source('s', 'ticks') }} t where t.k = l.k and t.ts <= as_of()) as n
from {{ ref('lab') }} l left join {{ source('s', 'last') }} q on q.k = l.k
left join {{ source('s', 'prices') }} p on p.k = l.k and p.since <= as_of()
""")
    rows = built(folder)
    assert [row[2:4] for row in rows] == [(0, 5), (1, 6), (2, 6), (3, 6), (3, 6), (3, 6)]
    assert [(row[4].day, row[5]) for row in rows] == [(1, 1), (2, 2), (2, 3), (2, 4), (2, 4), (2, 4)]
    with featsql.load(folder) as project:
        (verdict,) = project.verify(sample=6)
    assert verdict.ok, verdict


def test_a_clock_of_several_precisions(folder: Path) -> None:
    whole = pyarrow.timestamp("us")
    until = pyarrow.array([datetime(2024, 1, 2), datetime(9999, 12, 31)], whole)
    prices = {"k": [1, 1], "since": ns(-(10**15), 0), "until": until, "price": [5, 6]}
    pyarrow.parquet.write_table(pyarrow.table(prices), folder / "data/prices.parquet")
    sources = folder / "models/sources.yml"
    sources.write_text(sources.read_text().replace("prices.csv", "prices.parquet"))
    assert [row[6] for row in built(folder)] == [5, 6, 6, 6, 6, 6]
    with featsql.load(folder) as project:
        (verdict,) = project.verify(sample=4)
        assert verdict.ok, verdict
        assert {feature.proved for feature in verdict.features} == {True}
        assert project.why("tr.price", row=1).value == 5


def test_the_laws_hold(folder: Path) -> None:
    (verdict,) = featsql.load(folder).verify(sample=6)
    assert verdict.ok, verdict
    assert {feature.proved for feature in verdict.features} == {True}


def test_a_cell_is_explained(folder: Path) -> None:
    with featsql.load(folder) as project:
        for column in ("n", "price", "today", "x"):
            told = project.why(f"tr.{column}", row=1)
            assert told.value == {"n": 1, "price": 5, "today": 1, "x": 0}[column]


def frames() -> dict[str, Any]:
    """The last instant of the day, as different libraries have it, and what is seen then of ticks and days."""
    import pandas
    import polars

    end = pandas.Timestamp("2024-01-01 23:59:59.999999999")
    whole = datetime(2024, 1, 1, 23, 59, 59, 999999)
    fine = {"as_of": polars.Datetime("ns")}
    found: dict[str, Any] = {"pandas ns": pandas.DataFrame({"k": [1], "as_of": pandas.Series([end])})}
    found["pandas period"] = pandas.DataFrame({"k": [1], "as_of": [pandas.Period("2024-01-01").end_time]})
    found["polars ns"] = polars.DataFrame({"k": [1], "as_of": [whole]}, schema_overrides=fine)
    found["arrow ns"] = pyarrow.table({"k": [1], "as_of": ns(-1)})
    for unit in ("s", "ms", "us"):
        frame = pandas.DataFrame({"k": [1], "as_of": [pandas.Timestamp(whole)]})
        found[f"pandas {unit}"] = frame.assign(as_of=frame["as_of"].dt.floor("s").astype(f"datetime64[{unit}]"))
        found[f"arrow {unit}"] = pyarrow.table({"k": [1], "as_of": ns(-(10**9)).cast(pyarrow.timestamp(unit))})
    found["polars us"] = polars.DataFrame({"k": [1], "as_of": [whole]})
    found["polars date"] = polars.DataFrame({"k": [1], "as_of": [date(2024, 1, 1)]})
    found["arrow date"] = pyarrow.table({"k": [1], "as_of": [date(2024, 1, 1)]})
    return found


def test_frames_of_every_library_and_precision(folder: Path) -> None:
    with featsql.load(folder) as project:
        for name, frame in frames().items():
            asked = ["ticked:n", "newest:x", "priced:price", "daily:days", "daily:today", "daily:hours"]
            (row,) = project.features(frame, asked).rows()
            exact = name in {"pandas ns", "arrow ns"}
            hours = 0 if "date" in name else 23
            assert row[2:] == (int(exact), 0 if exact else None, 5, 1, 1, hours), name


def test_an_instant_in_nanoseconds_that_is_not_there(folder: Path) -> None:
    at = pyarrow.array([None, NIGHT], pyarrow.timestamp("ns"))
    with featsql.load(folder) as project:
        asked = ["ticked:n", "newest:x", "priced:price", "daily:days", "daily:today"]
        rows = project.features(pyarrow.table({"k": [1, 1], "as_of": at}), asked).rows()
    assert [row[2:] for row in rows] == [(0, None, None, 0, 0), (2, 1, 6, 2, 1)]


def test_instants_that_are_not_there_or_never_end(folder: Path) -> None:
    far = [None, datetime(9999, 12, 31), datetime(1000, 1, 1), datetime(2024, 1, 2)]
    spine = pyarrow.table({"k": [1] * 4, "as_of": pyarrow.array(far, pyarrow.timestamp("us"))})
    with featsql.load(folder) as project:
        rows = project.features(spine, ["ticked:n", "newest:x", "priced:price", "daily:days"]).rows()
    assert [row[2:] for row in rows] == [(0, None, None, 0), (4, 3, None, 2), (0, None, None, 0), (2, 1, 6, 2)]


@pytest.mark.skipif(VERSION.startswith("1."), reason="DuckDB 1.5 has no zoned nanoseconds")
def test_zoned_nanoseconds(folder: Path) -> None:
    import pandas
    import polars

    rows = pyarrow.parquet.read_table(folder / "data/ticks.parquet")
    zoned = rows.set_column(1, "ts", rows["ts"].cast(pyarrow.timestamp("ns", "UTC")))
    pyarrow.parquet.write_table(zoned, folder / "data/ticks.parquet")
    asked = pyarrow.parquet.read_table(folder / "data/asked.parquet")
    zoned = asked.set_column(1, "asked", asked["asked"].cast(pyarrow.timestamp("ns", "UTC")))
    pyarrow.parquet.write_table(zoned, folder / "data/asked.parquet")
    for name in ("data/prices.csv", "data/days.csv"):
        text = (folder / name).read_text().replace("00:00:00", "00:00:00+00")
        (folder / name).write_text(text)
    ticked = folder / "models/ticked.sql"
    ticked.write_text(ticked.read_text().replace("n_1h", "n_1h, as_of() - max(ts) as age"))
    with pytest.raises(featsql.FeatsqlError, match=r"cast them, as in `x::timestamptz`"):
        featsql.load(folder).compile()
    ticked.write_text(ticked.read_text().replace("max(ts) as age", "max(ts)::timestamptz as age"))
    daily = (folder / "models/daily.sql").read_text()
    (folder / "models/daily.sql").write_text(daily.replace(", max(as_of() - happened) as age", ", 1 as age"))
    rows_ = {row[1] - NIGHT: row[3:] for row in built(folder)}
    assert [row[:3] for row in rows_.values()] == [(1, 1, 0), (2, 2, 1), (3, 3, 2), (4, 4, 3), (4, 4, 3), (4, 4, 3)]
    assert [row[3] for row in rows_.values()] == [5, 6, 6, 6, 6, 6]
    end = pandas.Timestamp("2024-01-01 23:59:59.999999999", tz="UTC")
    frame = pandas.DataFrame({"k": [1], "as_of": pandas.Series([end.tz_convert("Europe/Berlin")])})
    late = polars.DataFrame({"k": [1], "as_of": [datetime(2024, 1, 2, tzinfo=UTC)]})
    with featsql.load(folder) as project:
        for spine, wanted in ((frame, (1, 0, 5, 1)), (late, (2, 1, 6, 2))):
            found = project.features(spine, ["ticked:n", "newest:x", "priced:price", "daily:days"]).rows()
            assert [row[2:] for row in found] == [wanted]
        (verdict,) = project.verify(sample=3)
        assert verdict.ok
    after = pandas.Series([end + pandas.Timedelta(2, "ns")])
    given = {"s.ticks": pandas.DataFrame({"k": [1], "ts": after, "x": [7]})}
    with featsql.load(folder, frames=given) as project:
        found = project.features(late, ["ticked:n"]).rows()  # the tick comes a nanosecond after the night
    assert [row[2:] for row in found] == [(0,)]
