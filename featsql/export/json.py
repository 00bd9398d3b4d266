"""Lineage as one JSON document: `lineage.schema.json`, beside this file, says what each field means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from featsql.build.reuse.definition import definition
from featsql.export.excerpt import Excerpt
from featsql.resolve.graph import model_key
from featsql.resolve.lineage.lineage import Edge, Table

VERSION = 2


def document(excerpt: Excerpt) -> dict[str, Any]:
    """The lineage as data."""
    return {
        "version": VERSION,
        "project": excerpt.compiled.project.name,
        "tables": [table_of(table, excerpt) for table in excerpt.tables],
        "edges": [edge_of(edge) for edge in excerpt.edges],
    }


def write(excerpt: Excerpt) -> Iterator[tuple[str, str]]:
    """The document, as one line of plain ASCII."""
    yield "lineage.json", json.dumps(document(excerpt)) + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    text = files("featsql.export").joinpath("lineage.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def table_of(table: Table, excerpt: Excerpt) -> dict[str, Any]:
    """One source, seed or model."""
    compiled = excerpt.compiled
    name = table.key.partition(":")[2]
    own = definition(table.key, compiled)
    model = compiled.graph.models.get(name) if table.key == model_key(name) else None
    needs = compiled.checked.lineage.history(name) if model is not None else {}
    coarse = compiled.checked.lineage.coarse.get(name) if model is not None else None
    return {
        "key": table.key,
        "name": name,
        "kind": table.kind,
        "path": table.path,
        "materialized": model.config.materialized if model is not None else None,
        "as_of": model.config.as_of if model is not None else None,
        "reads": list(compiled.graph.parents.get(table.key, ())),
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "fingerprint": own.columns[column.name],
                "needs": [
                    {"relation": key, "span": span.as_json()} for key, span in needs.get(column.name, {}).items()
                ],
            }
            for column in table.columns
        ],
        "fingerprint": {"code": own.code, "rows": own.rows},
        **({"coarse": coarse} if coarse is not None else {}),
    }


def edge_of(edge: Edge) -> dict[str, Any]:
    """One edge, from what is read to what it becomes, and the interval in which it can act."""
    return {
        "from": {"relation": edge.relation, "column": edge.column},
        "to": {"relation": model_key(edge.model), "column": edge.output},
        "kind": edge.kind,
        "how": edge.how,
        "span": edge.span.as_json(),
    }
