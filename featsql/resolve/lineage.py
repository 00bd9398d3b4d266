"""The noun of `trace`: which columns flow into which, and which only influence what comes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from featsql.engine import Column

Transformation = Literal["identity", "expression", "aggregation", "window"]
EdgeKind = Literal["value", "influence"]
# The column that stands for the rows of a relation themselves: that they are there, and how many.
ROWS = "*"


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One column of a relation that one column of a model comes from, or is influenced by.

    `relation` is the key of what is read, `column` its column or `*` for the rows themselves.
    `how` says what becomes of a value, and for an influence which clause it acts through.
    """

    model: str
    output: str
    relation: str
    column: str
    kind: EdgeKind
    how: str


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
