"""The noun of `trace`: which columns flow into which, and which only influence what comes out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from featsql.engine import Column
from featsql.resolve.reach import ANY, Span

Transformation = Literal["identity", "expression", "aggregation", "window"]
EdgeKind = Literal["value", "influence"]
# The column that stands for the rows of a relation themselves: that they are there, and how many.
ROWS = "*"
JSON_VERSION = 2


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One column of a relation that one column of a model comes from, or is influenced by.

    `relation` is the key of what is read, `column` its column or `*` for the rows themselves.
    `how` says what becomes of a value, and for an influence which clause it acts through.
    `span` is when the rows of the relation that can act lie, by the start of its clock, in seconds from the
    `as_of()` of the model, or from the start of the model's own clock where it has one.
    """

    model: str
    output: str
    relation: str
    column: str
    kind: EdgeKind
    how: str
    span: Span = ANY


@dataclass(frozen=True, slots=True)
class Table:
    """One relation of the graph."""

    key: str
    kind: str
    path: str | None
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """Direct edges, model by model; `coarse` names the models whose edges are wider than they need be,
    with the reason."""

    tables: tuple[Table, ...]
    edges: Mapping[str, tuple[Edge, ...]]
    coarse: Mapping[str, str] = field(default_factory=dict)

    def sources_of(self, model: str, output: str, kinds: Collection[str] = ("value",)) -> frozenset[tuple[str, str]]:
        """Every (relation, column) that an output comes from through edges of these kinds, all the way up."""
        found: set[tuple[str, str]] = set()
        stack = [(f"model:{model}", output.casefold())]
        while stack:
            key, column = stack.pop()
            for edge in self.edges.get(key.partition(":")[2], ()) if key.startswith("model:") else ():
                step = (edge.relation, edge.column)
                if edge.output.casefold() == column and edge.kind in kinds and step not in found:
                    found.add(step)
                    stack.append((edge.relation, edge.column.casefold()))
        return frozenset(found)

    def as_json(self, names: Iterable[str] | None = None) -> dict[str, Any]:
        """Lineage as data, of some models or of all: `version`, `tables` (key, kind, path, columns), and
        `edges` (from, to, kind, how, interval), `from` and `to` being {relation, column}, `interval`
        {from, to, text} in seconds, null where there is no end."""
        chosen = set(self.edges) if names is None else set(names)
        edges = [edge for name in self.edges if name in chosen for edge in self.edges[name]]
        keys = {f"model:{name}" for name in chosen} | {edge.relation for edge in edges}
        tables = [table for table in self.tables if names is None or table.key in keys]
        return {
            "version": JSON_VERSION,
            "tables": [
                {
                    "key": table.key,
                    "kind": table.kind,
                    "path": table.path,
                    "columns": [{"name": column.name, "type": column.type} for column in table.columns],
                    **({"coarse": self.coarse[name]} if (name := table.key.partition(":")[2]) in self.coarse else {}),
                }
                for table in tables
            ],
            "edges": [
                {
                    "from": {"relation": edge.relation, "column": edge.column},
                    "to": {"relation": f"model:{edge.model}", "column": edge.output},
                    "kind": edge.kind,
                    "how": edge.how,
                    "interval": edge.span.as_json(),
                }
                for edge in edges
            ],
        }

    def text(self, model: str) -> str:
        """The edges of one model for people, one output a paragraph."""
        by_output: dict[str, list[Edge]] = {}
        for edge in self.edges.get(model, ()):
            by_output.setdefault(edge.output, []).append(edge)
        blocks = []
        for output, edges in by_output.items():
            lines = [f"  {'<-' if e.kind == 'value' else '~~'} {e.relation}.{e.column}  {e.how}" for e in edges]
            blocks.append("\n".join([output, *lines]))
        return "\n".join(blocks)
