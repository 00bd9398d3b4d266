"""Stage 8: every rule on every model, and all that they find, in the order of the files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from featsql.errors import Diagnostic
from featsql.resolve import rules
from featsql.resolve.catalog import Catalog
from featsql.resolve.checked import Waived
from featsql.resolve.graph import Graph
from featsql.resolve.lineage import Lineage
from featsql.resolve.qualify import Resolved
from featsql.resolve.severity import settle
from featsql.resolve.subject import Subject

Rule = Callable[[Subject], Iterator[Diagnostic]]


@cache
def all_rules() -> tuple[Rule, ...]:
    """The `check` of every module in `rules`, by name: a new rule is a new file."""
    names = sorted(module.name for module in iter_modules(rules.__path__))
    return tuple(import_module(f"{rules.__name__}.{name}").check for name in names)


def check(
    graph: Graph, catalog: Catalog, lineage: Lineage, resolved: Mapping[str, Resolved]
) -> tuple[tuple[Diagnostic, ...], tuple[Waived, ...]]:
    """All diagnostics of all rules, as severe as the project sets them, and what it lets pass."""
    memory: dict[tuple[str, str], Any] = {}
    findings = [
        (name, diagnostic)
        for name, model in graph.models.items()
        for rule in all_rules()
        for diagnostic in rule(Subject(model, graph, catalog, lineage, resolved[name], resolved, memory))
    ]
    found, waived = settle(findings, graph)
    return tuple(sorted(dict.fromkeys(found), key=position)), waived


def position(diagnostic: Diagnostic) -> tuple[str, int, int, str]:
    """Where a diagnostic stands among the others."""
    place = diagnostic.place
    return (place.path, place.line, place.column, diagnostic.code) if place else ("", 0, 0, diagnostic.code)
