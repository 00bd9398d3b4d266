"""Lineage in every format: read back by the tools that it is for, and held to its own schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dbt_artifacts_parser.parser import parse_catalog_v1, parse_manifest_v12
from jsonschema import Draft202012Validator
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    documentation_dataset,
    job_type_job,
    schema_dataset,
    sql_job,
)
from program import run

from featsql.api import load
from featsql.cli.commands.lineage import FormatName
from featsql.compiler import Compiled
from featsql.errors import FeatsqlError
from featsql.export.excerpt import Wish, excerpt
from featsql.export.formats import FORMATS, save, text_of
from featsql.export.html import page_data
from featsql.export.json import document, schema
from featsql.stages import stage_text

SQL = """{{ config(kind='features', entity='customer') }}
with recent as (select *, row_number() over (partition by code order by country) as turn from {{ ref('paid') }})
select
    customer_id,
    sum(amount) as spend,
    count(*) filter (where turn > 1) as "again & <again>"
from recent
where paid_at > as_of() - interval 30 days
group by customer_id
"""
FILES = {
    "models/spend.sql": SQL,
    "models/paid.sql": "{{ config(tags=['daily']) }}\nselect p.*, c.code from {{ source('shop', 'payments') }} as p "
    "left join {{ ref('countries') }} as c on c.name = p.country",
    "models/churn.sql": "{{ config(kind='labels', entity='customer', as_of='asked_at') }}\n"
    "select 7 as customer_id, timestamp '2024-01-01' as asked_at",
    "models/training.sql": "{{ config(kind='training_set') }}\nselect l.*, f.* exclude (customer_id) "
    "from {{ ref('churn') }} as l left join {{ ref('spend') }} as f using (customer_id)",
    "models/shop.yml": "version: 2\nentities: [{name: customer, keys: [customer_id]}]\nsources:\n- name: shop\n"
    "  tables:\n  - name: payments\n    description: Money that came in.\n    location: data/payments.csv\n"
    "    config: {time: {kind: events, event_time: paid_at, delay: 1 hour}}\n"
    "models:\n- name: paid\n  config: {time: {kind: events, event_time: paid_at, delay: 1 hour}}\n",
    "data/payments.csv": "customer_id,amount,country,paid_at\n7,1.5,Nepal,2023-12-31 00:00:00\n",
    "seeds/countries.csv": "name,code\nNepal,NP\n",
    "featsql_project.yml": "name: shop_features\nversion: '1'\noutputs: {dev: {path: target/x.duckdb}}\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("shop"), FILES)


@pytest.fixture(scope="module")
def compiled(shop: Path) -> Compiled:
    return load(shop).compile()


def data(compiled: Compiled, *include: str, **wish: Any) -> dict[str, Any]:
    return document(excerpt(compiled, Wish(include, **wish)))


def text(compiled: Compiled, name: str, *include: str, **wish: Any) -> str:
    return text_of(excerpt(compiled, Wish(include, **wish)), name)


def keys(compiled: Compiled, *include: str, **wish: Any) -> set[str]:
    return {table["key"].partition(":")[2] for table in data(compiled, *include, **wish)["tables"]}


def pairs(compiled: Compiled, **wish: Any) -> set[str]:
    """The edges, as `relation.column>relation.column`."""
    return {
        ">".join(f"{end['relation'].partition(':')[2]}.{end['column']}" for end in (edge["from"], edge["to"]))
        for edge in data(compiled, **wish)["edges"]
    }


def test_every_format_has_its_name_on_the_command_line() -> None:
    assert list(FORMATS) == [each.value for each in FormatName]


def test_json_keeps_its_schema(compiled: Compiled) -> None:
    Draft202012Validator.check_schema(schema())
    validator = Draft202012Validator(schema())
    for found in (data(compiled), data(compiled, column="training.spend"), data(compiled, "source:shop.payments")):
        validator.validate(found)
    assert not validator.is_valid(data(compiled) | {"tables": [{"key": "payments"}]})


def test_intervals(compiled: Compiled) -> None:
    spans = {(e["from"]["relation"], e["to"]["relation"], e["span"]["text"]) for e in data(compiled)["edges"]}
    assert spans == {
        ("model:churn", "model:training", "[0, 0]"),
        ("model:paid", "model:spend", "(-inf, -1h]"),
        ("model:spend", "model:training", "[0, 0]"),
        ("seed:countries", "model:paid", "any time"),
        ("source:shop.payments", "model:paid", "[0, 0]"),
    }


def test_every_format_and_stage_says_the_same_intervals(compiled: Compiled) -> None:
    """What `--stage lineage` prints, and what the formats write, edge by edge."""
    found = excerpt(compiled)
    lineage = compiled.checked.lineage
    said = [(e["from"], e["to"], e["kind"], e["how"], e["span"]) for e in document(found)["edges"]]
    assert said == [
        (
            {"relation": e.relation, "column": e.column},
            {"relation": f"model:{e.model}", "column": e.output},
            e.kind,
            e.how,
            e.span.as_json(),
        )
        for name in compiled.graph.models
        for e in lineage.edges[name]
    ]
    for name in compiled.graph.models:
        own = [each for each in said if each[1]["relation"] == f"model:{name}"]
        stage = [line for line in stage_text(compiled, name, "lineage").splitlines() if line.startswith("  ")]
        assert stage == [
            f"  {'<-' if kind == 'value' else '~~'} {start['relation']}.{start['column']}  {how}  {span['text']}"
            for start, _, kind, how, span in own
        ]
    drawn = set(re.findall(r' \[label="([^"<]*)"\]', text(compiled, "dot")))
    assert drawn == {span["text"] for *_, span in said}
    assert {each[6] for each in page_data(found)["edges"]} == {span["text"] for *_, span in said}


def test_how_much_history_is_needed(compiled: Compiled) -> None:
    needs = {
        (table["name"], column["name"]): {each["relation"]: each["span"]["text"] for each in column["needs"]}
        for table in data(compiled)["tables"]
        for column in table["columns"]
    }
    paid = {"model:paid": "(-inf, -1h]"}
    assert {key: found for key, found in needs.items() if found} == {
        ("spend", "customer_id"): paid,
        ("spend", "spend"): paid,
        ("spend", "again & <again>"): paid,
        ("training", "spend"): paid,
        ("training", "again & <again>"): paid,
    }
    words = "spend needs all paid until 1 hour ago"
    assert f"  label=<{words}>;" in text(compiled, "dot", column="training.spend").splitlines()
    assert text(compiled, "mermaid", column="spend.spend").startswith(f'---\ntitle: "{words}"\n---\nflowchart LR\n')
    assert words in stage_text(compiled, "spend", "lineage").splitlines()
    (spend,) = (table for table in page_data(excerpt(compiled))["tables"] if table["name"] == "spend")
    assert spend["needs"]["spend"] == words.removeprefix("spend needs ")


def test_a_way_through_rows_is_said_once(compiled: Compiled) -> None:
    for column in ("spend.spend", "training.asked_at", "shop.payments.amount"):
        edges = [{**edge, "span": None} for edge in data(compiled, column=column)["edges"]]
        assert all(edges.count(edge) == 1 for edge in edges)


def test_every_feature_has_an_interval_of_its_own(tmp_path: Path) -> None:
    windows = ", ".join(
        f"count(*) filter (where paid_at > as_of() - interval {w}) as d{w[0]}" for w in ("7 days", "1 hour")
    )
    model = f"select customer_id, {windows}, max(amount) as most from {{{{ ref('paid') }}}} group by customer_id"
    header = "{{ config(kind='features', entity='customer') }}\n"
    write(tmp_path, FILES | {"models/spend.sql": header + model, "models/training.sql": FILES["models/churn.sql"]})
    edges = data(load(tmp_path).compile(), "spend")["edges"]
    spans = {(e["to"]["column"], e["span"]["text"]) for e in edges}
    past = "(-inf, -1h]"
    assert spans == {("customer_id", past), ("d7", "(-7d, -1h]"), ("d1", "never"), ("most", past)}
    (d7,) = {(e["span"]["from"], e["span"]["to"]) for e in edges if e["to"]["column"] == "d7"}
    assert d7 == (-7 * 86400, -3600)
    (never,) = {(e["span"]["from"], e["span"]["to"]) for e in edges if e["to"]["column"] == "d1"}
    assert never == (None, None)


def test_a_chosen_source_is_among_the_tables(shop: Path, compiled: Compiled) -> None:
    (only,) = run("lineage", "--select", "source:shop.payments", cwd=shop).data["tables"]
    assert only["key"] == "source:shop.payments"
    assert keys(compiled, "source:shop.payments+1") == {"shop.payments", "countries", "paid"}
    below = {"shop.payments", "countries", "paid", "spend", "churn", "training"}
    assert keys(compiled, "source:shop.payments", downstream=True) == below
    assert keys(compiled, "paid", upstream=True) == {"shop.payments", "countries", "paid"}
    assert keys(compiled, exclude=["kind:training_set", "kind:features"]) == below - {"spend", "training"}


def test_one_column_both_ways(compiled: Compiled) -> None:
    above = pairs(compiled, column="spend.spend", upstream=True)
    below = pairs(compiled, column="spend.spend", downstream=True)
    assert below == {"spend.spend>training.spend"}
    assert {"paid.amount>spend.spend", "paid.paid_at>spend.spend", "shop.payments.amount>paid.amount"} <= above
    assert {"countries.name>paid.*", "shop.payments.country>paid.*"} <= above, "what decides which rows there are"
    assert not any(edge.endswith(">spend.again & <again>") for edge in above)
    assert pairs(compiled, column="spend.spend") == above | below
    assert pairs(compiled, column="shop.payments.amount") == {
        "shop.payments.amount>paid.amount", "paid.amount>spend.spend", "spend.spend>training.spend",
    }  # fmt: skip
    within = pairs(compiled, column="spend.spend", exclude=["paid"])
    assert within == {edge for edge in above | below if ">paid." not in edge}


@pytest.mark.parametrize(
    ("asked", "code", "hint"),
    [
        ("spend.spent", "FS730", "`spend`"),
        ("spent.spend", "FS723", "`spend`"),
        ("spend", "FS723", "`spend` does not say whose column it is"),
    ],
)
def test_an_unknown_column(asked: str, code: str, hint: str, compiled: Compiled) -> None:
    with pytest.raises(FeatsqlError, match=code) as caught:
        excerpt(compiled, Wish(column=asked))
    assert hint in str(caught.value)


def test_dbt_reads_its_artefacts(shop: Path) -> None:
    assert run("lineage", "--format", "dbt", "-o", "target/dbt", cwd=shop).out.split() == [
        "Wrote", "target/dbt/manifest.json", "Wrote", "target/dbt/catalog.json",
    ]  # fmt: skip
    documents = (json.loads((shop / "target/dbt" / name).read_text()) for name in ("manifest.json", "catalog.json"))
    manifest: Any = parse_manifest_v12(next(documents))
    catalog = parse_catalog_v1(next(documents))
    spend = manifest.nodes["model.shop_features.spend"]
    assert spend.resource_type == "model"
    assert spend.raw_code == SQL
    assert spend.depends_on.nodes == ["model.shop_features.paid"]
    assert spend.meta["featsql"]["kind"] == "features"
    assert spend.meta["featsql"]["entity"] == ["customer"]
    paid = manifest.nodes["model.shop_features.paid"]
    assert paid.sources == [["shop", "payments"]]
    assert [ref.name for ref in paid.refs] == ["countries"]
    assert paid.tags == ["daily"]
    assert manifest.nodes["seed.shop_features.countries"].original_file_path == "seeds/countries.csv"
    assert manifest.sources["source.shop_features.shop.payments"].description == "Money that came in."
    assert manifest.child_map["model.shop_features.spend"] == ["model.shop_features.training"]
    columns = catalog.nodes["model.shop_features.training"].columns
    assert [(column.name, column.type, column.index) for column in columns.values()] == [
        ("customer_id", "INTEGER", 1), ("asked_at", "TIMESTAMP", 2), ("spend", "DOUBLE", 3),
        ("again & <again>", "BIGINT", 4),
    ]  # fmt: skip
    assert set(catalog.sources) == set(manifest.sources)
    assert set(catalog.nodes) == set(manifest.nodes)


def test_dbt_needs_a_folder(shop: Path, compiled: Compiled) -> None:
    assert run("lineage", "--format", "dbt", cwd=shop).code == 2
    with pytest.raises(FeatsqlError, match="FS731"):
        save(excerpt(compiled), "dbt", shop / "models/paid.sql")
    assert (shop / "models/paid.sql").read_text() == FILES["models/paid.sql"]


def facets(given: dict[str, Any], **classes: Any) -> Iterator[tuple[str, Any]]:
    """Facets as OpenLineage's own client has them; it refuses a field that it does not know, or misses."""
    for name, facet in given.items():
        values = {key: value for key, value in facet.items() if not key.startswith("_")}
        made = classes[name](**values)
        assert facet["_schemaURL"] == made._schemaURL
        assert facet["_producer"].startswith("https://")
        yield name, made


