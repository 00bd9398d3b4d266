"""Lineage as a Mermaid flowchart, for Markdown files and pull requests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from featsql.export.drawing import COLOURS, caption, columns_of, lines
from featsql.export.excerpt import Excerpt
from featsql.resolve.lineage.lineage import Table


def write(excerpt: Excerpt) -> Iterator[tuple[str, str]]:
    """One flowchart, from left to right; an influence is dotted. Boxes are numbered, so that no name can
    break one."""
    columns = columns_of(excerpt)
    numbers = {table.key: f"t{i}" for i, table in enumerate(excerpt.tables)}
    title = caption(excerpt)
    text = [*(["---", f"title: {json.dumps(title, ensure_ascii=False)}", "---"] if title else []), "flowchart LR"]
    for table in excerpt.tables:
        text += box(table, numbers[table.key], columns[table.key])
    for line in lines(excerpt):
        start, end = (
            numbers[key] + (f"c{columns[key].index(column)}" if column is not None else "")
            for key, column in (line.start, line.end)
        )
        arrow = "-.->" if line.dashed else "-->"
        text.append(f"  {start} {arrow}{f'|{quoted(line.words)}|' if line.words else ''} {end}")
    for kind in dict.fromkeys(table.kind for table in excerpt.tables):
        members = ",".join(numbers[table.key] for table in excerpt.tables if table.kind == kind)
        text += [f"  classDef {kind} fill:{COLOURS[kind]},stroke:#6b7280,color:#111827", f"  class {members} {kind}"]
    yield "lineage.mmd", "\n".join(text) + "\n"


def box(table: Table, number: str, columns: Sequence[str]) -> list[str]:
    """One table: a box, or a frame around the boxes of its drawn columns."""
    name = quoted(table.key.partition(":")[2])
    if not columns:
        return [f"  {number}[{name}]"]
    inner = [f"    {number}c{i}[{quoted('(rows)' if column == '*' else column)}]" for i, column in enumerate(columns)]
    return [f"  subgraph {number}[{name}]", *inner, "  end"]


def quoted(text: str) -> str:
    """A label: Mermaid reads entities, but no backslashes."""
    special = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "`": "#96;", "\n": " "}
    return '"' + "".join(special.get(letter, letter) for letter in text) + '"'
