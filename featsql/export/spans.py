"""How far from `as_of()` the rows of what is read can act, for each edge, in words."""

from __future__ import annotations

from featsql.compiler import Compiled
from featsql.plan.plan import Lifted
from featsql.resolve.graph import model_key
from featsql.resolve.lineage import Edge
from featsql.resolve.span import longest

SAME = "[0, 0]"
PAST = "(-∞, 0]"
ALWAYS = "(-∞, ∞)"


class Spans:
    """The interval of every edge, relative to the instant that is asked about; one that is closed at its left end
    may be an instant wider than need be. Where a model has no such instant there is none."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.known = {
            (relation, model_key(name)): self.between(relation, name)
            for name in compiled.graph.models
            for relation in compiled.graph.parents[model_key(name)]
        }

    def of(self, edge: Edge) -> str | None:
        """The interval of an edge."""
        return self.known.get((edge.relation, model_key(edge.model)))

    def between(self, relation: str, name: str) -> str | None:
        """The interval in which rows of a relation can act on a model that reads it."""
        kind = self.compiled.graph.models[name].config.kind
        read = self.compiled.graph.models.get(relation.partition(":")[2]) if relation.startswith("model:") else None
        clock = self.compiled.checked.catalog.relations[relation].clock
        if kind == "plain":
            return None
        if kind == "labels" or (clock is not None and clock.kind == "static"):
            return ALWAYS
        if read is not None and read.config.kind in {"features", "labels"}:
            return SAME
        return self.looking_back(relation, name) if kind == "features" else PAST

    def looking_back(self, relation: str, name: str) -> str:
        """How far back a features model needs a relation that it reads."""
        plan = self.compiled.plans[name]
        if not isinstance(plan, Lifted):
            return PAST
        lookbacks = [scan.lookback for scan in plan.scans.values() if scan.relation.key == relation]
        bounded = [(longest(each) or 0, each) for each in lookbacks if each is not None]
        if not bounded or len(bounded) < len(lookbacks):
            return PAST
        _, furthest = max(bounded, key=lambda pair: pair[0])
        count, unit = furthest.this.name, str(furthest.args["unit"].name).lower()
        return f"[-{count} {unit}{'' if count == '1' else 's'}, 0]"
