"""A small project with a relation of every kind, with ties, late rows, corrections and keys that nobody knows."""

from __future__ import annotations

from pathlib import Path

PROJECT = "name: hospital\nversion: '1'\noutputs: {dev: {path: target/hospital.duckdb}}\n"
SOURCES = """
entities: [{name: patient, keys: [id]}]
sources:
  - name: s
    tables:
      - name: visits
        location: data/visits.csv
        config: {time: {kind: events, event_time: ts, available_at: seen, retracted_at: gone}}
      - name: tests
        location: data/tests.csv
        config: {time: {kind: events, event_time: ts, available_at: seen, unique_key: test}}
      - name: wards
        location: data/wards.csv
        config: {time: {kind: state, event_time: ts, delay: 1 hour, unique_key: id, deleted: dead}}
      - name: stays
        location: data/stays.csv
        config: {time: {kind: periods, valid_from: since, valid_to: until, available_at: seen,
                        valid_to_available_at: learnt}}
      - {name: names, location: data/names.csv, config: {time: {static: true, why: names stay}}}
"""
VISITS = """id,ts,seen,gone,x
1,2024-01-01 10:00:00,2024-01-01 10:00:00,,1.5
1,2024-01-01 11:00:00,2024-01-01 14:00:00,,2.25
1,2024-01-01 12:00:00,2024-01-01 12:00:00,2024-01-01 15:00:00,4.0
2,2024-01-01 09:00:00,2024-01-01 13:00:00,,8.0
2,2024-01-01 13:00:00,2024-01-01 13:00:00,,0.1
2,2024-01-01 13:00:00,2024-01-01 13:00:00,,0.2
"""
TESTS = """test,id,ts,seen,y
1,1,2024-01-01 09:00:00,2024-01-01 10:00:00,10
1,1,2024-01-01 09:00:00,2024-01-01 13:00:00,11
2,2,2024-01-01 10:00:00,2024-01-01 11:00:00,20
2,2,2024-01-01 10:00:00,2024-01-01 16:00:00,21
"""
WARDS = """id,ts,dead,ward
1,2024-01-01 08:00:00,false,A
1,2024-01-01 11:00:00,false,B
1,2024-01-01 14:00:00,true,B
2,2024-01-01 12:00:00,false,C
"""
STAYS = """id,since,until,seen,learnt,bed
1,2024-01-01 09:00:00,2024-01-01 12:00:00,2024-01-01 09:00:00,2024-01-01 14:00:00,7
2,2024-01-01 10:00:00,2024-01-01 13:00:00,2024-01-01 11:00:00,2024-01-01 13:00:00,8
"""
FILES = {
    "featsql_project.yml": PROJECT,
    "models/sources.yml": SOURCES,
    "data/visits.csv": VISITS,
    "data/tests.csv": TESTS,
    "data/wards.csv": WARDS,
    "data/stays.csv": STAYS,
    "data/names.csv": "ward,name\nA,North\nB,South\nC,East\n",
    "models/visited.sql": """{{ config(kind='features', entity='patient') }}
select
    id,
    count(*) as visits,
    sum(x) filter (where ts > as_of() - interval 3 hours) as x_3h,
    min(x) as least
from {{ source('s', 'visits') }}
group by id
""",
    "models/tested.sql": """{{ config(kind='features', entity='patient') }}
select id, sum(y) as y from {{ source('s', 'tests') }} group by id
""",
    "models/placed.sql": """{{ config(kind='features', entity='patient') }}
select id, ward from {{ source('s', 'wards') }}
""",
    "models/bedded.sql": """{{ config(kind='features', entity='patient') }}
select id, max(bed) as bed, max(until) as until from {{ source('s', 'stays') }} group by id
""",
    "models/asked.sql": """{{ config(kind='labels', entity='patient', as_of='asked_at') }}
select id, asked_at
from (values (1), (2), (9), (null)) as p(id)
cross join generate_series(timestamp '2024-01-01 08:00', timestamp '2024-01-01 17:00', interval 1 hour) as g(asked_at)
union all
select 1, null
""",
    "models/training.sql": """{{ config(kind='training_set', publish={'path': 'target/training.parquet'}) }}
select
    l.*, v.visits, v.x_3h, v.least, t.y, w.ward, b.* exclude (id), n.name,
    v.visits * 2 as twice,
    (select count(*) from {{ source('s', 'stays') }}) as stays,
    sum(v.visits) over () as all_visits
from {{ ref('asked') }} as l
left join {{ ref('visited') }} as v using (id)
left join {{ ref('tested') }} as t using (id)
left join {{ ref('placed') }} as w using (id)
left join {{ ref('bedded') }} as b using (id)
left join {{ source('s', 'wards') }} as now on now.id = l.id
left join {{ source('s', 'names') }} as n on n.ward = now.ward
""",
}


def hospital(folder: Path, **changed: str) -> Path:
    """Write the project into a folder; `changed` gives other texts to models by name."""
    for path, content in {**FILES, **{f"models/{name}.sql": text for name, text in changed.items()}}.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return folder
