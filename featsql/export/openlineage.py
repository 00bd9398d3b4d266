"""Lineage as OpenLineage run events, one a model, as lines of JSON that Marquez and its kin take in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from msgspec.structs import replace

from featsql import __version__
from featsql.build.manifest import compiled_sql
from featsql.build.reuse.definition import definition
from featsql.export.excerpt import Excerpt
from featsql.read.model import Model
from featsql.resolve.graph import model_key
from featsql.resolve.lineage.lineage import ROWS, Edge, Table

PRODUCER = f"https://pypi.org/project/featsql/{__version__}/"
SPEC = "https://openlineage.io/spec"
SCHEMAS: Mapping[str, str] = {
    "columnLineage": "facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet",
    "documentation": "facets/1-1-0/DocumentationDatasetFacet.json#/$defs/DocumentationDatasetFacet",
    "jobType": "facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
    "schema": "facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet",
    "sql": "facets/1-1-0/SQLJobFacet.json#/$defs/SQLJobFacet",
}
EVENT = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
DIRECT: Mapping[str, str] = {
    "identity": "IDENTITY",
    "expression": "TRANSFORMATION",
    "aggregation": "AGGREGATION",
    "window": "TRANSFORMATION",
}
INDIRECT: Mapping[str, str] = {
    "join": "JOIN",
    "grouping": "GROUP_BY",
    "deduplication": "GROUP_BY",
    "filter": "FILTER",
    "existence": "FILTER",
    "ordering": "SORT",
    "limit": "SORT",
    "partitioning": "WINDOW",
}


def write(excerpt: Excerpt) -> Iterator[tuple[str, str]]:
    """A COMPLETE event for each model of the excerpt, one a line, in build order."""
    now = datetime.now(UTC).isoformat()
    models = excerpt.compiled.graph.models
    datasets = {table.key: dataset(table, excerpt) for table in excerpt.compiled.checked.lineage.tables}
    edges = {name: list(found) for name, found in groupby(excerpt.edges, attrgetter("model"))}
    events = (event(models[name], datasets, edges.get(name, []), excerpt, now) for name in excerpt.models)
    yield "openlineage.ndjson", "".join(json.dumps(each) + "\n" for each in events)


def event(
    model: Model, datasets: Mapping[str, Any], edges: Iterable[Edge], excerpt: Excerpt, now: str
) -> dict[str, Any]:
    """What one model does, as if it had just run; the run's id is the same for the same code."""
    compiled = excerpt.compiled
    key = model_key(model.name)
    job = f"{compiled.project.name}.{model.name}"
    facets = datasets[key]["facets"] | {"columnLineage": column_lineage(edges, excerpt)}
    return {
        "eventType": "COMPLETE",
        "eventTime": now,
        "run": {"runId": str(uuid5(NAMESPACE_URL, f"featsql:{job}:{definition(key, compiled).code}")), "facets": {}},
        "job": {
            "namespace": namespace(excerpt),
            "name": job,
            "facets": {
                "jobType": facet("jobType", processingType="BATCH", integration="FEATSQL", jobType="MODEL"),
                "sql": facet("sql", query=compiled_sql(compiled, model.name), dialect="duckdb"),
            },
        },
        "inputs": [datasets[parent] for parent in compiled.graph.parents[key]],
        "outputs": [datasets[key] | {"facets": facets}],
        "producer": PRODUCER,
        "schemaURL": EVENT,
    }


def facet(name: str, **values: Any) -> dict[str, Any]:
    """A facet with what every facet has."""
    return {"_producer": PRODUCER, "_schemaURL": f"{SPEC}/{SCHEMAS[name]}", **values}


def namespace(excerpt: Excerpt) -> str:
    """Where the project's own datasets are: one namespace for all of them."""
    return f"featsql://{excerpt.compiled.project.name}"


def dataset_name(key: str) -> str:
    """A relation's name within the namespace; sources and seeds keep theirs apart from the models'."""
    kind, _, name = key.partition(":")
    return name if kind == "model" else f"{kind}.{name}"


def dataset(table: Table, excerpt: Excerpt) -> dict[str, Any]:
    """A dataset with its columns."""
    fields = [{"name": column.name, "type": column.type} for column in table.columns]
    facets = {"schema": facet("schema", fields=fields)}
    if described := description(table.key, excerpt):
        facets["documentation"] = facet("documentation", description=described)
    return {"namespace": namespace(excerpt), "name": dataset_name(table.key), "facets": facets}


def description(key: str, excerpt: Excerpt) -> str:
    """What its author says of a relation."""
    graph = excerpt.compiled.graph
    if key in graph.sources:
        return graph.sources[key].description
    return graph.models[key.partition(":")[2]].config.description


def column_lineage(edges: Iterable[Edge], excerpt: Excerpt) -> dict[str, Any]:
    """The facet. What flows into a column stands with the column, what decides about all rows with the dataset;
    that a relation's rows count at all is said by its being an input."""
    fields: dict[str, dict[tuple[str, str], list[Edge]]] = {}
    shared: dict[tuple[str, str], dict[str, Edge]] = {}
    for edge in edges:
        if edge.kind == "value":
            fields.setdefault(edge.output, {}).setdefault((edge.relation, edge.column), []).append(edge)
        elif edge.column != ROWS:
            known = shared.setdefault((edge.relation, edge.column), {})
            known[edge.how] = replace(edge, span=known.get(edge.how, edge).span.hull(edge.span))
    return facet(
        "columnLineage",
        fields={
            output: {"inputFields": [field(end, found, excerpt) for end, found in inputs.items()]}
            for output, inputs in fields.items()
        },
        dataset=[field(end, found.values(), excerpt) for end, found in shared.items()],
    )


def field(end: tuple[str, str], edges: Iterable[Edge], excerpt: Excerpt) -> dict[str, Any]:
    """One input column, with all that is done with it."""
    relation, column = end
    return {
        "namespace": namespace(excerpt),
        "name": dataset_name(relation),
        "field": column,
        "transformations": [transformation(edge) for edge in edges],
    }


def transformation(edge: Edge) -> dict[str, Any]:
    """An edge in the specification's words, described by ours, with its interval; what it has no word for is only
    indirect."""
    if edge.kind == "value":
        named = {"type": "DIRECT", "subtype": DIRECT[edge.how]}
    else:
        named = {"type": "INDIRECT", **({"subtype": INDIRECT[edge.how]} if edge.how in INDIRECT else {})}
    return {**named, "description": f"{edge.how}, {edge.span.text}", "masking": False}
