"""Compute from arrays what they can give of a plan's features, and lay it down in tables of the session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from sqlglot import exp

from featsql.arrays.part import RefusedError
from featsql.engine import Engine, EngineError
from featsql.plan import names
from featsql.plan.arrays import Arrays, numbered_groups, types
from featsql.plan.lower import Parts, numbered
from featsql.plan.microseconds import FOREVER
from featsql.plan.newest import Newest, findable
from featsql.plan.over import Frames
from featsql.plan.plan import AsOf, Attach, Laid, Lifted, Met, Over, Plan
from featsql.plan.sharing import shared, together
from featsql.resolve.describe import three_part
from featsql.temporal import column

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T")
# From how many rows and probes on arrays are worth their start.
LEAST = 200_000
# How many times the memory that the engine may take must hold what lies there at once.
ROOMS = 8
# Makes a query read other relations than those that it names.
Send = Callable[[exp.Query], exp.Query]


def unmoved(query: exp.Query) -> exp.Query:
    """The query as it is."""
    return query


def arranged(plan: Plan, engine: Engine) -> Plan:
    """The plan with that marked which arrays are to give: all that they can, where there are many rows."""
    asked: int | None = None
    attachments = list(plan.attachments)
    for i, attach in enumerate(attachments):
        features = attach.features
        if isinstance(features, Lifted):
            continue
        asked = engine.count(plan.spine.source) if asked is None else asked
        table = features.scan.table if isinstance(features, Over) else features.table
        if asked + engine.count(table) >= LEAST:
            attachments[i] = replace(attach, features=marked(features, engine, plan))
    return replace(plan, attachments=tuple(attachments))


def marked(features: Over | AsOf, engine: Engine, plan: Plan) -> Over | AsOf:
    """A node with what arrays can give; if what is left cannot be joined, without."""
    if isinstance(features, AsOf):
        return replace(features, arrays=findable(features, plan.spine.as_of_type))
    given = frozenset(read(features, Frames(features, "__asking", plan.boundary), engine).values)
    arranged = replace(features, arrays=given)
    return arranged if given and arranged.joinable else features


def read(features: Over, frames: Frames, engine: Engine) -> Arrays:
    """The parts of a node's measures, by the types that the engine gives them."""
    return Arrays(frames, engine.columns(types(features, frames).sql("duckdb")))


@dataclass(frozen=True, slots=True)
class Sought:
    """The newest rows of a state, and whether one of them has a twin, as soon as they are found."""

    wanted: Newest
    rows: Future[tuple[pyarrow.Table, bool]]


