"""What a build leaves for people and tools: manifest.json, run_results.json and the compiled SQL.

The shape is dbt's where dbt has one (nodes, sources, parent_map, results with unique_id and
status); what only featsql knows is under the key `featsql` of each node.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from featsql.build.publish import write_json, write_record
from featsql.build.results import Result, Run
from featsql.build.reuse.definition import definition
from featsql.build.reuse.facts import facts_of
from featsql.codes import titles
from featsql.compiler import Compiled
from featsql.data import plain
from featsql.plan.plan import AsOf, Lifted, Over, Plan
from featsql.read.model import Model
from featsql.read.project import Source
from featsql.resolve.checked import Waived
from featsql.resolve.graph import model_key

SCHEMA_VERSION = "featsql/manifest/v1"


def unique_id(key: str, compiled: Compiled) -> str:
    """dbt's name of a node: 'model.project.name', 'source.project.shop.payments'."""
    kind, _, name = key.partition(":")
    return f"{kind}.{compiled.project.name}.{name}"


def write_manifest(compiled: Compiled, run: Run) -> None:
    """Write manifest.json and the compiled SQL of every model under the target path."""
    folder = compiled.project.root / compiled.project.target_path
    write_json(folder / "manifest.json", manifest(compiled, run), compiled.project.secrets)
    for name, model in compiled.graph.models.items():
        parts = (part for part in PurePosixPath(model.rendered.file.path).parts if part != "..")
        path = folder.joinpath("compiled", *parts)  # below it also where models lie beside the project
        write_record(path, compiled_sql(compiled, name) + "\n", compiled.project.secrets)


def manifest(compiled: Compiled, run: Run | None = None) -> dict[str, Any]:
    """The whole project as one document."""
    graph = compiled.graph
    fingerprints = {result.name: result.fingerprint for result in run.results} if run else {}
    nodes = {
        unique_id(model_key(name), compiled): node(model, compiled, fingerprints.get(name))
        for name, model in graph.models.items()
    }
    seeds = {unique_id(k, compiled): source(k, s, compiled) for k, s in graph.sources.items() if k.startswith("seed:")}
    sources = {
        unique_id(k, compiled): source(k, s, compiled) for k, s in graph.sources.items() if k.startswith("source:")
    }
    return {
        "metadata": metadata(compiled, run),
        "nodes": nodes | seeds,
        "sources": sources,
        "parent_map": {unique_id(k, compiled): [unique_id(p, compiled) for p in v] for k, v in graph.parents.items()},
        "child_map": {unique_id(k, compiled): [unique_id(c, compiled) for c in v] for k, v in graph.children.items()},
        "entities": {
            name: {"keys": e.keys, "null_keys": e.match_nulls} for name, e in compiled.project.entities.items()
        },
        "rules": [let_pass(each) for each in compiled.checked.waived],
        "inputs": dict(run.inputs) if run else {},
    }


def let_pass(waived: Waived) -> dict[str, Any]:
    """A finding that the project lets pass, and why."""
    found = waived.diagnostic
    return {
        "code": found.code,
        "rule": titles()[found.code],
        "model": waived.model,
        "found": found.severity,
        "severity": waived.severity,
        "reason": waived.reason,
        "message": found.message,
        "place": str(found.place) if found.place else None,
    }


def metadata(compiled: Compiled, run: Run | None) -> dict[str, Any]:
    """Who wrote a document, and when."""
    from featsql import __version__

    return {
        "featsql_schema_version": SCHEMA_VERSION,
        "featsql_version": __version__,
        "generated_at": run.started_at if run else None,
        "known_at": run.known_at if run else None,
        "project_name": compiled.project.name,
        "target_name": compiled.project.target.name,
        "adapter_type": "duckdb",
    }