def dataset(kind: type[InputDataset | OutputDataset], given: dict[str, Any]) -> Any:
    def schema_facet(fields: list[Any]) -> Any:
        return schema_dataset.SchemaDatasetFacet([schema_dataset.SchemaDatasetFacetFields(**each) for each in fields])

    def inputs(found: list[Any]) -> list[Any]:
        return [
            column_lineage_dataset.InputField(
                **each
                | {"transformations": [column_lineage_dataset.Transformation(**t) for t in each["transformations"]]}
            )
            for each in found
        ]

    def columns(fields: dict[str, Any], dataset: list[Any]) -> Any:
        made = {
            name: column_lineage_dataset.Fields(inputs(each.pop("inputFields")), **each)
            for name, each in fields.items()
        }
        return column_lineage_dataset.ColumnLineageDatasetFacet(made, inputs(dataset))

    found = facets(
        given["facets"],
        schema=schema_facet,
        columnLineage=columns,
        documentation=documentation_dataset.DocumentationDatasetFacet,
    )
    return kind(namespace=given["namespace"], name=given["name"], facets=dict(found))


def event(given: dict[str, Any]) -> RunEvent:
    job = given["job"]
    found = facets(job["facets"], sql=sql_job.SQLJobFacet, jobType=job_type_job.JobTypeJobFacet)
    return RunEvent(
        eventType=given["eventType"],
        eventTime=given["eventTime"],
        run=Run(**given["run"]),
        job=Job(job["namespace"], job["name"], dict(found)),
        inputs=[dataset(InputDataset, each) for each in given["inputs"]],
        outputs=[dataset(OutputDataset, each) for each in given["outputs"]],
        producer=given["producer"],
    )