@dataclass
class Desk:
    """The tables of one plan; they are dropped when the work on it ends, well or not. `send` tells which relations are
    read for them, `refused` whether arrays refused anything."""

    engine: Engine
    send: Send = unmoved
    tables: list[exp.Table] = field(default_factory=list)
    asked: dict[str, tuple[exp.Table, exp.Table]] = field(default_factory=dict)
    refused: bool = False

    @cached_property
    def room(self) -> int:
        """How many bytes of rows may lie in memory at once: to put them in order takes as much again, and the engine
        needs room, too."""
        from featsql.run.fetch import memory_limit  # it loads NumPy, which most commands do without

        return memory_limit(self.engine) // ROOMS

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
        self.asked.clear()

    def laid(self, plan: Plan) -> Plan:
        """The plan with all that comes from arrays computed; what they refuse is left to the query."""
        found: dict[int, Over | AsOf] = {}
        with ThreadPoolExecutor(1) as pool:
            sought = self.sought(plan, pool)
            for group in together(plan.attachments):
                models = {id(each): each.features for each in group if isinstance(each.features, Over)}
                if any(model.arrays for model in models.values()):
                    found |= self.with_measures(models, group[0].keys, plan)
            for attach, each in sought:
                assert isinstance(attach.features, AsOf)
                laid = None if each is None else self.tried(partial(self.meet, each, attach, plan, pool))
                found[id(attach)] = replace(attach.features, arrays=laid is not None, laid=laid)
        attachments = (replace(each, features=found.get(id(each), each.features)) for each in plan.attachments)
        return replace(plan, attachments=tuple(attachments))

    def sought(self, plan: Plan, pool: Executor) -> list[tuple[Attach, Sought | None]]:
        """The states whose newest rows come from arrays: those of one are found while the engine reads the next."""
        found: list[tuple[Attach, Sought | None]] = []
        for attach in plan.attachments:
            if isinstance(attach.features, AsOf) and attach.features.arrays:
                wait([each.rows for _, each in found[:-1] if each is not None])  # two at most have rows in memory
                found.append((attach, self.tried(partial(self.seek, attach, plan, pool))))
        return found

    def tried(self, work: Callable[[], T]) -> T | None:
        """What work gives; None where arrays refuse it, or stumble: then the query says itself what is wrong, and
        where."""
        try:
            return work()
        except (RefusedError, EngineError):
            self.refused = True
            return None

    def with_measures(self, models: Mapping[int, Over], keys: Sequence[exp.Expr], plan: Plan) -> dict[int, Over]:
        """Models that share one node, by number, with their measures computed."""
        whole = shared(list(models.values())) if len(models) > 1 else next(iter(models.values()))
        laid = self.tried(partial(self.lay, whole, keys, plan))
        if laid is None:
            return {each: replace(features, arrays=frozenset()) for each, features in models.items()}
        return {each: replace(features, laid=laid) for each, features in models.items()}

    def probes(self, keys: Sequence[exp.Expr], plan: Plan) -> tuple[exp.Select, Parts]:
        """The query of the distinct instants and keys that a spine asks about, and its common table expressions."""
        parts = Parts(plan.boundary)
        parts.add(names.SPINE, numbered(plan))
        name = parts.probe(keys, column(plan.spine.as_of, plan.spine.alias), plan.spine.alias)
        return exp.select(exp.Star()).from_(name), parts

    def create(self, name: str, query: exp.Query) -> exp.Table:
        """A new table of a query's rows."""
        table = self.table(name)
        self.engine.create_as("OR REPLACE TEMP TABLE", table, self.send(query).sql("duckdb"))
        return table

    def lay(self, features: Over, keys: Sequence[exp.Expr], plan: Plan) -> Laid:
        """The measures of one node for all that the spine asks. Raises RefusedError."""
        from featsql.run.measure import measured

        asking = self.table("__asking")
        arrays = read(features, Frames(features, asking.sql("duckdb"), plan.boundary), self.engine)
        probes, parts = self.probes(keys, plan)
        bounded = self.send(parts.around(arrays.frames.bounded(probes)))
        self.engine.create_as("OR REPLACE TEMP TABLE", asking, bounded.sql("duckdb"))
        groups = self.create("__groups", arrays.groups())
        since = self.oldest(groups)

        def reading(ordered: bool) -> exp.Query:
            return self.send(arrays.rows(groups, since, ordered=ordered))

        table = measured(arrays, arrays.probes(groups), reading, self.engine, self.room)
        values = self.table("__values")
        self.engine.ingest(values, table.to_reader(), {})
        return Laid(asking, values, {i: value for i, value in arrays.values.items() if i in features.arrays})

    def oldest(self, groups: exp.Table) -> int | None:
        """The first microsecond that any window sees; None where that is no instant of these millennia."""
        oldest = exp.select(exp.Min(this=column(names.OLDEST))).from_(groups.copy())
        ((since,),) = self.engine.rows(oldest.sql("duckdb"))
        return int(since) if since is not None and abs(since) < FOREVER // 16 else None

    def seek(self, attach: Attach, plan: Plan, pool: Executor, *, timed: bool = False) -> Sought:
        """Read the rows of a state, and have the newest found for all that the spine asks. Raises RefusedError."""
        from featsql.run import newest

        assert isinstance(attach.features, AsOf)
        asking, groups = self.numbered(attach.keys, plan)
        wanted = Newest(attach.features, asking, plan.boundary, timed)
        read = newest.read(wanted.probes(groups), self.send(wanted.rows(groups)), self.engine, self.room)
        return Sought(wanted, pool.submit(newest.newest, *read))

    def meet(self, sought: Sought, attach: Attach, plan: Plan, pool: Executor) -> Met:
        """The newest rows of a state for all that the spine asks. Raises RefusedError."""
        table, tied = sought.rows.result()
        if tied and not sought.wanted.timed:
            return self.meet(self.seek(attach, plan, pool, timed=True), attach, plan, pool)
        values = self.table("__values")
        self.engine.ingest(values, table.to_reader(), {})
        return Met(sought.wanted.asking, values, sought.wanted.values, tied)

    def numbered(self, keys: Sequence[exp.Expr], plan: Plan) -> tuple[exp.Table, exp.Table]:
        """The tables of the numbered instants and keys that a spine asks about, and of the keys alone: the same ones
        for every state with these keys."""
        signature = ", ".join(key.sql("duckdb") for key in keys)
        if signature not in self.asked:
            probes, parts = self.probes(keys, plan)
            number = exp.alias_(exp.Window(this=exp.RowNumber()), names.NUMBER)
            asking = self.create("__asking", parts.around(probes.select(number)))
            columns = [column(names.key(i)) for i in range(len(keys))]
            distinct = exp.select(*columns).distinct(copy=False).from_(asking.copy(), copy=False)
            self.asked[signature] = asking, self.create("__groups", numbered_groups(distinct))
        return self.asked[signature]
