"""The example, on all of its data, against the plainest Python that says the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import featsql

Row = dict[str, Any]
HOUR = timedelta(hours=1)
CUT = datetime(2013, 4, 1, 16, tzinfo=UTC)


@pytest.fixture(scope="module")
def project(example: Path) -> Iterator[featsql.Project]:
    """The example, built."""
    loaded = featsql.load(example)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def flights(project: featsql.Project) -> list[Row]:
    """Every flight with its instants."""
    return project.show("stg_flights").to_polars().to_dicts()


@pytest.fixture(scope="module")
def training(project: featsql.Project, example: Path) -> pl.DataFrame:
    """The published copy of the first training set."""
    return pl.read_parquet(example / "target" / "flight_delay_training.parquet")


@pytest.fixture(scope="module")
def sample(training: pl.DataFrame) -> list[Row]:
    """A few hundred rows of it, always the same."""
    rows = training.filter(pl.col("asked_at") > datetime(2013, 2, 1, tzinfo=UTC))
    chosen = random.Random(7).sample(range(rows.height), 200)
    return rows[chosen].to_dicts()


def test_landings_agree_with_the_clocks_on_the_wall(project: featsql.Project) -> None:
    """Two ways to the same instant: the timetable plus the delay, and the time in the air plus taxiing."""
    taxi = project.show(
        "select date_diff('minute', departed_at, landed_at) - air_time as minutes from {{ ref('stg_flights') }}"
    ).to_polars()["minutes"]
    assert taxi.count() == 327_346
    assert taxi.min() == 5
    assert taxi.max() == 235


def test_one_row_for_each_label(training: pl.DataFrame, project: featsql.Project) -> None:
    labels = project.show("flight_delays").to_polars().sort("scheduled_departure", "flight_id")
    assert training.height == 334_264
    assert training.select(labels.columns).equals(labels)


def test_overdue_flights(sample: list[Row], flights: list[Row]) -> None:
    by_hour: dict[tuple[str, datetime], list[Row]] = {}
    for flight in flights:
        by_hour.setdefault((flight["origin"], hour_of(flight["scheduled_departure"])), []).append(flight)
    for row in sample:
        asked = row["asked_at"]
        hours = [hour_of(asked) - back * HOUR for back in range(3)]
        overdue = [
            flight
            for hour in hours
            for flight in by_hour.get((row["origin"], hour), ())
            if asked - 2 * HOUR < flight["scheduled_departure"] <= asked and not settled(flight, asked)
        ]
        assert row["overdue"] == len(overdue), row["flight_id"]


def hour_of(instant: datetime) -> datetime:
    """The full hour before an instant."""
    return instant.replace(minute=0, second=0, microsecond=0)


def settled(flight: Row, asked: datetime) -> bool:
    """Whether it was known at an instant that a flight had left, or never would."""
    if flight["cancelled"]:
        return bool(flight["scheduled_departure"] + 2 * HOUR <= asked)
    return bool(flight["departed_at"] + timedelta(minutes=5) <= asked)


def test_the_latest_leg(sample: list[Row], flights: list[Row]) -> None:
    by_plane: dict[str, list[Row]] = {}
    for flight in flights:
        if not flight["cancelled"]:
            by_plane.setdefault(flight["tailnum"], []).append(flight)
    for row in sample:
        asked = row["asked_at"]
        legs = [
            leg
            for leg in by_plane.get(row["tailnum"], ())
            if settled(leg, asked) and leg["departed_at"] > asked - 72 * HOUR
        ]
        last = max(legs, key=lambda leg: leg["departed_at"], default=None)
        landed = last and last["landed_at"] and last["landed_at"] + timedelta(minutes=5) <= asked
        assert row["legs_3d"] == (len(legs) or None)  # a join of two features models has no row, not a count of none
        assert row["last_leg_departure_delay"] == (last and last["dep_delay"])
        assert row["last_leg_in_the_air"] == (None if last is None else not landed)
        assert row["last_leg_arrival_delay"] == (last["arr_delay"] if last and landed else None)


def test_the_latest_weather(sample: list[Row], project: featsql.Project) -> None:
    reports = project.show("nyc.weather").to_polars().to_dicts()
    for row in sample:
        known = [
            report
            for report in reports
            if report["origin"] == row["origin"] and report["time_hour"] + HOUR <= row["asked_at"]
        ]
        last = max(known, key=lambda report: report["time_hour"])
        assert (row["temp"], row["visib"]) == (last["temp"], last["visib"])


def test_nothing_from_the_future(training: pl.DataFrame, project: featsql.Project, example: Path) -> None:
    """Without the flights and the weather from an instant on, what was asked before it stays as it was."""
    flights = project.show("nyc.flights").to_polars().filter(pl.col("time_hour") <= CUT)
    weather = project.show("nyc.weather").to_polars().filter(pl.col("time_hour") <= CUT)
    cut = featsql.load(example, frames={"nyc.flights": flights, "nyc.weather": weather})
    before = pl.col("asked_at") <= CUT - 2 * HOUR
    without = cut.training_set("flight_delay_training").to_polars().filter(before)
    cut.close()
    assert without.height > 80_000
    order = ["scheduled_departure", "flight_id"]
    assert_frame_equal(without.sort(order), training.filter(before).sort(order), rel_tol=1e-9)


def test_the_second_question(project: featsql.Project, example: Path) -> None:
    rows = pl.read_parquet(example / "target" / "turnaround_training", hive_partitioning=True)
    assert rows.height == rows["flight_id"].n_unique() == project.show("next_departures").to_polars().height
    assert rows["trouble"].null_count() == 0
    assert (rows["minutes_to_departure"] > 0).all()
    # a plane that has just landed is not in the air
    assert rows["last_leg_in_the_air"].mean() == pytest.approx(0, abs=0.001)
