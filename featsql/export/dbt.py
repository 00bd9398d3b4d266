"""dbt's artefacts, so that dbt's tools can read a featsql project: manifest.json (version 12) and catalog.json.

Features, labels and training sets are models there; what they are to featsql stands under `meta.featsql`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from featsql import __version__
from featsql.build.manifest import compiled_sql, unique_id
from featsql.data import plain
from featsql.engine import Column
from featsql.export.excerpt import Excerpt
from featsql.read.model import Model
from featsql.read.project import ColumnProperties, Source
from featsql.resolve.graph import model_key
from featsql.resolve.lineage.lineage import Table

MANIFEST = "https://schemas.getdbt.com/dbt/manifest/v12.json"
CATALOG = "https://schemas.getdbt.com/dbt/catalog/v1.json"
EMPTY: Mapping[str, Any] = {
    name: {}
    for name in (
        "macros", "docs", "exposures", "metrics", "groups", "selectors", "disabled", "group_map", "saved_queries",
        "semantic_models", "unit_tests",
    )
}  # fmt: skip


def write(excerpt: Excerpt) -> Iterator[tuple[str, str]]:
    """Both artefacts, of the tables of the excerpt."""
    now, run = datetime.now(UTC).isoformat(), str(uuid4())
    yield "manifest.json", json.dumps(manifest(excerpt, stamp(MANIFEST, now, run)), indent=2, default=str) + "\n"
    yield "catalog.json", json.dumps(catalog(excerpt, stamp(CATALOG, now, run)), indent=2) + "\n"


def stamp(schema: str, now: str, run: str) -> dict[str, Any]:
    """Who wrote an artefact, and when."""
    return {
        "dbt_schema_version": schema,
        "dbt_version": f"0.0.0+featsql.{__version__}",
        "generated_at": now,
        "invocation_id": run,
        "env": {},
    }


def manifest(excerpt: Excerpt, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Models and seeds as nodes, sources, and who depends on whom."""
    compiled = excerpt.compiled
    nodes: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    for table in excerpt.tables:
        each = described(table, excerpt)
        (sources if table.key.startswith("source:") else nodes)[each["unique_id"]] = each
    parents: dict[str, list[str]] = {unique_id(table.key, compiled): [] for table in excerpt.tables}
    children: dict[str, list[str]] = {name: [] for name in parents}
    for read, reader in excerpt.links:
        parents[unique_id(reader, compiled)].append(unique_id(read, compiled))
        children[unique_id(read, compiled)].append(unique_id(reader, compiled))
    about = {"project_name": compiled.project.name, "adapter_type": "duckdb", "send_anonymous_usage_stats": False}
    return {
        "metadata": {**metadata, **about},
        "nodes": nodes,
        "sources": sources,
        **EMPTY,
        "parent_map": parents,
        "child_map": children,
    }


def described(table: Table, excerpt: Excerpt) -> dict[str, Any]:
    """One relation as dbt describes it."""
    graph = excerpt.compiled.graph
    if not table.key.startswith("model:"):
        return source(table, graph.sources[table.key], excerpt)
    return model(table, graph.models[table.key.partition(":")[2]], excerpt)


def shared(table: Table, excerpt: Excerpt, path: str, schema: str) -> dict[str, Any]:
    """What every resource has."""
    compiled = excerpt.compiled
    kind, _, name = table.key.partition(":")
    own = name.split(".") if kind == "source" else [*Path(path).with_suffix("").parts[1:-1], name]
    return {
        "database": compiled.project.target.database,
        "schema": schema,
        "name": own[-1],
        "resource_type": kind,
        "package_name": compiled.project.name,
        "path": path.partition("/")[2] or path,
        "original_file_path": path,
        "unique_id": unique_id(table.key, compiled),
        "fqn": [compiled.project.name, *own],
    }


def model(table: Table, model: Model, excerpt: Excerpt) -> dict[str, Any]:
    """One model."""
    compiled, config, name = excerpt.compiled, model.config, model.name
    target = compiled.project.target
    parents = compiled.graph.parents[table.key]
    read = [parent.partition(":") for parent in parents]
    meta = {**config.meta, "featsql": about_model(model, excerpt)}
    return {
        **shared(table, excerpt, model.rendered.file.path, target.schema),
        "alias": name,
        "checksum": checksum(model.rendered.file.text),
        "config": {
            "enabled": True,
            "materialized": config.materialized,
            "tags": list(config.tags),
            "meta": meta,
            "unique_key": list(config.unique_key) or None,
        },
        "tags": list(config.tags),
        "description": config.description,
        "columns": columns(table.columns, config.columns),
        "meta": meta,
        "relation_name": f'"{target.database}"."{target.schema}"."{name}"',
        "raw_code": model.rendered.file.text,
        "language": "sql",
        "refs": [{"name": other, "package": None, "version": None} for kind, _, other in read if kind != "source"],
        "sources": [other.split(".", 1) for kind, _, other in read if kind == "source"],
        "depends_on": {
            "macros": [],
            "nodes": [unique_id(parent, compiled) for parent in parents],
        },
        "compiled": True,
        "compiled_code": compiled_sql(compiled, name),
        "created_at": 0.0,
    }


