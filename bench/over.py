"""How long windows take: the plan `Over`, the general rule, SQL written by hand, and the floor of one sort.

    python bench/over.py [events] [spine rows] [entities] [late: none, minutes or days]

Every way reads the same Parquet files and writes the same table; the answers are compared.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from featsql.api import Project, load
from featsql.engine import Engine
from featsql.engines.duckdb.density import chosen
from featsql.engines.duckdb.lower.lower import lower
from featsql.plan.plan import Over, Plan

DAYS = (1, 7, 30, 90, 180)
LATE = {"none": 0, "minutes": 600, "days": 2 * 86400}

SOURCES = """
version: 2
entities: [{{name: customer, keys: [customer_id]}}]
sources:
  - name: shop
    tables:
      - name: payments
        location: payments.parquet
        config: {{time: {{kind: events, event_time: paid_at, {known}}}}}
      - {{name: asked, location: asked.parquet, config: {{time: {{static: true, why: the spine}}}}}}
"""
LABELS = """{{ config(kind='labels', entity='customer', as_of='asked_at') }}
select * from {{ source('shop', 'asked') }}"""
TRAINING = """{{ config(kind='training_set') }}
select l.*, f.* exclude (customer_id) from {{ ref('asked') }} as l left join {{ ref('f') }} as f using (customer_id)"""


def within(call: str, days: int) -> str:
    """An aggregate over the last days."""
    return f"{call} filter (where paid_at > as_of() - interval {days} days)"


def two() -> list[str]:
    """W2: count, sum, average and maximum over five windows."""
    calls = {"n": "count(*)", "total": "sum(amount)", "mean": "avg(amount)", "most": "max(amount)"}
    return [f"{within(call, days)} as {name}_{days}" for days in DAYS for name, call in calls.items()]


def counted() -> list[str]:
    """Counts, and sums of whole numbers."""
    calls = {"n": "count(*)", "total": "sum(items)"}
    return [f"{within(call, days)} as {name}_{days}" for days in DAYS for name, call in calls.items()]


def three() -> list[str]:
    """W3: distinct values, the last of all, spread, time since, filtered sums."""
    return [
        f"{within('count(distinct merchant)', 30)} as merchants",
        "arg_max(merchant, paid_at) as last_merchant",
        f"{within('stddev(amount)', 90)} as spread",
        "date_diff('hour', max(paid_at), as_of()) as hours_since",
        "sum(amount) filter (where merchant < 10 and paid_at > as_of() - interval 30 days) as at_ten",
    ]


WORKLOADS: dict[str, Callable[[], list[str]]] = {"W2": two, "counts": counted, "W3": three}


def make_data(folder: Path, events: int, rows: int, entities: int, late: int) -> None:
    """Events of a year and a spine of half of it, seeded by hashing."""
    engine = Engine.memory()
    engine.execute(f"""copy (select paid_at, paid_at + to_seconds((hash(i * 17) % {late + 1})::bigint) as loaded_at,
        * exclude (paid_at, i) from (select i, (hash(i) % {entities})::int as customer_id,
        timestamp '2023-01-01' + to_microseconds((hash(i + 7) % (365 * 86400000000))::bigint) as paid_at,
        (hash(i * 3) % 10000) / 100.0::double as amount, (hash(i * 5) % 9)::int as items,
        (hash(i * 7) % 100)::int as merchant from range({events}) as t(i)))
        to '{folder}/payments.parquet'""")
    engine.execute(f"""copy (select (hash(i * 11) % {entities})::int as customer_id,
        timestamp '2023-06-01' + to_seconds((hash(i * 13) % (200 * 86400))::bigint) as asked_at
        from range({rows}) as t(i)) to '{folder}/asked.parquet'""")
    engine.close()


def make_project(folder: Path, features: list[str], late: bool) -> Project:
    """A project of one features model."""
    files = {
        "featsql_project.yml": "name: windows\nversion: '1'\n",
        "models/sources.yml": SOURCES.format(known="available_at: loaded_at" if late else "delay: 0 seconds"),
        "models/asked.sql": LABELS,
        "models/training.sql": TRAINING,
        "models/f.sql": "{{ config(kind='features', entity='customer') }}\nselect customer_id, "
        + ",\n".join(features)
        + "\nfrom {{ source('shop', 'payments') }} group by customer_id",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return load(folder, threads=2)


def by_hand(features: list[str], late: bool) -> str:
    """A range join as its author would write it."""
    values = ", ".join(
        value.replace("as_of()", "any_value(asked_at)" if "hours" in value else "asked_at") for value in features
    )
    known = "loaded_at" if late else "paid_at"
    joined = f"left join sources.shop.payments as p on p.customer_id = s.customer_id and {known} <= asked_at"
    bounded = "" if "arg_max" in values else f" and paid_at > asked_at - interval {DAYS[-1]} days"
    return f"""select * from sources.shop.asked left join (select s.customer_id, s.asked_at, {values}
        from (select distinct * from sources.shop.asked) as s {joined}{bounded} group by all)
        using (customer_id, asked_at)"""


FLOOR = """select * from (
    select customer_id, epoch_us(paid_at) as instant, amount, items, merchant from sources.shop.payments
) order by customer_id, instant"""


def timed(engine: Engine, sql: str) -> tuple[float, list[tuple[Any, ...]]]:
    """The seconds that a query takes to become a table, and sums over the table."""
    began = time.perf_counter()
    engine.execute(f"create or replace temp table answer as {sql}")
    took = time.perf_counter() - began
    names = [c.name for c in engine.columns("select * from answer") if not c.type.startswith("TIMESTAMP")]
    return took, engine.rows(f"select {', '.join(f'sum({name})' for name in names)} from answer")


def alike(one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> bool:
    """Whether two rows of sums are the same but for the order in which floats were added."""
    return all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(one[0], other[0], strict=True))


def compare(workload: str, features: list[str], folder: Path, late: bool, skip: bool) -> None:
    """Print how long each way takes, and how many times as long as the floor."""
    project = make_project(folder, features, late)
    compiled = project.compile()
    plan = compiled.plans["training"]
    assert isinstance(plan, Plan)
    project.workspace.prepare(["model:training", "source:shop.payments", "source:shop.asked"])
    engine = project.workspace.engine
    (attach,) = plan.attachments
    assert isinstance(attach.features, Over), attach.features.reason
    general = replace(plan, attachments=(replace(attach, features=attach.features.general),))
    always = replace(plan, attachments=(replace(attach, features=replace(attach.features, method="sort")),))
    ways = {"floor": FLOOR, "Over": lower(chosen(plan, engine.rows)).sql("duckdb"), "sort": lower(always).sql("duckdb")}
    if not skip:
        ways |= {"by hand": by_hand(features, late), "Lifted": lower(general).sql("duckdb")}
    floor, answers = 0.0, {}
    for name, sql in ways.items():
        took, answers[name] = min((timed(engine, sql) for _ in range(2)), key=lambda pair: pair[0])
        floor = floor or took
        same = "" if name == "floor" or alike(answers[name], answers["Over"]) else "  OTHER ANSWERS"
        print(f"{workload:8}{name:10}{took:8.2f} s{took / floor:8.1f} x floor{same}", flush=True)


def main() -> None:
    """Make the data, and compare."""
    given = sys.argv[1:]
    events, rows, entities = (int(text) for text in (*given[:3], *("1000000", "100000", "10000")[len(given) :]))
    late = LATE[given[3]] if len(given) > 3 else 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_data(folder, events, rows, entities, late)
        print(f"{events:,} events, {rows:,} spine rows, {entities:,} entities, late by up to {late} s")
        for workload, features in WORKLOADS.items():
            compare(workload, features(), folder, late > 0, "quick" in given)


if __name__ == "__main__":
    main()
