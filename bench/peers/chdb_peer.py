"""ClickHouse in the process (chdb): ASOF JOIN for a state, a join by key with conditional aggregates for windows."""

from __future__ import annotations

import sys
from pathlib import Path

from workloads import WINDOWS

SECONDS = {"1h": 3600, "1d": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400, "90d": 90 * 86_400}


def trailing(data: Path) -> str:
    """Five windows."""
    parts = []
    for name in WINDOWS:
        inside = f"dateDiff('second', e.moment, s.asked_at) < {SECONDS[name]}"
        parts += [
            f"countIf({inside}) as count_{name}",
            f"if(count_{name} > 0, sumIf(e.amount, {inside}), null) as sum_{name}",
            f"if(count_{name} > 0, avgIf(e.amount, {inside}), null) as avg_{name}",
            f"if(count_{name} > 0, maxIf(e.amount, {inside}), null) as max_{name}",
        ]
    joined = (
        f"select s.row as row, {', '.join(parts)} from file('{data}/spine.parquet') s "
        f"inner join file('{data}/events.parquet') e on e.id = s.id "
        "where e.moment <= s.asked_at and e.moment > s.asked_at - toIntervalDay(90) group by s.row"
    )
    names = ", ".join(f"ifNull(j.count_{w}, 0) as count_{w}" for w in WINDOWS)
    names += "".join(f", j.{f}_{w} as {f}_{w}" for w in WINDOWS for f in ("sum", "avg", "max"))
    return f"select s.row as row, {names} from file('{data}/spine.parquet') s left join ({joined}) j on j.row = s.row"


def main(workload: str, data: Path) -> None:
    """Answer one workload."""
    try:
        import chdb
    except ImportError:
        sys.exit(3)
    if workload in {"W3", "W4"}:
        sys.exit(3)
    state = (
        f"select s.row as row, c.tier as tier, c.score as score from file('{data}/spine.parquet') s "
        f"asof left join file('{data}/changes_0.parquet') c on c.id = s.id and c.moment <= s.asked_at"
    )
    query = state if workload == "W1" else trailing(data)
    out = data / f"answer_{workload}_chdb.parquet"
    out.unlink(missing_ok=True)
    settings = "settings join_use_nulls = 1, schema_inference_make_columns_nullable = 0"
    chdb.query(f"insert into function file('{out}') {query} {settings}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
