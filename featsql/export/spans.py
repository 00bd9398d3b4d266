"""How far from `as_of()` the rows of what is read can act, for each edge, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from featsql.compiler import Compiled
from featsql.plan.features import entity_keys
from featsql.resolve.lineage import ROWS, Edge
from featsql.resolve.lookback import lower_bounds
from featsql.resolve.qualify import Resolved
from featsql.resolve.span import longest
from featsql.run.definition import separable

SAME = "[0, 0]"
PAST = "(-∞, 0]"
ALWAYS = "(-∞, ∞)"


class Spans:
    """The interval of every edge, relative to the instant that is asked about; one that is closed at its left end
    may be an instant wider than need be. Where a model has no such instant there is none."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.known: dict[tuple[str, str, str], str | None] = {}
        self.lookbacks: dict[tuple[str, str], Mapping[int, exp.Interval]] = {}

    def of(self, edge: Edge) -> str | None:
        """The interval of an edge."""
        key = (edge.relation, edge.model, edge.output)
        if key not in self.known:
            self.known[key] = self.between(*key)
        return self.known[key]

    def between(self, relation: str, name: str, output: str) -> str | None:
        """The interval in which rows of a relation can act on an output of a model that reads it."""
        models = self.compiled.graph.models
        kind = models[name].config.kind
        read = models.get(relation.partition(":")[2]) if relation.startswith("model:") else None
        clock = self.compiled.checked.catalog.relations[relation].clock
        if kind == "plain":
            return None
        if kind == "labels" or (clock is not None and clock.kind == "static"):
            return ALWAYS
        if read is not None and read.config.kind in {"features", "labels"}:
            return SAME
        return self.looking_back(relation, name, output) if kind == "features" else PAST

    def looking_back(self, relation: str, name: str, output: str) -> str:
        """How far back an output of a features model needs a relation that it reads."""
        scans = self.compiled.checked.resolved[name].scans
        found = self.lookback(name, output)
        lookbacks = [found.get(number) for number, info in scans.items() if info.key == relation]
        bounded = [(longest(each) or 0, each) for each in lookbacks if each is not None]
        if not bounded or len(bounded) < len(lookbacks):
            return PAST
        _, furthest = max(bounded, key=lambda pair: pair[0])
        count, unit = furthest.this.name, str(furthest.args["unit"].name).lower()
        return f"[-{count} {unit}{'' if count == '1' else 's'}, 0]"

    def lookback(self, name: str, output: str) -> Mapping[int, exp.Interval]:
        """How far back each scan of a features model matters, were this the model's only output beside its keys."""
        key = (name, output.casefold())
        if key not in self.lookbacks:
            resolved, checked = self.compiled.checked.resolved[name], self.compiled.checked
            keys, _ = entity_keys(self.compiled.graph.models[name], checked)
            clocks = {n: i.clock.start for n, i in resolved.scans.items() if i.clock and i.clock.kind == "events"}
            alone = only_output(resolved, output, keys) if resolved.tree is not None else resolved
            self.lookbacks[key] = lower_bounds(alone, clocks, keys)
        return self.lookbacks[key]


def only_output(resolved: Resolved, output: str, keys: Sequence[str]) -> Resolved:
    """A model with one output beside its keys, where the others can be left out without changing it."""
    tree, wanted = resolved.tree, {output.casefold(), *(key.casefold() for key in keys)}
    if not isinstance(tree, exp.Select) or output == ROWS or not separable(tree, resolved.aggregates):
        return resolved
    alone = tree.copy()
    alone.set("expressions", [value for value in alone.expressions if value.alias_or_name.casefold() in wanted])
    return replace(resolved, tree=alone)
