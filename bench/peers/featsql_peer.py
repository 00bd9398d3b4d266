"""featsql: a project of its own, built by the command line."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from workloads import WINDOWS

PROJECT = """name: bench
entities: [{name: customer, keys: [id]}]
outputs: {dev: {path: target/bench.duckdb}}
"""
FILE = "target/answer.parquet"
EVENTS = "{time: {kind: events, event_time: moment, delay: 0 seconds}}"
STATE = "{time: {kind: state, unique_key: id, event_time: moment, delay: 0 seconds}}"


def models(workload: str, given: str, path: str) -> dict[str, str]:
    """The models of a workload by name, and last its training set, with what is `given` of the labels, to lie at a
    path."""
    features = "{{ config(kind='features', entity='customer') }}\n"
    made: dict[str, str] = {}
    if workload in {"W1", "W4"}:
        made["state_0"] = features + "select id, tier, score from {{ source('raw', 'changes_0') }}"
    if workload == "W4":
        for n in range(1, 5):
            made[f"state_{n}"] = (
                features
                + f"select id, tier as tier_{n}, score as score_{n} from {{{{ source('raw', 'changes_{n}') }}}}"
            )
    if workload in {"W2", "W4"}:
        made["windows"] = features + trailing()
    if workload in {"W3", "W4"}:
        made["rich"] = features + RICH
    joins = "\n".join(f"left join {{{{ ref('{name}') }}}} as {name} on {name}.id = l.id" for name in made)
    columns = "".join(f", {name}.* exclude (id)" for name in made)
    made["training"] = (
        f"{{{{ config(kind='training_set', materialized='external', publish={{'path': '{path}'}}) }}}}\n"
        f"select {given}{columns}\nfrom {{{{ ref('asked') }}}} as l\n{joins}"
    )
    return made


def trailing() -> str:
    """Five windows."""
    parts = []
    for name, span in WINDOWS.items():
        clause = f"filter (where moment > as_of() - interval '{span}')"
        for function, argument in (("count", "*"), ("sum", "amount"), ("avg", "amount"), ("max", "amount")):
            parts.append(f"{function}({argument}) {clause} as {function}_{name}")
    columns = ",\n  ".join(parts)
    return f"select id,\n  {columns}\nfrom {{{{ source('raw', 'events') }}}} group by id"


RICH = """select id,
  count(distinct merchant) filter (where moment > as_of() - interval '30 days') as merchants_30d,
  list(amount order by moment desc, amount desc)
    filter (where moment > as_of() - interval '30 days')[:5] as last_amounts_30d,
  stddev(amount) filter (where moment > as_of() - interval '30 days') as spread_30d,
  date_diff('second', max(moment), as_of()) as seconds_since,
  sum(amount) filter (where category = 1 and moment > as_of() - interval '30 days') as sum_a_30d,
  sum(amount) filter (where category = 2 and moment > as_of() - interval '7 days') as sum_b_7d
from {{ source('raw', 'events') }} group by id"""


def write(folder: Path, data: Path, workload: str, spine: Path, given: str = "l.row", path: str = FILE) -> None:
    """The project of a workload, in place of what was in its folder."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "models").mkdir(parents=True)
    (folder / "featsql_project.yml").write_text(PROJECT)
    tables = [f"      - {{name: events, location: '{data.resolve()}/events.parquet', config: {EVENTS}}}"]
    tables += [
        f"      - {{name: changes_{n}, location: '{data.resolve()}/changes_{n}.parquet', config: {STATE}}}"
        for n in range(5)
    ]
    tables += [f"      - {{name: spine, location: '{spine.resolve()}'}}"]
    (folder / "models/sources.yml").write_text("\n".join(["sources:", "  - name: raw", "    tables:", *tables]) + "\n")
    asked = (
        "{{ config(kind='labels', entity='customer', as_of='asked_at') }}\nselect * from {{ source('raw', 'spine') }}"
    )
    for name, text in {"asked": asked, **models(workload, given, path)}.items():
        (folder / f"models/{name}.sql").write_text(text + "\n")


def main(workload: str, data: Path) -> None:
    """Write the project and build it."""
    folder = data / f"featsql_{workload}"
    write(folder, data, workload, data / "spine.parquet")

    from featsql.cli import main as featsql

    sys.argv[1:] = ["build", "--project-dir", str(folder)]
    try:
        featsql()
    except SystemExit as ended:
        if ended.code:
            raise
    (folder / FILE).replace(data / f"answer_{workload}_featsql.parquet")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
