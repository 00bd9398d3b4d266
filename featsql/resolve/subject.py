"""What a rule looks at: one model, and all that is known about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from sqlglot import exp

from featsql.errors import Diagnostic, Severity
from featsql.read.model import Model
from featsql.resolve.catalog.catalog import Catalog, RelationInfo
from featsql.resolve.graph import Graph
from featsql.resolve.lineage.lineage import Lineage
from featsql.resolve.lineage.taint import Taints
from featsql.resolve.qualify import Resolved

Known = TypeVar("Known")


class Subject(Struct, frozen=True):
    """One model under examination; `taints` tells by the name of a taint which columns of plain models carry it."""

    model: Model
    graph: Graph
    catalog: Catalog
    lineage: Lineage
    resolved: Resolved
    others: Mapping[str, Resolved] = {}
    taints: Mapping[str, Mapping[str, Taints]] = {}
    memory: dict[tuple[str, str], Any] = {}
    tables: list[tuple[exp.Table, RelationInfo]] = []

    def once(self, what: str, name: str, make: Callable[[], Known]) -> Known:
        """What is known of a model or, under an empty name, of all: made once for all rules and models."""
        if (what, name) not in self.memory:
            self.memory[what, name] = make()
        found: Known = self.memory[what, name]
        return found

    @property
    def kind(self) -> str:
        return self.model.config.kind

    @property
    def as_of_model(self) -> bool:
        """Whether the model is evaluated at instants."""
        return self.kind in {"features", "training_set"}

    @property
    def reads(self) -> Sequence[tuple[exp.Table, RelationInfo]]:
        """Every table of the tree that is a relation of the project."""
        if not self.tables:
            read = (table for table in self.model.tree.find_all(exp.Table) if "relation" in table.meta)
            self.tables.extend((table, self.catalog.relations[table.meta["relation"]]) for table in read)
        return self.tables

    def kind_of(self, key: str) -> str:
        """The kind of the model behind a relation key; 'source' and 'seed' for the others."""
        sort, _, name = key.partition(":")
        return self.graph.models[name].config.kind if sort == "model" else sort

    def table_of(self, key: str) -> exp.Expr:
        """The first place where a relation is read; the whole model where it is read under a name alone."""
        return next((table for table, info in self.reads if info.key == key), self.model.tree)

    def found(
        self, code: str, message: str, node: exp.Expr, hint: str | None = None, severity: Severity = "error"
    ) -> Diagnostic:
        """A diagnostic at a node of the tree."""
        starts = [(n.meta["start"], n.meta.get("end", n.meta["start"])) for n in node.walk() if "start" in n.meta]
        start, end = min(starts, default=(0, 0))
        place, trail = self.model.rendered.origin(start, max(1, end - start + 1))
        return Diagnostic(code, message, place, hint, severity, trail)


def named(key: str) -> str:
    """A relation key for people: 'source shop.payments'."""
    return key.replace(":", " ")
