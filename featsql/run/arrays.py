"""Compute from arrays what they can give of a plan's features, and lay it down in tables of the session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from featsql.arrays.part import RefusedError
from featsql.engine import Engine, EngineError
from featsql.plan import names
from featsql.plan.arrays import Arrays, types
from featsql.plan.lower import Parts, numbered
from featsql.plan.over import Frames
from featsql.plan.plan import Laid, Over, Plan
from featsql.plan.sharing import shared, together
from featsql.resolve.describe import three_part
from featsql.temporal import column

# From how many rows and probes on arrays are worth their start.
LEAST = 200_000
# Makes a query read other relations than those that it names.
Send = Callable[[exp.Query], exp.Query]


def unmoved(query: exp.Query) -> exp.Query:
    """The query as it is."""
    return query


def arranged(plan: Plan, engine: Engine) -> Plan:
    """The plan with those measures marked that arrays are to give: all that they can, where there are many rows."""
    asked: int | None = None
    attachments = list(plan.attachments)
    for i, attach in enumerate(attachments):
        if not isinstance(attach.features, Over):
            continue
        asked = engine.count(plan.spine.source) if asked is None else asked
        if asked + engine.count(attach.features.scan.table) >= LEAST:
            attachments[i] = replace(attach, features=marked(attach.features, engine, plan))
    return replace(plan, attachments=tuple(attachments))


def marked(features: Over, engine: Engine, plan: Plan) -> Over:
    """A node with the measures that arrays can give; if what is left cannot be joined, without."""
    given = frozenset(read(features, Frames(features, "__asking", plan.boundary), engine).values)
    arranged = replace(features, arrays=given)
    return arranged if given and arranged.joinable else features


def read(features: Over, frames: Frames, engine: Engine) -> Arrays:
    """The parts of a node's measures, by the types that the engine gives them."""
    return Arrays(frames, engine.columns(types(features, frames).sql("duckdb")))


@dataclass
class Desk:
    """The tables of one plan; they are dropped when the work on it ends, well or not. `send` tells which relations are
    read for them, `refused` whether arrays refused anything."""

    engine: Engine
    send: Send = unmoved
    tables: list[exp.Table] = field(default_factory=list)
    refused: bool = False

    def table(self, name: str) -> exp.Table:
        """A new table's name."""
        self.tables.append(three_part("temp", "main", f"{name}_{len(self.tables)}"))
        return self.tables[-1]

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *raised: object) -> None:
        for table in self.tables:
            self.engine.execute(exp.Drop(tables=[table], kind="TABLE", exists=True).sql("duckdb"))
        self.tables.clear()

    def laid(self, plan: Plan) -> Plan:
        """The plan with all that comes from arrays computed; what they refuse is left to the query."""
        found: dict[int, Over] = {}
        for group in together(plan.attachments):
            models = {id(each): each.features for each in group if isinstance(each.features, Over)}
            if not any(features.arrays for features in models.values()):
                continue
            whole = shared(list(models.values())) if len(models) > 1 else next(iter(models.values()))
            try:
                laid = self.lay(whole, group[0].keys, plan)
            except (RefusedError, EngineError):
                # the query says itself what is wrong, and where
                self.refused = True
                found |= {each: replace(features, arrays=frozenset()) for each, features in models.items()}
            else:
                found |= {each: replace(features, laid=laid) for each, features in models.items()}
        attachments = (replace(each, features=found.get(id(each), each.features)) for each in plan.attachments)
        return replace(plan, attachments=tuple(attachments))

    def lay(self, features: Over, keys: Sequence[exp.Expr], plan: Plan) -> Laid:
        """The measures of one node for all that the spine asks. Raises RefusedError."""
        from featsql.run.measure import measured  # it loads NumPy, which most commands do without

        asking, groups, values = (self.table(name) for name in ("__asking", "__groups", "__values"))
        arrays = read(features, Frames(features, asking.sql("duckdb"), plan.boundary), self.engine)
        probe = Parts(plan.boundary)
        probe.add(names.SPINE, numbered(plan))
        name = probe.probe(keys, column(plan.spine.as_of, plan.spine.alias), plan.spine.alias)
        bounded = probe.around(arrays.frames.bounded(exp.select("*").from_(name)))
        self.engine.create_as("OR REPLACE TEMP TABLE", asking, self.send(bounded).sql("duckdb"))
        self.engine.create_as("OR REPLACE TEMP TABLE", groups, arrays.groups().sql("duckdb"))
        rows = self.send(arrays.rows(groups))
        self.engine.ingest(values, measured(arrays, arrays.probes(groups), rows, self.engine).to_reader(), {})
        return Laid(asking, values, {i: value for i, value in arrays.values.items() if i in features.arrays})
