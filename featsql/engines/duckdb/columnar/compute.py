"""Compute the features of one plan from arrays: a spine is asked for all nodes at once, and what they answer stands
beside its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import pyarrow
from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.engine import ROW_GROUP, Engine
from featsql.engines.duckdb.arrays.arrow import array, numbers, places
from featsql.engines.duckdb.arrays.memory import kept
from featsql.engines.duckdb.arrays.partitions import Deal, Dealing
from featsql.engines.duckdb.arrays.rows import Integers, Probes
from featsql.engines.duckdb.arrays.take import in_line
from featsql.engines.duckdb.columnar.chosen import read, without
from featsql.engines.duckdb.columnar.fetch import Fetched, fetched
from featsql.engines.duckdb.columnar.latest import Meeting
from featsql.engines.duckdb.columnar.latest_request import Newest
from featsql.engines.duckdb.columnar.questions import GROUP, LINE, Asking, of_signature, signature, with_oldest
from featsql.engines.duckdb.columnar.temporaries import Temporaries
from featsql.engines.duckdb.columnar.window_request import Arrays
from featsql.engines.duckdb.columnar.windows import Measuring
from featsql.engines.duckdb.lower.result_columns import joins
from featsql.plan import names
from featsql.plan.part import FOREVER, RefusedError
from featsql.plan.plan import AsOf, Attach, Met, Over, Plan, Precomputed
from featsql.plan.sharing import shared, together
from featsql.temporal import column

# How many nodes may have rows in memory at once: those of one are aggregated while the engine reads those of the next.
AT_ONCE = 2
# Which share of the rows must be older than what is seen of their keys for the engine to look at each.
UNSEEN = 0.2
# How many rows come at once where they come in order.
STREAMED = 1 << 20
# About how many bytes a number takes, and a value of any other type.
NUMBER, TEXT = 8, 32
Columns = Mapping[str, pyarrow.Array | pyarrow.ChunkedArray]


class Work(Struct):
    """A node of some attachments, and how far the work on it is; None, where arrays have refused it."""

    attachments: Sequence[Attach]
    features: Over | AsOf
    node: Arrays | Newest
    doing: Measuring | Meeting | None = None
    found: Columns | None = None

    @property
    def keys(self) -> Sequence[exp.Expr]:
        """The keys for which the node is asked, over the spine."""
        return self.attachments[0].keys

    @property
    def table(self) -> exp.Table:
        """The relation that is read."""
        return self.features.scan.table if isinstance(self.features, Over) else self.features.table

    def precomputed(self) -> dict[int, Over | AsOf]:
        """The nodes of the attachments, with what was found."""
        found: dict[int, Over | AsOf] = {}
        for attach in self.attachments if self.found is not None else ():
            match self.node, attach.features:
                case Arrays() as node, Over() as features:
                    assert isinstance(self.features, Over)
                    measures = {i: value for i, value in node.values.items() if i in self.features.arrays}
                    found[id(attach)] = replace(features, precomputed=Precomputed(tuple(node.parts.values()), measures))
                case Newest() as node, AsOf() as features:
                    assert isinstance(self.doing, Meeting)
                    found[id(attach)] = replace(features, precomputed=Met(node.hit, node.values, self.doing.tied))
        return found


class Computation:
    """One plan on its way: `asked` is the table of the spine's rows with what they ask."""

    def __init__(self, plan: Plan, temporaries: Temporaries) -> None:
        self.plan = plan
        self.temporaries = temporaries
        self.engine: Engine = temporaries.engine
        # those that take longest first: what is left of them is done while the rows of the others are read
        self.works = sorted(works(plan, temporaries.engine), key=lambda work: isinstance(work.node, Newest))
        self.sizes = {id(work): temporaries.engine.count(work.table) for work in self.works}
        self.dealings: dict[str, Dealing] = {}
        self.asking = Asking(plan, [(work.keys, work.node) for work in self.works])
        self.groups: dict[str, exp.Table] = {}
        self.asked = pyarrow.table({})
        self.rows = 0

    def precomputed(self) -> Plan:
        """The plan with all that could be computed beside its spine's columns. Raises RefusedError, EngineError."""
        for text, keys in self.asking.signatures.items():
            self.groups[text] = self.temporaries.create("__groups", self.asking.groups(keys))
            rows = max(self.sizes[id(work)] for work in self.works if signature(work.keys) == text)
            self.dealings[text] = Dealing(Deal.of(self.engine.count(self.groups[text]), rows))
        self.temporaries.spare(self.need(self.asked_of()))
        asked = self.engine.arrow(self.temporaries.send(self.asking.rows(self.groups)).sql("duckdb"), lossless=True)
        self.asked = in_line(asked, LINE)
        if not len(self.asked):
            raise RefusedError  # there is nothing to compute
        self.temporaries.spare(self.need(self.asked.nbytes))
        workers = int(self.engine.rows("SELECT current_setting('threads')")[0][0])
        with kept(), ThreadPoolExecutor(workers) as pool:
            for i, work in enumerate(self.works):
                for earlier in self.works[: max(i + 1 - AT_ONCE, 0)]:
                    self.end(earlier, pool, workers)
                self.start(work, pool, workers)
            for work in self.works:
                self.end(work, pool, workers)
        found = {key: node for work in self.works for key, node in work.precomputed().items()}
        if not found:
            raise RefusedError
        attachments = (replace(each, features=found.get(id(each), each.features)) for each in self.plan.attachments)
        plan = without(replace(self.plan, attachments=tuple(attachments)))
        return replace(plan, spine=replace(plan.spine, source=self.result_columns(plan), columns=self.asking.columns))

    def asked_of(self) -> int:
        """About how many bytes the rows of the spine take, before they are there."""
        source = self.plan.spine.source
        rows = self.engine.count(source)
        kinds = self.engine.columns(exp.select(*map(column, self.asking.columns)).from_(source.copy()).sql("duckdb"))
        numbers = sum(len(work.node.bounds) + 2 if isinstance(work.node, Arrays) else 2 for work in self.works)
        self.rows = rows
        return rows * (sum(NUMBER if is_number(each.type) else TEXT for each in kinds) + numbers * NUMBER)

    def need(self, asked: int) -> int:
        """About how many bytes all arrays take at once: the rows of the spine, what is found for each, its place, and
        the rows of the nodes that are worked on."""
        found = sum(self.width_of(work) for work in self.works)
        return asked + self.rows * (found + 2 * NUMBER) + AT_ONCE * self.temporaries.room

    def width_of(self, work: Work) -> int:
        """About how many bytes are found by a node for each row of the spine."""
        if isinstance(work.node, Arrays):
            return len(work.node.parts) * (NUMBER + 1)
        assert isinstance(work.features, AsOf)
        kinds = (work.features.relation.type_of(name) or "" for name in work.node.values)
        return sum(NUMBER + 1 if is_number(kind) else TEXT for kind in kinds)

    def result_columns(self, plan: Plan) -> exp.Expr:
        """The rows of the spine with all that was found, for the `plan` of what is left."""
        found = {name: values for work in self.works for name, values in (work.found or {}).items()}
        table = self.temporaries.show("__laid", side_by_side(self.asked.select(self.asking.columns), found))
        if joins(plan):
            # of a frame the engine does not know how many rows it has, and joins it as if these were few
            table = self.temporaries.create("__seats", exp.select(exp.Star()).from_(table))
        own = exp.select(*(column(name) for name in self.asking.columns))
        kinds = [self.engine.columns(own.from_(each.copy()).sql("duckdb")) for each in (self.plan.spine.source, table)]
        other = {mine.name: mine.type for mine, back in zip(*kinds, strict=True) if mine.type != back.type}
        if not other:
            return table
        cast = [exp.cast(column(name), kind, dialect="duckdb").as_(name, quoted=True) for name, kind in other.items()]
        return exp.select(exp.Star(replace=cast)).from_(table).subquery()

    def start(self, work: Work, pool: Executor, workers: int) -> None:
        """Read the rows of a node, if arrays take them, and go on while they are worked on."""
        work.doing = self.temporaries.tried(partial(self.begun, work, pool, workers))

    def begun(self, work: Work, pool: Executor, workers: int) -> Measuring | Meeting:
        """The work on a node, all of whose rows are read. Raises RefusedError, EngineError."""
        groups = self.groups[signature(work.keys)]
        dealing = self.dealings[signature(work.keys)]
        group = self.numbers(of_signature(GROUP, self.asking.place(work.keys)))
        match work.node:
            case Newest() as newest:
                meeting = Meeting(newest, Probes(group, self.numbers(newest.last), {}), pool)
                rows = self.fetched(newest.rows(groups), dealing.deal, work)
                if rows is None:
                    raise RefusedError
                meeting.partition(rows, dealing.places(meeting.probes, pool))
                return meeting
            case Arrays() as arrays:
                bounds = {name: self.numbers(name) for name in arrays.bounds}
                measuring = Measuring(arrays, Probes(group, self.numbers(arrays.last), bounds), pool, workers)
                since, oldest = self.oldest(groups, arrays, measuring.probes)
                rows = self.fetched(arrays.rows(groups, since, oldest, ordered=False), dealing.deal, work)
                if rows is not None:
                    measuring.partition(rows, dealing.places(measuring.probes, pool))
                else:
                    ordered = self.temporaries.send(arrays.rows(groups, since, oldest, ordered=True))
                    measuring.stream(self.engine.batches(ordered.sql("duckdb"), STREAMED))
                return measuring

    def fetched(self, query: exp.Query, deal: Deal, work: Work) -> Fetched | None:
        """The rows of a node's query in partitions; None where they have no room."""
        return fetched(
            self.engine, self.temporaries.send(query).sql("duckdb"), deal, self.sizes[id(work)], self.temporaries.room
        )

    def end(self, work: Work, pool: Executor, workers: int) -> None:
        """Wait for what a node answers; where a state's rows may have been met in place of their twins, ask again for
        what tells them."""
        if work.doing is None or work.found is not None:
            return
        work.found = self.temporaries.tried(work.doing.columns)
        if work.found is None:
            work.doing = None
        elif isinstance(work.node, Newest) and isinstance(work.doing, Meeting) and work.doing.tied > work.node.timed:
            work.node, work.found = replace(work.node, timed=True), None
            self.start(work, pool, workers)
            self.end(work, pool, workers)

    def numbers(self, name: str) -> Integers:
        """A column of whole numbers of the rows of the spine."""
        found: Integers = numbers(self.asked.column(name).combine_chunks()).astype("int64", copy=False)
        return found

    def oldest(self, groups: exp.Table, arrays: Arrays, probes: Probes) -> tuple[int | None, exp.Table | None]:
        """The first microsecond that any window sees, None where that is no instant of these millennia; and the groups
        with the first that is seen of each, where many rows are older, if they are spread evenly until the last probe.
        """
        if not arrays.firsts:
            return None, None
        first = probes.oldest(arrays.firsts, self.engine.count(groups))
        since = int(first.min())
        near = abs(since) < FOREVER // 16
        if near and first.mean() - since <= UNSEEN * (int(probes.last.max()) - since):
            return since, None
        rows = pyarrow.table({GROUP: places(len(first)), names.OLDEST: array(first)})
        return since if near else None, self.temporaries.create(
            "__oldest", with_oldest(groups, self.temporaries.show("__first", rows))
        )


