"""Choose how each `Over` of a plan finds its windows, from how many rows a probe of it meets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from featsql.plan import names
from featsql.plan.lower import Parts, numbered
from featsql.plan.paired import ASKING, BUCKET, EVENT, Pairs
from featsql.plan.plan import Attach, Measure, Method, Over, Plan
from featsql.temporal import column

# Measured, in microseconds of one core: a pair that a join makes, and each measure of it; a row or probe that
# a sort orders, and each frame of it. The measures of several windows that differ in nothing else share a frame.
PAIR, MEASURE = 0.06, 0.012
ROW, FRAME = 0.25, 0.2
PROBES, ROWS = "__probes", "__rows"


@dataclass(frozen=True, slots=True)
class Density:
    """What finding the windows of one model costs: the pairs that a join makes, and the rows and probes that
    a sort has to order."""

    pairs: int
    rows: int

    def method(self, measures: Sequence[Measure]) -> Method:
        """What is cheaper for these measures."""
        frames = {(measure.call, measure.flag) for measure in measures}
        join = self.pairs * (PAIR + MEASURE * len(measures))
        return "sort" if join > self.rows * (ROW + FRAME * len(frames)) else "join"


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
    method = density.method([features.measures[i] for i in features.bounded])
    return replace(attach, features=replace(features, method=method, reason=f"{features.reason}; {counts}"))


def densities(plan: Plan) -> exp.Query | None:
    """The query that counts, for each attachment that has the choice: its position, pairs, rows and probes."""
    parts = Parts(plan.boundary)
    parts.add(names.SPINE, numbered(plan))
    counts: list[exp.Query] = []
    for position, attach in enumerate(plan.attachments):
        if isinstance(attach.features, Over) and attach.features.joinable:
            as_of = column(plan.spine.as_of, plan.spine.alias)
            probe = parts.probe(attach.keys, as_of, plan.spine.alias)
            counts.append(counted(position, Pairs(attach.features, attach.features.bounded, probe, plan.boundary)))
    if not counts:
        return None
    every = exp.union(*counts, distinct=False) if len(counts) > 1 else counts[0]
    return parts.around(exp.select("*").from_(every.subquery("__densities")))


def counted(position: int, pairs: Pairs) -> exp.Select:
    """The density of one model, from the sizes of its buckets of time."""
    keys = pairs.frames.keys
    asking = sizes(pairs.asking(), keys, PROBES).subquery(ASKING)
    events = sizes(pairs.events(), keys, ROWS).subquery(EVENT)
    p, r = column(PROBES, ASKING), column(ROWS, EVENT)
    both = [exp.Sum(this=exp.Mul(this=p, expression=r)), exp.Sum(this=exp.Add(this=p.copy(), expression=r.copy()))]
    cast = [exp.cast(total, "bigint") for total in both]
    query = exp.select(exp.Literal.number(position), *cast).from_(asking)
    query.append("joins", exp.Join(this=events, on=exp.and_(*pairs.together())))
    return query


def sizes(rows: exp.Select, keys: list[str], name: str) -> exp.Select:
    """How many rows lie in each bucket of each key."""
    grouping = [column(each) for each in (*keys, BUCKET)]
    count = exp.alias_(exp.Count(this=exp.Star()), name)
    return exp.select(*grouping, count).from_(rows.subquery("__sized")).group_by(*(each.copy() for each in grouping))
