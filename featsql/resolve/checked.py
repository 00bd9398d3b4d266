"""The noun of `check`: a graph that may be planned, since every rule has seen it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from featsql.errors import Diagnostic
from featsql.resolve.catalog.catalog import Catalog
from featsql.resolve.graph import Graph
from featsql.resolve.lineage.lineage import Lineage
from featsql.resolve.qualify import Resolved


class Waived(Struct, frozen=True):
    """A finding in a model that the project lets pass, as it was found, with what it is lowered to and why."""

    model: str
    diagnostic: Diagnostic
    severity: str
    reason: str


class Checked(Struct, frozen=True):
    """Everything that planning needs; `diagnostics` holds what is worth saying but stops nothing."""

    graph: Graph
    catalog: Catalog
    resolved: Mapping[str, Resolved]
    lineage: Lineage
    diagnostics: tuple[Diagnostic, ...] = ()
    waived: tuple[Waived, ...] = ()