def about_model(model: Model, excerpt: Excerpt) -> dict[str, Any]:
    """What a model is to featsql."""
    config = model.config
    clock = excerpt.compiled.checked.catalog.relations[model_key(model.name)].clock
    said = {
        "kind": config.kind,
        "entity": list(config.entity),
        "as_of": config.as_of,
        "horizon": config.horizon,
        "label": config.label,
        "clock": plain(clock) if clock else None,
    }
    return {key: value for key, value in said.items() if value not in (None, [])}


def source(table: Table, source: Source, excerpt: Excerpt) -> dict[str, Any]:
    """One source, or one seed, which is a node to dbt."""
    compiled = excerpt.compiled
    meta = {**source.meta, "featsql": {"clock": plain(source.clock) if source.clock else None}}
    own = {
        "columns": columns(table.columns, source.columns),
        "meta": meta,
        "tags": list(source.tags),
        "description": source.description,
        "created_at": 0.0,
    }
    path = source.place.path if source.place is not None else ""
    if table.key.startswith("seed:"):
        target = compiled.project.target
        content = Path(source.location).read_text("utf-8", errors="replace")
        inside = Path(source.location).relative_to(compiled.project.root)
        named = {"alias": source.table, "checksum": checksum(content), "config": {"meta": meta}}
        return {**shared(table, excerpt, inside.as_posix(), target.schema), **named, **own}
    return {
        **shared(table, excerpt, path, source.source),
        "source_name": source.source,
        "source_description": "",
        "loader": "",
        "identifier": source.table,
        "external": {"location": source.location},
        "config": {"enabled": True, "meta": meta, "tags": list(source.tags)},
        **own,
    }


def columns(typed: tuple[Column, ...], said: tuple[ColumnProperties, ...]) -> dict[str, Any]:
    """Columns with their types, and what property files say of them."""
    words = {column.name.casefold(): column for column in said}
    found: dict[str, Any] = {}
    for column in typed:
        own = words.get(column.name.casefold(), ColumnProperties(column.name))
        found[column.name] = {
            "name": column.name,
            "description": own.description,
            "meta": dict(own.meta),
            "tags": list(own.tags),
            "data_type": column.type,
        }
    return found


def checksum(text: str) -> dict[str, str]:
    """A file's checksum, as dbt keeps it."""
    return {"name": "sha256", "checksum": sha256(text.encode()).hexdigest()}


def catalog(excerpt: Excerpt, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Every relation's columns as they are in the database."""
    found: dict[str, dict[str, Any]] = {"nodes": {}, "sources": {}}
    target = excerpt.compiled.project.target
    for table in excerpt.tables:
        kind, _, name = table.key.partition(":")
        unique = unique_id(table.key, excerpt.compiled)
        schema, _, own = name.partition(".") if kind == "source" else (target.schema, "", name)
        found["sources" if kind == "source" else "nodes"][unique] = {
            "metadata": {"type": relation_type(table, excerpt), "schema": schema, "name": own,
                         "database": target.database, "comment": None, "owner": None},
            "columns": {
                column.name: {"type": column.type, "index": index, "name": column.name, "comment": None}
                for index, column in enumerate(table.columns, start=1)
            },
            "stats": {"has_stats": {"id": "has_stats", "label": "Has Stats?", "value": False, "include": False,
                                    "description": "Indicates whether there are statistics for this table"}},
            "unique_id": unique,
        }  # fmt: skip
    return {"metadata": dict(metadata), **found, "errors": None}


def relation_type(table: Table, excerpt: Excerpt) -> str:
    """Whether the database holds a table or a view."""
    model = excerpt.compiled.graph.models.get(table.key.partition(":")[2])
    if model is None or (model.config.kind in {"labels", "training_set"} and not model.config.is_external):
        return "BASE TABLE"
    return "BASE TABLE" if model.config.materialized in {"table", "incremental"} else "VIEW"
