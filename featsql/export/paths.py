"""Ways through the lineage: every edge that leads to a column, and every edge that leads from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from msgspec.structs import replace

from featsql.resolve.graph import model_key
from featsql.resolve.lineage.lineage import ROWS, Edge

# A column of a relation, folded: ('model:churn', 'churned'), or its rows: ('model:churn', '*').
Node = tuple[str, str]


class Paths:
    """Edges, found from either end. What influences a column of a model influences its rows too: there is an
    edge to them (`*`), so that a way through the rows does not lead through every column."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        self.into: dict[Node, list[Edge]] = defaultdict(list)
        self.out_of: dict[Node, list[Edge]] = defaultdict(list)
        for edge in edges:
            self.into[head(edge)].append(edge)
            self.out_of[tail(edge)].append(edge)
            if edge.kind == "influence":
                self.into[model_key(edge.model), ROWS].append(replace(edge, output=ROWS))

    def above(self, starts: Iterable[Node]) -> list[Edge]:
        """Every edge on a way to one of `starts`, each once."""
        found: dict[Edge, None] = {}
        stack, seen = list(starts), set[Node]()
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            for edge in self.into.get(node, ()):
                found.setdefault(edge)
                stack.append(tail(edge))
        return list(found)

    def below(self, starts: Iterable[Node]) -> list[Edge]:
        """Every edge on a way from one of `starts`, each once."""
        found: dict[Edge, None] = {}
        stack, seen = list(starts), set[Node]()
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            for edge in self.out_of.get(node, ()):
                found.setdefault(edge)
                stack.append(head(edge))
                if edge.kind == "influence":
                    found.setdefault(replace(edge, output=ROWS))
                    stack.append((model_key(edge.model), ROWS))
        return list(found)


def head(edge: Edge) -> Node:
    """Where an edge leads."""
    return model_key(edge.model), edge.output.casefold()


def tail(edge: Edge) -> Node:
    """Where an edge comes from."""
    return edge.relation, edge.column.casefold()
