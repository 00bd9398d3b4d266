"""Lineage for Graphviz: `featsql lineage --format dot | dot -Tsvg > lineage.svg`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from featsql.export.drawing import COLOURS, Line, caption, columns_of, lines
from featsql.export.excerpt import Excerpt
from featsql.resolve.lineage.lineage import Table


def write(excerpt: Excerpt) -> Iterator[tuple[str, str]]:
    """One digraph, from left to right; an influence is dashed."""
    columns, title = columns_of(excerpt), caption(excerpt)
    body = [
        "digraph lineage {",
        "  rankdir=LR;",
        '  node [shape=plain, fontname="Helvetica"];',
        '  edge [fontname="Helvetica", fontsize=9];',
        *([f"  label=<{markup(title)}>;"] if title else []),
        *(box(table, columns[table.key]) for table in excerpt.tables),
        *(arrow(line, columns) for line in lines(excerpt)),
        "}",
    ]
    yield "lineage.dot", "\n".join(body) + "\n"


def box(table: Table, columns: Sequence[str]) -> str:
    """One table, with a row for each drawn column; ports are numbers, so that no name can break one."""
    title = f"<b>{markup(table.key.partition(':')[2])}</b><br/>{markup(table.kind.replace('_', ' '))}"
    rows = [f'<tr><td bgcolor="{COLOURS[table.kind]}">{title}</td></tr>']
    rows += [f'<tr><td port="c{i}" align="left">{markup(shown(name))}</td></tr>' for i, name in enumerate(columns)]
    label = f'<table border="0" cellborder="1" cellspacing="0" cellpadding="4">{"".join(rows)}</table>'
    return f"  {quoted(table.key)} [label=<{label}>];"


def arrow(line: Line, columns: Mapping[str, Sequence[str]]) -> str:
    """One line between two boxes or their rows."""
    ends = " -> ".join(
        quoted(key) + (f":c{columns[key].index(column)}" if column is not None else "")
        for key, column in (line.start, line.end)
    )
    marks = [*(["style=dashed"] if line.dashed else []), *([f"label={quoted(line.words)}"] if line.words else [])]
    return f"  {ends} [{', '.join(marks)}];" if marks else f"  {ends};"


def shown(column: str) -> str:
    """A column's name as people read it."""
    return "(rows)" if column == "*" else column


def quoted(text: str) -> str:
    """A string in the DOT language."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def markup(text: str) -> str:
    """Text inside an HTML-like label."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
