"""What the two drawn formats share: boxes, their names, and the lines between them, of tables or of columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from msgspec import Struct

from featsql.export.excerpt import Excerpt
from featsql.resolve.graph import model_key
from featsql.resolve.lineage.lineage import needed

# The colour of a box by what it holds, readable under black text.
COLOURS: Mapping[str, str] = {
    "source": "#dbeafe",
    "seed": "#e0f2fe",
    "plain": "#f3f4f6",
    "features": "#dcfce7",
    "labels": "#fef3c7",
    "training_set": "#f3e8ff",
}


class Line(Struct, frozen=True):
    """A line between two (table, column) ends, the column None where a whole table is meant; dashed where it
    only influences."""

    start: tuple[str, str | None]
    end: tuple[str, str | None]
    words: str
    dashed: bool


def lines(excerpt: Excerpt) -> Iterator[Line]:
    """What is drawn between the boxes, each with its interval: columns where one was asked for, else tables."""
    return table_lines(excerpt) if excerpt.focus is None else column_lines(excerpt)


def caption(excerpt: Excerpt) -> str | None:
    """How much history the column that was asked for needs, and of which sources; None where it needs none."""
    kind, _, name = excerpt.focus[0].partition(":") if excerpt.focus is not None else ("", "", "")
    found = excerpt.compiled.checked.lineage.history(name) if kind == "model" else {}
    said = [f"{output} needs {needed(spans)}" for output, spans in found.items() if asked(excerpt, output)]
    return said[0] if said else None


def asked(excerpt: Excerpt, output: str) -> bool:
    """Whether a column has the name that was asked for."""
    return excerpt.focus is not None and output.casefold() == excerpt.focus[1]


def table_lines(excerpt: Excerpt) -> Iterator[Line]:
    """Lines between whole tables."""
    words: dict[tuple[str, str], dict[str, None]] = {link: {} for link in excerpt.links}
    for edge in excerpt.edges:
        words.setdefault((edge.relation, model_key(edge.model)), {})[edge.span.text] = None
    for (read, reader), said in words.items():
        yield Line((read, None), (reader, None), ", ".join(said), False)


def column_lines(excerpt: Excerpt) -> Iterator[Line]:
    """Lines between columns, with what becomes of a value."""
    words: dict[tuple[str, str, str, str, bool], dict[str, None]] = {}
    for edge in excerpt.edges:
        ends = (edge.relation, edge.column, model_key(edge.model), edge.output, edge.kind == "influence")
        words.setdefault(ends, {}).update(dict.fromkeys((edge.how, edge.span.text)))
    for (relation, column, model, output, dashed), said in words.items():
        yield Line((relation, column), (model, output), ", ".join(said), dashed)


def columns_of(excerpt: Excerpt) -> dict[str, list[str]]:
    """The columns that are drawn in each table's box, in the table's order, `*` (its rows) last."""
    drawn: dict[str, dict[str, None]] = {table.key: {} for table in excerpt.tables}
    for line in lines(excerpt):
        for key, column in (line.start, line.end):
            if column is not None:
                drawn[key][column] = None
    if excerpt.focus is not None:
        key, folded = excerpt.focus
        table = next(table for table in excerpt.tables if table.key == key)
        drawn[key] |= {column.name: None for column in table.columns if column.name.casefold() == folded}
    places = {t.key: {column.name: place for place, column in enumerate(t.columns)} for t in excerpt.tables}
    return {key: sorted(found, key=partial(placed, places[key])) for key, found in drawn.items()}


def placed(places: Mapping[str, int], column: str) -> int:
    """A column's place in its table; the rows come last."""
    return places.get(column, len(places))