def node(model: Model, compiled: Compiled, fingerprint: str | None) -> dict[str, Any]:
    """One model."""
    key, config, target = model_key(model.name), model.config, compiled.project.target
    info = compiled.checked.catalog.relations[key]
    described = {column.name.casefold(): column.description for column in config.columns}
    return {
        "unique_id": unique_id(key, compiled),
        "name": model.name,
        "resource_type": "model",
        "package_name": compiled.project.name,
        "path": model.rendered.file.path,
        "original_file_path": model.rendered.file.path,
        "database": target.database,
        "schema": target.schema,
        "alias": model.name,
        "raw_code": model.rendered.file.text,
        "compiled_code": compiled_sql(compiled, model.name),
        "description": config.description,
        "tags": list(config.tags),
        "meta": dict(config.meta),
        "config": {"materialized": config.materialized, "enabled": config.enabled, "tags": list(config.tags)},
        "columns": {
            c.name: {"name": c.name, "data_type": c.type, "description": described.get(c.name.casefold(), "")}
            for c in info.columns
        },
        "depends_on": {
            "macros": list(model.rendered.macros),
            "nodes": [unique_id(parent, compiled) for parent in compiled.graph.parents[key]],
        },
        "featsql": about(model, compiled, fingerprint),
    }


def about(model: Model, compiled: Compiled, fingerprint: str | None) -> dict[str, Any]:
    """What only featsql knows of a model."""
    key, config = model_key(model.name), model.config
    clock = compiled.checked.catalog.relations[key].clock
    return {
        "kind": config.kind,
        "entity": list(config.entity),
        "as_of": config.as_of,
        "horizon": config.horizon,
        "label": config.label,
        "clock": plain(clock) if clock else None,
        "split": plain(config.split) if config.split else None,
        "plan": plan_of(model.name, compiled),
        "fingerprint": fingerprint,
        "definition": facts_of(model.name, compiled).definition.as_data(),
    }


def plan_of(name: str, compiled: Compiled) -> Mapping[str, Any] | None:
    """How a planned model is evaluated."""
    match compiled.plans.get(name):
        case AsOf() | Lifted() | Over() as features:
            return {"node": type(features).__name__, "reason": features.reason}
        case Plan() as plan:
            parts = {attach.alias: type(attach.features).__name__ for attach in plan.attachments}
            return {"node": "Attach", "features": parts, "boundary": plan.boundary}
        case _:
            return None


def source(key: str, source: Source, compiled: Compiled) -> dict[str, Any]:
    """One source table or seed."""
    info = compiled.checked.catalog.relations[key]
    return {
        "unique_id": unique_id(key, compiled),
        "name": source.table,
        "source_name": source.source,
        "resource_type": key.partition(":")[0],
        "package_name": compiled.project.name,
        "description": source.description,
        "tags": list(source.tags),
        "meta": dict(source.meta),
        "columns": {c.name: {"name": c.name, "data_type": c.type} for c in info.columns},
        "featsql": {
            "location": source.location,
            "format": source.format,
            "clock": plain(source.clock) if source.clock else None,
            "definition": definition(key, compiled).as_data(),
        },
    }


def compiled_sql(compiled: Compiled, name: str) -> str:
    """The SQL that a model runs as."""
    if name in compiled.plans:
        return compiled.text(name)
    return compiled.graph.models[name].rendered.text.strip()


def write_results(compiled: Compiled, run: Run) -> None:
    """Write run_results.json."""
    path = Path(compiled.project.root) / compiled.project.target_path / "run_results.json"
    write_json(path, results(compiled, run), compiled.project.secrets)


def results(compiled: Compiled, run: Run) -> dict[str, Any]:
    """What a run did, node by node."""
    return {
        "metadata": metadata(compiled, run) | {"featsql_schema_version": "featsql/run_results/v1"},
        "results": [result(each, compiled) for each in run.results],
        "elapsed_time": run.seconds,
        "args": {"target": compiled.project.target.name},
    }


def result(each: Result, compiled: Compiled) -> dict[str, Any]:
    """What became of one node."""
    key = model_key(each.name) if each.name in compiled.graph.models else f"seed:{each.name}"
    return {
        "unique_id": unique_id(key, compiled),
        "status": "success" if each.status == "unchanged" else each.status,
        "execution_time": each.seconds,
        "message": each.diagnostics[0].message if each.diagnostics else None,
        "failures": len(each.diagnostics),
        "adapter_response": {"rows_affected": each.rows},
        "compiled_code": compiled_sql(compiled, each.name) if each.name in compiled.graph.models else None,
        "diagnostics": [diagnostic.render() for diagnostic in each.diagnostics],
        "featsql": {
            "kind": each.kind,
            "rows": each.rows,
            "static_relations": list(each.statics),
            "published": list(each.published),
            "notes": list(each.notes),
            "methods": list(each.methods),
            "reason": "unchanged" if each.status == "unchanged" else each.reason,
            "fingerprint": each.fingerprint,
        },
    }
