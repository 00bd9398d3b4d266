"""Write a project of many models: a DAG with fan-out, CTEs, joins, windows and features, 20 columns each.

python bench/models.py FOLDER [NUMBER]     and then     time featsql compile --project-dir FOLDER
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

COLUMNS = 16
SOURCES = 20
SEED = 7


def main(folder: Path, number: int) -> None:
    """Write `number` models: a tenth staging, a fifth features, the rest plain models that read each other."""
    choose = random.Random(SEED)
    (folder / "models").mkdir(parents=True, exist_ok=True)
    (folder / "seeds").mkdir(exist_ok=True)
    (folder / "featsql_project.yml").write_text("name: many\nentities: [{name: customer, keys: [id]}]\n")
    head = ",".join(["id", "happened_at", *(f"c{i}" for i in range(COLUMNS))])
    row = ",".join(["1", "2024-01-01 00:00:00", *("1.5" for _ in range(COLUMNS))])
    (folder / "data").mkdir(exist_ok=True)
    tables = []
    for i in range(SOURCES):
        (folder / f"data/s{i}.csv").write_text(f"{head}\n{row}\n")
        clock = "{time: {kind: events, event_time: happened_at, delay: 1 hour}}"
        tables.append(f"      - {{name: s{i}, location: data/s{i}.csv, config: {clock}}}")
    (folder / "models/sources.yml").write_text("\n".join(["sources:", "  - name: raw", "    tables:", *tables]) + "\n")
    plain: list[str] = []
    clocked: list[str] = []
    for i in range(number):
        if i < max(1, number // 10):
            name, text = f"stg_{i}", staging(i)
            clocked.append(name)
            plain.append(name)
        elif i % 5 == 0:
            name, text = f"features_{i}", features(choose.choice(clocked))
        else:
            recent = plain[-200:]
            name, text = f"model_{i}", model(choose.choice(recent), choose.choice(recent))
            plain.append(name)
        (folder / f"models/{name}.sql").write_text(text)


def staging(i: int) -> str:
    """A source's columns, renamed and cast."""
    columns = ",\n    ".join(f"c{n} * 1.0 as c{n}" for n in range(COLUMNS))
    return f"select\n    id,\n    happened_at,\n    {columns}\nfrom {{{{ source('raw', 's{i % SOURCES}') }}}}\n"


def model(left: str, right: str) -> str:
    """Two CTEs, a join, an aggregate and a window."""
    sums = ",\n        ".join(f"sum(c{n}) as c{n}" for n in range(COLUMNS))
    both = ",\n    ".join(f"l.c{n} + coalesce(r.c{n}, 0) as c{n}" for n in range(COLUMNS - 2))
    return f"""with l as (
    select * from {{{{ ref('{left}') }}}} where c0 > 0
),
r as (
    select
        id,
        {sums}
    from {{{{ ref('{right}') }}}}
    group by id
)
select
    l.id,
    l.happened_at,
    {both},
    row_number() over (partition by l.id order by l.happened_at) as c{COLUMNS - 2},
    case when l.c1 > 1 then l.c2 else r.c3 end as c{COLUMNS - 1}
from l
left join r using (id)
"""


def features(read: str) -> str:
    """Windows of two widths over events."""
    values = ",\n    ".join(
        f"sum(c{n}) filter (where happened_at > as_of() - interval {7 if n % 2 else 30} days) as f{n}"
        for n in range(COLUMNS)
    )
    header = "{{ config(kind='features', entity='customer') }}"
    return f"{header}\nselect\n    id,\n    count(*) as n,\n    {values}\nfrom {{{{ ref('{read}') }}}}\ngroup by id\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
