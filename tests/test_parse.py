"""Parsing: whose syntax errors, what is a model, which tables are relations, and whether a tree may be trusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from msgspec.structs import replace
from sqlglot import exp

from featsql.engine import DUCKDB, VERSION, Engine
from featsql.errors import Diagnostic, FeatsqlError
from featsql.read.model import Model
from featsql.read.parse import parse
from featsql.read.project import File, Project, RawConfig, Source, Target
from featsql.read.render import render
from featsql.read.sql.roundtrip import NO_PLACE, PLACES, alike, difference, same_meaning, suspects
from featsql.read.sql.spelling import AT, LENGTH, spelling_of
from featsql.read.sql.wording import same_words

HERE = Path(__file__).parent / "roundtrip"
ENGINE = Engine.memory()
TOLD = pytest.mark.skipif(VERSION.startswith("1."), reason="DuckDB 1.5 does not tell comments from words")
OLD = str(ENGINE.rows("SELECT version()")[0][0]).startswith("v1.")
NEW_IN_2 = ("interval 1.5 hours",)
CHANGED_IN_1 = ("a ~ 'x", "a !~ 'x", " .5,")


def statements(name: str) -> list[str]:
    """The statements of a file, each of which ends with a semicolon and a new line."""
    return [each for each in (HERE / name).read_text(encoding="utf-8").split(";\n") if each.strip()]


def project_of(text: str, macros: str = "", kind: str = "plain") -> Project:
    """A project of one model, `m`, a source and a seed."""
    return Project(
        root=Path("/nowhere"),
        name="demo",
        version="1",
        target=Target("dev", ":memory:", "demo"),
        target_path="target",
        variables={},
        boundary="inclusive",
        default_delay=None,
        entities={},
        sources={"shop.payments": Source("shop", "payments", "payments.parquet")},
        seeds=(Source("seeds", "countries", "seeds/countries.csv", format="csv"),),
        models=(File("models/m.sql", text),),
        macros=(File("macros/all.sql", macros),),
        properties={"m": RawConfig({"kind": kind, "entity": None} if kind == "features" else {"kind": kind})},
    )


def model(text: str, macros: str = "", kind: str = "plain") -> Model:
    """The model `m`, parsed."""
    project = project_of(text, macros, kind)
    (found,) = parse(render(project), project, ENGINE.syntax_error)
    return found


def refused(text: str, macros: str = "") -> Diagnostic:
    """The one diagnostic of a model."""
    with pytest.raises(FeatsqlError) as caught:
        model(text, macros)
    (found,) = caught.value.diagnostics
    return found


def test_relations_are_known_as_such() -> None:
    parsed = model(
        "with c as (select * from {{ ref('other') }})\n"
        "select * from c, {{ source('shop', 'payments') }} as p, {{ ref('countries') }}, {{ this }}, t, read_csv('x')"
    )
    keys = [table.meta.get("relation") for table in parsed.tree.find_all(exp.Table)]
    assert sorted(filter(None, keys)) == ["model:other", "seed:countries", "source:shop.payments"]
    assert [t.meta.get("relation") for t in parsed.tree.copy().find_all(exp.Table)] == keys


@pytest.mark.parametrize(
    "text",
    [
        "with countries as (select 1) select * from countries",
        "select * from other.countries, memory.main.countries, countries()",
        "select * from {{ this }}",
        "select * from 'countries.csv'",
    ],
)
def test_names_that_are_no_relations(text: str) -> None:
    assert not any("relation" in table.meta for table in model(text).tree.find_all(exp.Table))


def test_secrets_stay_out_of_syntax_errors() -> None:
    (rendered,) = render(replace(project_of("select {{ env_var('KEY') }} from t"), environment={"KEY": "abcd efgh ij"}))
    with pytest.raises(FeatsqlError) as caught:
        parse((rendered,), project_of(""), lambda text: (f"cannot read {text}", 0))
    assert "efgh" not in str(caught.value)


def test_identifiers_know_their_offsets() -> None:
    parsed = model("select 'é', amount\nfrom {{ ref('other') }} as ö")
    text = parsed.rendered.text
    for name in parsed.tree.find_all(exp.Identifier):
        start, end = name.meta["start"], name.meta["end"]
        assert text[start : end + 1].strip('"') == name.name


def test_the_engine_reads_the_text_first() -> None:
    found = refused("select a,\n  if(b,, c) as d\nfrom t")
    assert (found.code, str(found.place)) == ("FS301", "models/m.sql:2:8")
    inside = refused("select a,\n {{ broken('x') }} from t", "{% macro broken(x) %}\n({{ x }} +) as y{% endmacro %}")
    assert [str(inside.place), *map(str, inside.trail)] == ["macros/all.sql:2:11", "models/m.sql:2:5"]
    long = refused("select\n" + " + ".join(f"column_{i}" for i in range(60)) + " + + from t")
    assert long.place is not None
    assert long.place.text[long.place.column - 1 :].startswith("from")


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ("", "FS303", "1:1"),
        ("  \n-- nothing\n", "FS303", "1:1"),
        (";", "FS303", "1:1"),
        ("{{ config(tags='a') }}", "FS303", "1:1"),
        ("select 1;\nselect 2", "FS304", "2:1"),
        ("select 1;;\n  select 2;", "FS304", "2:3"),
        ("create table x as select 1", "FS305", "1:1"),
        ("-- a\ninsert into x select 1", "FS305", "2:1"),
        ("describe x", "FS305", "1:1"),
        ("select x'AA'", "FS302", None),
        ("select * from sources.shop.payments", "FS306", "1:28"),
        ("select * from Sources.Shop.Payments", "FS306", "1:28"),
        ("select * from demo.main.countries", "FS306", "1:25"),
        ("select * from Main.Countries", "FS306", "1:20"),
        ("select *\nfrom countries as c", "FS306", "2:6"),
        ("with c as (select 1) select * from c, m", "FS306", "1:39"),
    ],
)
def test_what_is_no_model(text: str, code: str, where: str | None) -> None:
    found = refused(text)
    assert found.code == code
    assert where is None or str(found.place) == f"models/m.sql:{where}"


@pytest.mark.parametrize("text", ["select 1;", "select 1 ; -- done\n", "select 1;;\n;", "select ';' as a;"])
def test_a_semicolon_at_the_end_is_fine(text: str) -> None:
    parsed = model(text)
    assert ENGINE.rows(f"from ({parsed.rendered.text})")


@pytest.mark.parametrize("text", ["values (1, 2)", "from range(3)", "(select 1)", "table t", "select 1 union select 2"])
def test_every_query_is_a_query(text: str) -> None:
    assert isinstance(model(text).tree, exp.Query)


def test_all_models_are_told_of_together() -> None:
    rendered = tuple(model(text).rendered for text in ("select 1", "select 2"))
    with pytest.raises(FeatsqlError) as caught:
        parse(rendered, project_of("select 1"), lambda text: (text, 0))
    assert len(caught.value.diagnostics) == 2


# Whether a tree says what its text says


def tree_of(text: str) -> exp.Query:
    """The tree of a statement, as a model has it."""
    return model(text).tree


@pytest.mark.parametrize("text", statements("same.sql"))
def test_trees_that_say_the_same(text: str) -> None:
    if OLD and any(each in text for each in NEW_IN_2):
        assert ENGINE.syntax_error(text) is not None
    elif OLD and any(each in text for each in CHANGED_IN_1):
        assert same_meaning(text, tree_of(text), ENGINE) is not None
    else:
        assert same_meaning(text, tree_of(text), ENGINE) is None


@pytest.mark.parametrize("text", statements("changed.sql"))
def test_trees_that_do_not(text: str) -> None:
    sentence = same_meaning(text, tree_of(text), ENGINE)
    assert sentence is not None
    assert "would become" in sentence or "cannot tell" in sentence


@pytest.mark.skipif(OLD, reason="DuckDB 1.5 takes every CTE for a materialized one")
def test_spelling_takes_no_two_statements_for_one() -> None:
    spelling = spelling_of(ENGINE)
    seen: dict[str, str] = {}
    for text in statements("same.sql"):
        if ENGINE.syntax_error(text) is None:
            canonical = json.dumps(unplaced(spelling.canonical(json.loads(ENGINE.statement(text)))), sort_keys=True)
            assert canonical not in seen, (text, seen[canonical])
            seen[canonical] = text


def unplaced(value: Any) -> Any:
    """A parse tree without positions."""
    if isinstance(value, dict):
        return {key: unplaced(each) for key, each in value.items() if key not in {AT, LENGTH}}
    return [unplaced(each) for each in value] if isinstance(value, list) else value


PAIRS = """
a order by a desc nulls first | a order by a desc
a order by a desc | a order by a
interval '7 days' | interval '8 days'
interval '7 days' | interval '7 weeks'
interval 1.5 hours | interval '1.5 hours'
count(distinct a) | count(a)
count(a) | count(*)
sum(a) filter (where b) | sum(a)
sum(a) over (order by b rows 1 preceding) | sum(a) over (order by b range 1 preceding)
sum(a) over (order by b range interval '1 day' preceding) | sum(a) over (order by b range interval '2 days' preceding)
quantile_cont(b, 0.9) | quantile_cont(b, 0.5)
percentile_cont(0.5) within group (order by b) | percentile_cont(0.5) within group (order by b desc)
percentile_cont(0.5) within group (order by b) | percentile_disc(0.5) within group (order by b)
a - b | b - a
-a | +a
a - (b - c) | a - b - c
a + b * c | (a + b) * c
a // 2 | a / 2
a::integer | a::bigint
a::json | a::varchar
a::decimal(10, 2) | a::decimal(10, 3)
try_cast(a as integer) | cast(a as integer)
date_trunc('day', a) | date_trunc('month', a)
strftime(a, '%d') | strftime(a, '%D')
l[1:2] | l[1:3]
l[1] | l[2]
* exclude (a) | * exclude (b)
* replace (a + 1 as a) | * replace (a + 2 as a)
* rename (a as z) | * rename (a as y)
coalesce(a, b) | coalesce(b, a)
j -> 'a' | j -> 'b'
j ->> 'a' | j -> 'a'
j -> 'a' ->> 'b' | j -> 'b' ->> 'a'
j -> 0 | j -> '0'
a = 'A' | a = 'a'
a as x | a as y
a is null | a is not null
a is not true | a is true
a like 'x' | a ilike 'x'
if(a, b, c) | if(a, c, b)
log(10, a) | log(2, a)
log10(a) | log2(a)
a in (1, 2) | a not in (1, 2)
a between 1 and 2 | a between 2 and 1
a at time zone 'UTC' | a at time zone 'Europe/Paris'
list_transform(l, lambda x: x + 1) | list_transform(l, lambda x: x + 2)
first(a order by b) | first(a order by c)
arg_max(a, b) | arg_min(a, b)
1 | 1.0
1 | '1'
true | false
null | false
0 | null
distinct a | a
distinct on (a) b | distinct on (c) b
"""


@pytest.mark.parametrize("pair", [line for line in PAIRS.splitlines() if line])
def test_what_differs_is_seen(pair: str) -> None:
    one, other = (f"select {each.strip()}" for each in pair.split(" | "))
    if not all(ENGINE.syntax_error(each) is None for each in (one, other)):
        pytest.skip("this version of the engine cannot read it")
    found = difference(one, sqlglot.parse_one(other, read=DUCKDB), ENGINE)
    assert found is not None
    assert found.offset is None or 0 <= found.offset < len(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("from t limit 1", "from t limit 2"),
        ("from t union from u", "from t union all from u"),
        ("from t union from u", "from t union by name from u"),
        ("from t left join u using (a)", "from t join u using (a)"),
        ("from t left join u on true", "from t join u on true"),
        ("from t join u using (a)", "from t join u using (b)"),
        ("from t join u on a = b", "from t cross join u"),
        ("from t asof join u on t.a >= u.a", "from t asof join u on t.a > u.a"),
        ("from t semi join u using (a)", "from t anti join u using (a)"),
        ("from t positional join u", "from t cross join u"),
        ("from t using sample 10%", "from t using sample 20%"),
        ("from range(2)", "from range(1, 2)"),
        ("select a from t group by all", "select a from t group by a"),
        ("select a from t qualify a = 1", "select a from t where a = 1"),
        ("from t as x(a, b)", "from t as x(b, a)"),
        ("from a.t", "from b.t"),
        ('from "sources"."a"."t"', 'from "sources"."b"."t"'),
    ],
)
def test_queries_that_differ_are_seen(one: str, other: str) -> None:
    assert same_meaning(one, sqlglot.parse_one(other, read=DUCKDB), ENGINE) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select Sum(x) FILTER (WHERE y) from t", "SELECT\n SUM(x) filter(where y) FROM t"),
        pytest.param("select x from t", "select x /* of y */ from t -- all", marks=TOLD),
        ("select x + interval 7 days", "SELECT x + INTERVAL '7' DAY"),
        ("select 'é', \"É\".x", "SELECT 'é',\"É\" . x"),
        ("select cast(x as date)", "SELECT CAST(x AS date)"),
    ],
)
def test_the_same_words_say_the_same(one: str, other: str) -> None:
    assert same_words(one, other, ENGINE)
    before, after = (json.loads(PLACES.sub(NO_PLACE, ENGINE.statement(each))) for each in (one, other))
    assert alike(before, after, spelling_of(ENGINE))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select x as Year", "select x as YEAR"),
        ("select x A", "select x a"),
        ('select "Sum"(x)', 'select "SUM"(x)'),
        ("select 0x1F", "select 0 x1F"),
        ("select 'a'\n'b'", "select 'a' 'b'"),
        ("select U&'\\0061'", "select U & '\\0061'"),
        ("select $1", "select $ 1"),
        ("select interval '7' days", "select interval '8' days"),
        ("select interval 7 days", "select interval 7 months"),
        ("select interval '7 days'", "select interval '7'"),
        ("select 'X'", "select 'x'"),
        ("select a.b", "select a, b"),
    ],
)
def test_words_that_may_differ_are_not_taken_for_the_same(one: str, other: str) -> None:
    assert not same_words(one, other, ENGINE)


def test_a_change_is_told_where_it_is_written() -> None:
    models = [
        model("select 'é',\n  a <=> b as d from t", kind="features"),
        model("select a <=> b as d from t"),
        model("select a = b as d from t", kind="features"),
    ]
    (found,) = suspects(models, ENGINE)
    assert found.code == "FS310"
    assert found.place is not None
    assert (found.place.line, found.place.column) in {(2, 3), (2, 5)}
    assert "<=>" in found.message
    assert "IS NOT DISTINCT FROM" in found.message
