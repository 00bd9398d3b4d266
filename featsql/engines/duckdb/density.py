"""Choose how each `Over` of a plan finds its windows, from how many rows a probe of it meets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.engines.duckdb.lower.cells import mergeable
from featsql.engines.duckdb.lower.lower import spine_rows
from featsql.engines.duckdb.lower.pairs import ASKING, BUCKET, EVENT, Pairs
from featsql.engines.duckdb.lower.tables import Parts, asked
from featsql.plan import names
from featsql.plan.instants import asked_instant
from featsql.plan.microseconds import is_prompt
from featsql.plan.plan import Attach, Measure, Method, Over, Plan
from featsql.temporal import column

# Measured, in microseconds of one core. What a join spends on a row or probe, and on a pair: on the pair itself, which
# is further away where the rows lie as they come, on its cell, on each measure of it.
MET, PAIR, FAR, CELL, MEASURE = 0.4, 0.004, 0.05, 0.01, 0.004
# What a sort spends on a row or probe, and on each frame of it.
SORTED, FRAME = 0.45, 0.22
# From how many pairs for each row it pays to put the rows in order before they are joined.
NEAR = 2
# How many of the probes a late row makes doubtful, where rows can be late; nobody counts them.
LATE = 0.5
PROBES, ROWS = "__probes", "__rows"


class Kept(Struct, frozen=True):
    """What an aggregate costs that keeps more of its rows than a number, beside what the others do: of each pair of
    a join, of each frame of a sort, and of each row in such a frame."""

    pair: float = 0.0
    frame: float = 0.0
    value: float = 0.0


NUMBER, LIST, SET, ORDER = Kept(), Kept(pair=0.12, value=1.5), Kept(pair=0.12, frame=0.5), Kept(pair=0.05, frame=0.85)
LISTS = (exp.ArrayAgg, exp.GroupConcat)
ORDERED = (exp.Median, exp.PercentileCont, exp.PercentileDisc, exp.Mode, exp.ApproxDistinct, exp.Anonymous)


def kept(call: exp.Expr) -> Kept:
    """What an aggregate keeps of its rows."""
    if isinstance(call, LISTS):
        return LIST
    if call.find(exp.Distinct):
        return SET
    return ORDER if isinstance(call, ORDERED) else NUMBER


class Density(Struct, frozen=True):
    """What finding the windows of one model costs: the pairs that a join makes, and the rows and probes that
    a join reads or a sort has to order."""

    pairs: int
    rows: int

    def method(self, features: Over) -> Method:
        """What is cheapest for a model."""
        join, sort = self.joined(features), self.framed(features.measures)
        clock = features.scan.relation.clock
        # what a sort finds doubtful, because rows can be late, is joined after all
        if join > sort + (0 if clock is not None and is_prompt(clock) else LATE * join):
            return "sort"
        return "near join" if self.pairs > NEAR * self.rows else "join"

    def joined(self, features: Over) -> float:
        """What a join costs, with a sort of its own for what is measured over everything."""
        merged = mergeable(features)
        shapes = {(features.measures[i].call, features.measures[i].flag) for i in merged}
        alone = [features.measures[i].call for i in features.bounded if i not in merged]
        pair = PAIR + CELL * bool(merged) + MEASURE * (len(shapes) + len(alone)) + sum(kept(c).pair for c in alone)
        # to put the rows in order costs as much as NEAR pairs of each that are far away
        pairs = self.pairs * pair + min(self.pairs, NEAR * self.rows) * FAR
        endless = [features.measures[i] for i in features.endless]
        return self.rows * MET + pairs + (self.framed(endless) if endless else 0)

    def framed(self, measures: Sequence[Measure]) -> float:
        """What a sort for some measures costs; those of several windows that differ in nothing else share a frame."""
        calls = [kept(call) for call, _ in {(measure.call, measure.flag) for measure in measures}]
        values = self.pairs * sum(call.value for call in calls)
        return values + self.rows * (SORTED + sum(FRAME + call.frame for call in calls))


def chosen(plan: Plan, ask: Callable[[str], list[tuple[Any, ...]]]) -> Plan:
    """The plan with the cheaper method for each model that can have both; `ask` answers a query."""
    query = densities(plan)
    if query is None:
        return plan
    found = {position: Density(pairs or 0, rows or 0) for position, pairs, rows in ask(query.sql("duckdb"))}
    return replace(plan, attachments=tuple(decided(each, i, found) for i, each in enumerate(plan.attachments)))


def decided(attach: Attach, position: int, found: Mapping[int, Density]) -> Attach:
    """One attachment by the method that its density asks for."""
    density, features = found.get(position), attach.features
    if density is None or not isinstance(features, Over):
        return attach
    counts = f"{density.pairs:,} pairs for {density.rows:,} rows and probes"
    method = density.method(features)
    arrays = frozenset[int]() if method == "sort" else features.arrays
    reason = f"{features.reason}; {counts}"
    return replace(attach, features=replace(features, method=method, arrays=arrays, reason=reason))


def densities(plan: Plan) -> exp.Query | None:
    """The query that counts, for each attachment that has the choice: its position, pairs, rows and probes."""
    parts = Parts(plan.boundary)
    parts.add(names.SPINE, spine_rows(plan))
    counts: list[exp.Query] = []
    for position, attach in enumerate(plan.attachments):
        features = attach.features
        if isinstance(features, Over) and features.precomputed is None and features.joinable and features.bounded:
            as_of = asked_instant(features, plan.spine, plan.boundary)
            probe = parts.probe(attach.keys, as_of, plan.spine.alias)
            counts.append(counted(position, Pairs(asked(features, probe, parts), features.bounded)))
    if not counts:
        return None
    every = exp.union(*counts, distinct=False) if len(counts) > 1 else counts[0]
    return parts.around(exp.select(exp.Star()).from_(every.subquery("__densities"), copy=False))


def counted(position: int, pairs: Pairs) -> exp.Select:
    """The density of one model, from the sizes of its buckets of time."""
    keys = pairs.frames.keys
    asking = sizes(pairs.asking(), keys, PROBES).subquery(ASKING)
    events = sizes(pairs.events(), keys, ROWS).subquery(EVENT)
    p, r = column(PROBES, ASKING), column(ROWS, EVENT)
    both = [exp.Sum(this=exp.Mul(this=p, expression=r)), exp.Sum(this=exp.Add(this=p.copy(), expression=r.copy()))]
    cast = [exp.cast(total, "bigint") for total in both]
    query = exp.select(exp.Literal.number(position), *cast).from_(asking, copy=False)
    query.append("joins", exp.Join(this=events, on=exp.and_(*pairs.together())))
    return query


def sizes(rows: exp.Select, keys: list[str], name: str) -> exp.Select:
    """How many rows lie in each bucket of each key."""
    grouping = [column(each) for each in (*keys, BUCKET)]
    count = exp.alias_(exp.Count(this=exp.Star()), name)
    return (
        exp.select(*grouping, count)
        .from_(rows.subquery("__sized"), copy=False)
        .group_by(*(each.copy() for each in grouping), copy=False)
    )
