"""What a leak costs: one small model, trained on the honest table and on the naive one, and then asked in production.

Run `featsql build` first, then `python bench/leak.py` in the project's root.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).resolve().parent.parent
HONEST = ROOT / "target" / "flight_delay_training.parquet"
DATABASE = ROOT / "target" / "nyc_flights.duckdb"
SPLIT = datetime(2013, 10, 1, tzinfo=UTC)  # nine months to learn from, three to be judged by
ROW = ("flight_id", "asked_at")
LABEL = "late"

MISTAKES = {
    "today's means (carrier, airports, the whole system)": ("carrier_", "movements", "mean_", "share_", "system_"),
    "the departure hour's queue": ("overdue",),
    "the plane's legs: not yet landed, this one too": ("legs_", "leg_", "last_", "minutes_", "wear", "slack_"),
    "the departure hour's weather": ("temp", "dew_", "wind_", "precip", "pressure", "visib", "weather_"),
    "the mean of the label (route, airline on the route)": ("route_", "line_"),
}


def main() -> None:
    """Print the scores: overall, then for each mistake on its own."""
    honest, naive = read_tables()
    served = score(honest, honest, honest.columns)
    print(f"{honest.height:,} flights; the model learns from those before {SPLIT:%d %B} and is judged by the others.\n")
    print(f"{'trained on':<58}{'offline':>9}{'served':>9}   AUC")
    show("honest features (featsql)", served, served)
    show("naive features", score(naive, naive, naive.columns), score(naive, honest, naive.columns))
    print("\nhonest features but for one mistake:")
    for name, prefixes in MISTAKES.items():
        mixed = swap(honest, naive, prefixes)
        show("  " + name, score(mixed, mixed, mixed.columns), score(mixed, honest, mixed.columns))


def read_tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    """The honest and the naive table: the same flights in the same order, the same columns."""
    naive_sql = (ROOT / "bench" / "naive.sql").read_text()
    with duckdb.connect(str(DATABASE), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET file_search_path = '{ROOT}'")
        naive = connection.sql(naive_sql).pl()
    honest = pl.read_parquet(HONEST).select(naive.columns)
    codes = pl.Enum(sorted(naive["carrier"].unique()))
    as_code = pl.col("carrier").cast(codes).to_physical()
    return honest.with_columns(as_code).sort(ROW), naive.with_columns(as_code).sort(ROW)


def swap(honest: pl.DataFrame, naive: pl.DataFrame, prefixes: Sequence[str]) -> pl.DataFrame:
    """The honest table with the naive columns whose names begin so (at either end of the flight)."""
    starts = tuple(prefixes) + tuple(f"dest_{prefix}" for prefix in prefixes)
    chosen = [name for name in naive.columns if name.startswith(starts)]
    return honest.with_columns(naive[name] for name in chosen)


def score(train: pl.DataFrame, test: pl.DataFrame, columns: Iterable[str]) -> float:
    """The AUC on the later part of `test` of a model that has learnt from the earlier part of `train`."""
    features = [name for name in columns if name not in {*ROW, LABEL}]
    early, late = train.filter(pl.col("asked_at") < SPLIT), test.filter(pl.col("asked_at") >= SPLIT)
    model = HistGradientBoostingClassifier(random_state=0).fit(matrix(early, features), early[LABEL].to_numpy())
    chances = model.predict_proba(matrix(late, features))[:, 1]
    return float(roc_auc_score(late[LABEL].to_numpy(), chances))


def matrix(table: pl.DataFrame, features: Sequence[str]) -> npt.NDArray[np.float64]:
    """The features as numbers; what is missing is NaN."""
    return table.select(pl.col(features).cast(pl.Float64)).to_numpy()


def show(name: str, offline: float, served: float) -> None:
    """One line: what the notebook says, and what production says."""
    print(f"{name:<58}{offline:>9.3f}{served:>9.3f}", flush=True)


if __name__ == "__main__":
    ArgumentParser(description=__doc__).parse_args()
    main()
