"""DuckDB by hand: ASOF JOIN for a state; for windows a range join that is aggregated."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
from workloads import WINDOWS


def state(number: int, data: Path, suffix: str = "") -> str:
    """The latest state of each row of the spine."""
    return (
        f"select s.row, c.tier as tier{suffix}, c.score as score{suffix} from spine s "
        f"asof left join '{data}/changes_{number}.parquet' c on c.id = s.id and c.moment <= s.asked_at"
    )


def aggregated(columns: str, days: int) -> str:
    """Aggregates of a range join."""
    return (
        f"select s.row, {columns} from spine s left join events e "
        f"on e.id = s.id and e.moment <= s.asked_at and e.moment > s.asked_at - interval '{days} days' group by s.row"
    )


def trailing() -> str:
    """Five windows."""
    parts = []
    for name, span in WINDOWS.items():
        clause = f"filter (where e.moment > s.asked_at - interval '{span}')"
        parts += [f"count(e.moment) {clause} as count_{name}"]
        parts += [f"{function}(e.amount) {clause} as {function}_{name}" for function in ("sum", "avg", "max")]
    return aggregated(", ".join(parts), 90)


def rich() -> str:
    """The others, over thirty days, and the last event of all by an as-of join."""
    columns = """count(distinct e.merchant) as merchants_30d,
        list(e.amount order by e.moment desc, e.amount desc)
            filter (where e.moment is not null)[:5] as last_amounts_30d,
        stddev(e.amount) as spread_30d,
        sum(e.amount) filter (where e.category = 1) as sum_a_30d,
        sum(e.amount) filter (
            where e.category = 2 and e.moment > s.asked_at - interval '7 days') as sum_b_7d"""
    since = """select s.row, date_diff('second', e.moment, s.asked_at) as seconds_since
        from spine s asof left join events e on e.id = s.id and e.moment <= s.asked_at"""
    return f"select * from ({aggregated(columns, 30)}) join ({since}) using (row)"


def main(workload: str, data: Path) -> None:
    """Answer one workload."""
    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = false").fetchall()
    connection.execute(f"create view spine as from '{data}/spine.parquet'").fetchall()
    connection.execute(f"create view events as from '{data}/events.parquet'").fetchall()
    parts = {"W1": [state(0, data)], "W2": [trailing()], "W3": [rich()]}
    parts["W4"] = [p for each in ("W1", "W2", "W3") for p in parts[each]]
    parts["W4"] += [state(n, data, f"_{n}") for n in range(1, 5)]
    first, *others = parts[workload]
    query = f"({first}) " + "".join(f" join ({part}) using (row)" for part in others)
    out = data / f"answer_{workload}_duckdb.parquet"
    connection.execute(f"copy (select * from {query}) to '{out}' (format parquet)").fetchall()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
