"""A project's code and lineage at one moment, from a lineage document or from a build's manifest.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from featsql.build.manifest import SCHEMA_VERSION
from featsql.errors import Diagnostic, FeatsqlError
from featsql.export.json import VERSION
from featsql.resolve.lineage.lineage import Edge


class State(Struct, frozen=True):
    """One relation: what it is, digests of its code, and each column's type with its digest, by name; of labels also
    `as_of`, the column of instants."""

    kind: str
    path: str | None
    materialized: str | None
    code: str
    rows: str
    columns: Mapping[str, tuple[str, str]]
    as_of: str | None = None


class Snapshot(Struct, frozen=True):
    """Relations by key, in build order, and the edges between their columns, as far as they are known: each as if
    at any time, with the interval in words."""

    tables: Mapping[str, State]
    edges: Mapping[Edge, str] = {}


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot in a file that `featsql lineage` or `featsql build` wrote. Raises FeatsqlError FS734 for
    any other."""
    try:
        found = json.loads(path.read_text("utf-8"))
        if found.get("version") == VERSION and "edges" in found:
            return of_document(found)
        if found.get("metadata", {}).get("featsql_schema_version") == SCHEMA_VERSION:
            return of_manifest(found)
        reason = "it is neither a lineage document nor a manifest of this version"
    except (OSError, UnicodeDecodeError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
    hint = "save one with `featsql lineage --output lineage.json`, or keep a build's manifest.json"
    raise FeatsqlError(Diagnostic("FS734", f"`{path}` cannot be compared with: {reason}", hint=hint))


def of_document(found: Mapping[str, Any]) -> Snapshot:
    """The snapshot that a lineage document is."""
    tables = {
        each["key"]: State(
            each["kind"],
            each["path"],
            each["materialized"],
            each["fingerprint"]["code"],
            each["fingerprint"]["rows"],
            {column["name"]: (column["type"], column["fingerprint"]) for column in each["columns"]},
            each["as_of"],
        )
        for each in found["tables"]
    }
    return Snapshot(tables, {edge_of(each): each["span"]["text"] for each in found["edges"]})


def edge_of(found: Mapping[str, Any]) -> Edge:
    """An edge of a lineage document."""
    start, end = found["from"], found["to"]
    model = end["relation"].partition(":")[2]
    return Edge(model, end["column"], start["relation"], start["column"], found["kind"], found["how"])


def of_manifest(found: Mapping[str, Any]) -> Snapshot:
    """The snapshot that a manifest holds; it knows no edges between columns."""
    return Snapshot(dict(manifest_states(found)))


def manifest_states(found: Mapping[str, Any]) -> Iterator[tuple[str, State]]:
    """The relations of a manifest."""
    for unique, node in {**found["sources"], **found["nodes"]}.items():
        kind, _, name = unique.split(".", 2)
        own, said = node["featsql"]["definition"], node["featsql"].get("kind") or kind
        columns = {name: (c["data_type"], own["columns"][name]) for name, c in node["columns"].items()}
        made = node.get("config", {}).get("materialized")
        yield f"{kind}:{name}", State(said, node.get("path"), made, own["code"], own["rows"], columns)