def test_openlineage_reads_its_events(compiled: Compiled) -> None:
    documents = [json.loads(line) for line in text(compiled, "openlineage").splitlines()]
    events = [event(document) for document in documents]
    assert {document["schemaURL"] for document in documents} == {events[0].schemaURL}
    named = {str(each.job.name).removeprefix("shop_features."): each for each in events}
    assert list(named) == list(compiled.graph.models)
    (spend,) = named["spend"].outputs or []
    found: Any = (spend.facets or {})["columnLineage"]
    meanings = {
        (output, field.name, field.field): [(t.type, t.subtype) for t in field.transformations or ()]
        for output, inputs in [*found.fields.items(), (None, column_lineage_dataset.Fields(found.dataset))]
        for field in inputs.inputFields
    }
    assert meanings["customer_id", "paid", "customer_id"] == [("DIRECT", "IDENTITY")]
    assert meanings["spend", "paid", "amount"] == [("DIRECT", "AGGREGATION")]
    assert ("INDIRECT", "FILTER") in meanings[None, "paid", "paid_at"]
    assert ("INDIRECT", "GROUP_BY") in meanings[None, "paid", "customer_id"]
    said = {
        (field.name, field.field, t.description)
        for inputs in [*found.fields.values(), column_lineage_dataset.Fields(found.dataset)]
        for field in inputs.inputFields
        for t in field.transformations or ()
    }
    assert said == {
        (e["from"]["relation"].partition(":")[2], e["from"]["column"], f"{e['how']}, {e['span']['text']}")
        for e in data(compiled)["edges"]
        if e["to"]["relation"] == "model:spend" and e["from"]["column"] != "*"
    }
    training: Any = documents[3]["outputs"][0]["facets"]["columnLineage"]
    joined = {t.get("subtype") for field in training["dataset"] for t in field["transformations"]}
    assert "JOIN" in joined
    assert [(each.name, sorted(each.facets or {})) for each in named["paid"].inputs or []] == [
        ("source.shop.payments", ["documentation", "schema"]),
        ("seed.countries", ["schema"]),
    ]
    assert len(text(compiled, "openlineage", "spend").splitlines()) == 1


