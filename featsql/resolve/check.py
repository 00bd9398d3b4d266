"""Stage 8: every rule on every model, and all that they find, in the order of the files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from featsql.errors import Diagnostic
from featsql.resolve import rules
from featsql.resolve.catalog.catalog import Catalog
from featsql.resolve.checked import Waived
from featsql.resolve.graph import Graph, model_key
from featsql.resolve.lineage.lineage import Lineage
from featsql.resolve.lineage.taint import Tainted, Taints, TaintSource
from featsql.resolve.qualify import Resolved
from featsql.resolve.severity import Finding, settle
from featsql.resolve.subject import Subject

Rule = Callable[[Subject], Iterator[Diagnostic]]
# What a rule looks for in plain models, given a model and the lineage.
Looking = Callable[[Resolved, Lineage], TaintSource]


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module in `rules`, by name: a new rule is a new file."""
    names = sorted(module.name for module in iter_modules(rules.__path__))
    return tuple(import_module(f"{rules.__name__}.{name}") for name in names)


@cache
def all_rules() -> tuple[Rule, ...]:
    """The `check` of every rule."""
    return tuple(module.check for module in modules())


@cache
def all_taints() -> Mapping[str, Looking]:
    """What rules follow through plain models: the `taints` of those that have some, by the name of their `TAINT`."""
    return {module.TAINT: module.taints for module in modules() if hasattr(module, "TAINT")}


class Checker:
    """The rules at work on the models of a graph; `known` tells the taints of models that were examined before."""

    def __init__(
        self,
        graph: Graph,
        catalog: Catalog,
        lineage: Lineage,
        resolved: Mapping[str, Resolved],
        known: Callable[[str], Mapping[str, Taints] | None] = lambda _: None,
    ) -> None:
        self.graph = graph
        self.catalog = catalog
        self.lineage = lineage
        self.resolved = resolved
        self.known = known
        self.memory: dict[tuple[str, str], Any] = {}
        self.taints = {taint: self.tainted(taint, looking) for taint, looking in all_taints().items()}

    def tainted(self, taint: str, looking: Looking) -> Tainted:
        """The taints of one name."""

        def known(name: str) -> Taints | None:
            found = self.known(name)
            return None if found is None else found[taint]

        return Tainted(self.graph, self.resolved, lambda model: looking(model, self.lineage), self.lineage, known)

    def examine(self, name: str) -> Mapping[str, Taints]:
        """The taints of a model by their names."""
        return {taint: found[model_key(name)] for taint, found in self.taints.items()}

    def findings(self, name: str) -> Iterator[Finding]:
        """All that the rules find in one model."""
        model, resolved = self.graph.models[name], self.resolved[name]
        subject = Subject(
            model, self.graph, self.catalog, self.lineage, resolved, self.resolved, self.taints, self.memory
        )
        for rule in all_rules():
            for diagnostic in rule(subject):
                yield name, diagnostic


def check(
    graph: Graph, catalog: Catalog, lineage: Lineage, resolved: Mapping[str, Resolved]
) -> tuple[tuple[Diagnostic, ...], tuple[Waived, ...]]:
    """All diagnostics of all rules, as severe as the project sets them, and what it lets pass."""
    checker = Checker(graph, catalog, lineage, resolved)
    return settled([finding for name in graph.models for finding in checker.findings(name)], graph)


def settled(findings: Iterable[Finding], graph: Graph) -> tuple[tuple[Diagnostic, ...], tuple[Waived, ...]]:
    """What was found, as severe as the project sets it and in the order of the files, and what it lets pass."""
    found, waived = settle(findings, graph)
    return tuple(sorted(dict.fromkeys(found), key=position)), waived


def position(diagnostic: Diagnostic) -> tuple[str, int, int, str]:
    """Where a diagnostic stands among the others."""
    place = diagnostic.place
    return (place.path, place.line, place.column, diagnostic.code) if place else ("", 0, 0, diagnostic.code)
