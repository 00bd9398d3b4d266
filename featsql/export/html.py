"""Lineage as one web page that needs nothing else: a graph to walk through, with the SQL behind it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from featsql.build.manifest import compiled_sql
from featsql.export.excerpt import Excerpt
from featsql.export.places import places
from featsql.resolve.graph import model_key
from featsql.resolve.lineage.lineage import ROWS, Edge, Table, needed
from featsql.secrets import redact, redacted

# What could end a script element, or be a line end to JavaScript but not to JSON.
UNSAFE = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def write(excerpt: Excerpt) -> Iterator[tuple[str, str]]:
    """The page of an excerpt, without secrets."""
    project = excerpt.compiled.project
    data = redacted(page_data(excerpt), project.secrets)
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, default=str)
    yield "lineage.html", page(redact(project.name, project.secrets), text)


def page(title: str, data: str) -> str:
    """The page that shows some data, given as JSON. What people wrote is in it as data only, and no script but the
    page's own may run."""
    scripts = {"library": asset("cytoscape.min.js"), "script": asset("page.js")}
    hashes = " ".join(f"'sha256-{b64encode(sha256(code.encode()).digest()).decode()}'" for code in scripts.values())
    parts = {"title": escape(title), "style": asset("page.css"), "hashes": hashes, "data": data.translate(UNSAFE)}
    return asset("page.html") % (parts | scripts)


def asset(name: str) -> str:
    """A part of the page."""
    return files("featsql.export").joinpath("page", name).read_text("utf-8")


def page_data(excerpt: Excerpt) -> dict[str, Any]:
    """What the page shows, with numbers in place of names."""
    numbers = {table.key: number for number, table in enumerate(excerpt.tables)}
    columns = {t.key: {column.name: number for number, column in enumerate(t.columns)} for t in excerpt.tables}
    return {
        "tables": [table_of(table, excerpt) for table in excerpt.tables],
        "links": [[numbers[read], numbers[reader]] for read, reader in excerpt.links],
        "edges": list(edges_of(excerpt, numbers, columns)),
        "focus": focus_of(excerpt, numbers),
    }


def focus_of(excerpt: Excerpt, numbers: Mapping[str, int]) -> list[int] | None:
    """The column that was asked for, which the page opens at."""
    if excerpt.focus is None:
        return None
    key, folded = excerpt.focus
    table = excerpt.tables[numbers[key]]
    places = [place for place, column in enumerate(table.columns) if column.name.casefold() == folded]
    return [numbers[key], places[0] if places else -1]


def table_of(table: Table, excerpt: Excerpt) -> dict[str, Any]:
    """One table, with the text of its model."""
    compiled = excerpt.compiled
    name = table.key.partition(":")[2]
    shown = {"key": table.key, "name": name, "kind": table.kind, "path": table.path}
    if not table.key.startswith("model:"):
        columns = [[column.name, column.type, None] for column in table.columns]
        return {**shown, "columns": columns, "description": compiled.graph.sources[table.key].description}
    model = compiled.graph.models[name]
    written = places(model)
    lines = {folded: place.line for folded, place in written.items() if place.path == table.path}
    sql = compiled_sql(compiled, name)
    text = model.rendered.file.text.rstrip("\n")
    return {
        **shown,
        "columns": [[column.name, column.type, lines.get(column.name.casefold())] for column in table.columns],
        "description": model.config.description,
        "coarse": compiled.checked.lineage.coarse.get(name),
        "needs": {output: needed(spans) for output, spans in compiled.checked.lineage.history(name).items()},
        "text": text,
        "sql": sql if sql != text.strip() else None,
    }


def edges_of(
    excerpt: Excerpt, numbers: Mapping[str, int], columns: Mapping[str, Mapping[str, int]]
) -> Iterator[list[Any]]:
    """Edges, those together that differ in nothing but the column that they lead to; None stands for all."""
    together: dict[tuple[Any, ...], list[str]] = {}
    for edge in excerpt.edges:
        together.setdefault((*end_of(edge), edge.span.text), []).append(edge.output)
    for (relation, column, model, influence, how, span), outputs in together.items():
        if relation not in numbers:
            continue
        own = columns[model]
        led = sorted({own[output] for output in outputs if output in own})
        if not led and ROWS not in outputs:
            continue
        yield [
            numbers[relation],
            columns[relation].get(column, -1),
            numbers[model],
            None if len(led) == len(own) else led,
            int(influence),
            how,
            span,
        ]


def end_of(edge: Edge) -> tuple[str, str, str, bool, str]:
    """All of an edge but the column that it leads to."""
    return edge.relation, edge.column, model_key(edge.model), edge.kind == "influence", edge.how
