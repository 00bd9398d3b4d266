"""The floor: read the columns, sort them once by key and time, write as many rows and columns as the result has."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
from workloads import WORKLOADS

EVENTS = "select id, moment, amount, category, merchant from '{data}/events.parquet'"
READ = {
    "W1": "select id, moment, tier, score from '{data}/changes_0.parquet'",
    "W2": "select id, moment, amount from '{data}/events.parquet'",
    "W3": EVENTS,
    "W4": EVENTS,
}


def main(workload: str, data: Path) -> None:
    """Do what nobody can do without."""
    connection = duckdb.connect()
    query = READ[workload].format(data=data)
    connection.execute(f"create table sorted as {query} order by id, moment").fetchall()
    out = data / f"answer_{workload}_floor.parquet"
    columns = [f"{value(name, i)} as {name}" for i, name in enumerate(WORKLOADS[workload].columns)]
    result = f"select row, {', '.join(columns)} from '{data}/spine.parquet'"
    connection.execute(f"copy ({result}) to '{out}' (format parquet)").fetchall()


def value(name: str, i: int) -> str:
    """Something that is made at once, of a column's type and about as varied as what belongs there."""
    amount = f"(row * {7919 + i}) % 200_003 / 100.0"
    match name.partition("_")[0]:
        case "count" | "tier" | "merchants":
            return f"(row + {i}) % 30"
        case "seconds":
            return f"(row * {7919 + i}) % 2_000_003"
        case "last":
            return f"[{', '.join(f'({amount} + {j})' for j in range(5))}]"
        case _:
            return amount


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