def is_number(kind: str) -> bool:
    """Whether the values of a type take a few bytes each."""
    return not kind.startswith(("VARCHAR", "BLOB", "STRUCT", "MAP", "JSON", "UNION", "BIT", "ENUM")) and "[" not in kind


def side_by_side(given: pyarrow.Table, found: Columns) -> pyarrow.Table:
    """The columns of a spine and what was found for its rows, as many at once as the engine stores together; texts of
    more than two gigabytes, which one array does not hold, in pieces as they came."""
    columns = dict(found)
    for name, values in zip(given.column_names, given.columns, strict=True):
        try:
            columns[name] = values.combine_chunks()
        except pyarrow.ArrowInvalid:
            columns[name] = values
    rows = pyarrow.table({name: columns[name] for name in (*given.column_names, *found)})
    return pyarrow.Table.from_batches(rows.to_batches(ROW_GROUP), rows.schema)


def works(plan: Plan, engine: Engine) -> Iterator[Work]:
    """What arrays are to do for a plan."""
    for position, group in enumerate(together(plan.attachments)):
        models = [each.features for each in group if isinstance(each.features, Over)]
        match shared(models) if len(group) > 1 else group[0].features:
            case Over(arrays=asked) as features if asked:
                yield Work(group, features, read(features, plan, engine, position))
            case AsOf(arrays=True) as features:
                yield Work(group, features, Newest(position, features, plan.boundary))