def test_dot(compiled: Compiled) -> None:
    assert '"model:paid" -> "model:spend" [label="(-inf, -1h]"];' in text(compiled, "dot")
    assert '"source:shop.payments" -> "model:paid" [label="[0, 0]"];' in text(compiled, "dot")
    columns = text(compiled, "dot", column="training.again & <again>")
    assert "again &amp; &lt;again&gt;" in columns
    assert "<again>" not in columns
    assert re.search(r'"model:paid":c\d+ -> "model:spend":c\d+ \[style=dashed, label=".*filter', columns)


def test_mermaid(compiled: Compiled) -> None:
    lines = text(compiled, "mermaid").splitlines()
    numbers = {name: number for number, name in re.findall(r'^  (t\d)\["(.*)"\]$', "\n".join(lines), re.MULTILINE)}
    assert lines[0] == "flowchart LR"
    assert len(numbers) == 6
    assert f'  {numbers["shop.payments"]} -->|"[0, 0]"| {numbers["paid"]}' in lines
    columns = text(compiled, "mermaid", column="training.again & <again>")
    assert '["again #amp; #lt;again#gt;"]' in columns
    assert re.search(r't\dc\d -\.->\|".*filter', columns)


def test_the_page_holds_places_and_intervals(compiled: Compiled) -> None:
    found = page_data(excerpt(compiled, Wish(column="spend.spend")))
    tables = {table["name"]: (number, table) for number, table in enumerate(found["tables"])}
    number, spend = tables["spend"]
    assert found["focus"] == [number, 1]
    assert spend["text"] == SQL.strip()
    assert [line for _, _, line in spend["columns"]] == [4, 5, 6]
    assert [tables["paid"][0], 1, number, [1], 0, "aggregation", "(-inf, -1h]"] in found["edges"]
    assert tables["shop.payments"][1]["description"] == "Money that came in."


def test_secrets_stay_out(shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = "select 1 as x where '{{ env_var('DBT_ENV_SECRET_WORD') }}' <> ''"
    write(tmp_path, FILES | {"models/hush.sql": model})
    monkeypatch.setenv("DBT_ENV_SECRET_WORD", "open<&sesame")
    found = excerpt(load(tmp_path).compile())
    for name in FORMATS:
        for path in save(found, name, tmp_path / "out" / name):
            assert "sesame" not in path.read_text()
