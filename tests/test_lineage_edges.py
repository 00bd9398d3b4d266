"""Every clause leaves its edge, of its kind, and no clause leaves one that is not its own."""

from __future__ import annotations

import pytest

from featsql.api import load
from featsql.compiler import Compiled

# For each query: the edges of its output `o`, `<-` for values and `~~` for influences, each column with all of
# its kinds. That of the rows of `a` themselves is in all of them.
QUERIES = {
    "identity": ("select a.x as o from {a}", "<- a.x identity"),
    "expression": ("select a.x + a.k as o from {a}", "<- a.x expression, <- a.k expression"),
    "aggregation": ("select sum(a.x) as o from {a}", "<- a.x aggregation"),
    "window": ("select sum(a.x) over () as o from {a}", "<- a.x window"),
    "where": ("select a.x as o from {a} where a.k > 1", "<- a.x identity, ~~ a.k filter"),
    "join": (
        "select a.x as o from {a} join {b} on a.k = b.k",
        "<- a.x identity, ~~ a.k join, ~~ b.k join, ~~ b.* rows",
    ),
    "using": (
        "select a.x as o from {a} left join {b} using (k)",
        "<- a.x identity, ~~ a.k join, ~~ b.k join, ~~ b.* rows",
    ),
    "as_of_join": (
        "select a.x as o from {a} asof join {b} on a.k = b.k and a.t >= b.t",
        "<- a.x identity, ~~ a.k join, ~~ b.k join, ~~ a.t join, ~~ b.t join, ~~ b.* rows",
    ),
    "group_by": ("select max(a.x) as o from {a} group by a.k", "<- a.x aggregation, ~~ a.k grouping"),
    "group_by_all": ("select max(a.x) as o, a.k from {a} group by all", "<- a.x aggregation, ~~ a.k grouping"),
    "grouping_sets": (
        "select max(a.x) as o from {a} group by grouping sets ((a.k), (a.t))",
        "<- a.x aggregation, ~~ a.k grouping, ~~ a.t grouping",
    ),
    "having": ("select max(a.x) as o from {a} having min(a.k) > 1", "<- a.x aggregation, ~~ a.k filter"),
    "having_of_an_output": (
        "select max(a.x) as o, min(a.k) as least from {a} having least > 1",
        "<- a.x aggregation, ~~ a.k filter",
    ),
    "qualify": (
        "select a.x as o from {a} qualify row_number() over (partition by a.k order by a.t) = 1",
        "<- a.x identity, ~~ a.k filter partitioning, ~~ a.t filter ordering",
    ),
    "order_and_limit": ("select a.x as o from {a} order by a.t limit 1", "<- a.x identity, ~~ a.t ordering"),
    "order_alone": ("select a.x as o from {a} order by a.t", "<- a.x identity"),
    "limit": (
        "select a.x as o from {a} limit (select max(b.y) from {b})",
        "<- a.x identity, ~~ b.y limit, ~~ b.* limit rows",
    ),
    "distinct": (
        "select distinct a.x as o, a.k from {a}",
        "<- a.x identity, ~~ a.x deduplication, ~~ a.k deduplication",
    ),
    "distinct_on": (
        "select distinct on (a.k) a.x as o from {a} order by a.t",
        "<- a.x identity, ~~ a.k deduplication, ~~ a.t ordering, ~~ a.x deduplication",
    ),
    "partition_and_order": (
        "select sum(a.x) over (partition by a.k order by a.t) as o from {a}",
        "<- a.x window, ~~ a.k partitioning, ~~ a.t ordering",
    ),
    "named_window": (
        "select sum(a.x) over w as o from {a} window w as (partition by a.k order by a.t)",
        "<- a.x window, ~~ a.k partitioning, ~~ a.t ordering",
    ),
    "count": ("select count(*) as o from {a}", ""),
    "exists": (
        "select a.x as o from {a} where exists (select 1 from {b} where b.k = a.k)",
        "<- a.x identity, ~~ a.k existence filter, ~~ b.k existence filter, ~~ b.* existence filter rows",
    ),
    "in_subquery": (
        "select a.x as o from {a} where a.k in (select b.k from {b} where b.y > 1)",
        (
            "<- a.x identity, ~~ a.k filter, ~~ b.k existence filter, ~~ b.y existence filter, "
            "~~ b.* existence filter rows"
        ),
    ),
    "semi_join": (
        "select a.x as o from {a} semi join {b} on a.k = b.k",
        "<- a.x identity, ~~ a.k join, ~~ b.k join, ~~ b.* rows",
    ),
    "union_all": (
        "select a.x as o from {a} union all select b.y from {b}",
        "<- a.x identity, <- b.y identity, ~~ b.* rows",
    ),
    "union": (
        "select a.x as o, a.k from {a} union select b.y, b.k from {b}",
        (
            "<- a.x identity, <- b.y identity, ~~ a.x deduplication, ~~ a.k deduplication, "
            "~~ b.y deduplication, ~~ b.k deduplication, ~~ b.* rows"
        ),
    ),
    "except": (
        "select a.x as o from {a} except select b.y from {b}",
        "<- a.x identity, <- b.y identity, ~~ a.x existence, ~~ b.y existence, ~~ b.* rows",
    ),
    "intersect": (
        "select a.x as o from {a} intersect all select b.y from {b}",
        "<- a.x identity, <- b.y identity, ~~ a.x existence, ~~ b.y existence, ~~ b.* rows",
    ),
    "ordered_union": (
        "select a.x as o, a.t from {a} union all select b.y, b.t from {b} order by t limit 2",
        "<- a.x identity, <- b.y identity, ~~ a.t ordering, ~~ b.t ordering, ~~ b.* rows",
    ),
    "correlated": (
        "select (select max(b.y) from {b} where b.k = a.k) as o from {a}",
        "<- b.y aggregation, ~~ a.k filter, ~~ b.k filter, ~~ b.* rows",
    ),
    "lateral": (
        "select l.most as o from {a}, lateral (select max(b.y) as most from {b} where b.k = a.k) as l",
        "<- b.y aggregation, ~~ a.k filter, ~~ b.k filter, ~~ b.* rows",
    ),
    "case": ("select case when a.k > 1 then a.x end as o from {a}", "<- a.x expression, <- a.k expression"),
    "filter": ("select sum(a.x) filter (where a.k > 1) as o from {a}", "<- a.x aggregation, ~~ a.k filter"),
    "aggregate_order": ("select list(a.x order by a.t) as o from {a}", "<- a.x aggregation, ~~ a.t ordering"),
    "within_group": ("select percentile_cont(0.5) within group (order by a.x) as o from {a}", "<- a.x aggregation"),
    "cte": (
        "with c as (select a.x, a.t from {a} where a.k > 1 order by a.t limit 3) select sum(c.x) as o from c",
        "<- a.x aggregation, ~~ a.k filter, ~~ a.t ordering",
    ),
    "twice": ("select max(a.x) as o from {a} where a.k > 1 group by a.k", "<- a.x aggregation, ~~ a.k filter grouping"),
    "both": ("select a.x as o from {a} where a.x > 1", "<- a.x identity, ~~ a.x filter"),
    "values_of_many_steps": (
        "select max(c.twice) as o from (select a.x * 2 as twice from {a}) as c",
        "<- a.x aggregation",
    ),
}
SOURCES = """
sources:
- name: s
  tables:
  - {name: a, location: data/a.csv, config: {time: {kind: events, event_time: t, delay: 0 seconds}}}
  - {name: b, location: data/b.csv, config: {time: {kind: events, event_time: t, delay: 0 seconds}}}
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    folder = tmp_path_factory.mktemp("edges")
    files = {
        "featsql_project.yml": "name: edges\noutputs: {dev: {path: x.duckdb}}\n",
        "models/sources.yml": SOURCES,
        "data/a.csv": "k,x,t\n1,2,2024-01-01 00:00:00\n",
        "data/b.csv": "k,y,t\n1,2,2024-01-01 00:00:00\n",
    }
    read = {each: f"{{{{ source('s', '{each}') }}}} as {each}" for each in ("a", "b")}
    files |= {f"models/{name}.sql": query.format(**read) for name, (query, _) in QUERIES.items()}
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return load(folder).compile()


@pytest.mark.parametrize("name", QUERIES)
def test_a_clause_leaves_its_edges(name: str, compiled: Compiled) -> None:
    found: dict[str, list[str]] = {}
    for edge in compiled.checked.lineage.edges[name]:
        if edge.output == "o":
            arrow = "<-" if edge.kind == "value" else "~~"
            found.setdefault(f"{arrow} {edge.relation.removeprefix('source:s.')}.{edge.column}", []).append(edge.how)
    said = {" ".join((end, *sorted(hows))) for end, hows in found.items()}
    assert compiled.checked.lineage.coarse.get(name) is None
    assert said == {*filter(None, QUERIES[name][1].split(", ")), "~~ a.* rows"}
