"""The floor: read the columns, sort them once by key and time, write as many rows as the spine has."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

READ = {
    "W1": "select id, moment, tier, score from '{data}/changes_0.parquet'",
    "W2": "select id, moment, amount from '{data}/events.parquet'",
    "W3": "select id, moment, amount, category, merchant from '{data}/events.parquet'",
    "W4": "select id, moment, amount, category, merchant from '{data}/events.parquet'",
}


def main(workload: str, data: Path) -> None:
    """Do what nobody can do without."""
    connection = duckdb.connect()
    query = READ[workload].format(data=data)
    connection.execute(f"create table sorted as {query} order by id, moment").fetchall()
    out = data / f"answer_{workload}_floor.parquet"
    connection.execute(
        f"copy (select s.*, 1.0 as x from '{data}/spine.parquet' s) to '{out}' (format parquet)"
    ).fetchall()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
