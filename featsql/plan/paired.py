"""Lower `Over` by pairs: every probe beside the rows of its widest window, and one aggregate of the pairs.

The work is in the number of pairs, so this is for windows with a lower end; a row is met with a probe
only in the time bucket of the probe or in the two before. What is measured over everything that was
ever known comes from `running`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sqlglot import exp

from featsql.plan import names
from featsql.plan.measures import BLIND
from featsql.plan.microseconds import instants, number
from featsql.plan.over import LAST, Frames
from featsql.plan.plan import Edge, Over, reach
from featsql.plan.running import running
from featsql.temporal import Boundary, column

EVENT, ASKING, BUCKET = "__event", "__asking", "__bucket"
MICROSECONDS = 1_000_000
# How many buckets a lookback spans: more of them fit it better, and each probe is looked up in one more of them.
BUCKETS = 2
COMPARE: dict[bool, type[exp.Binary]] = {True: exp.GTE, False: exp.LTE}


def paired(planned: Over, probe: str, boundary: Boundary) -> exp.Select:
    """For each probe its instant and keys, and the features."""
    frames = Frames(planned, probe, boundary)
    endless = [i for i in range(len(planned.measures)) if i not in planned.bounded]
    asked = [names.AS_OF, *frames.keys]
    query = exp.select(*(column(name, "__bounded") for name in asked))
    query = query.from_(Pairs(planned, planned.bounded, probe, boundary).measured().subquery("__bounded"))
    if endless:
        same = [exp.NullSafeEQ(this=column(name, "__bounded"), expression=column(name, "__running")) for name in asked]
        rest = running(planned, endless, probe, boundary).subquery("__running")
        query.append("joins", exp.Join(this=rest, on=exp.and_(*same)))
    tables = {
        names.part("value", i): "__running" if i in endless else "__bounded" for i in range(len(planned.measures))
    }
    for name, value in planned.outputs:
        output = placed(frames.output(value), {**tables, **dict.fromkeys(asked, "__bounded")})
        query.append("expressions", exp.alias_(output, name, quoted=True))
    return query


def placed(value: exp.Expr, tables: Mapping[str, str]) -> exp.Expr:
    """An expression whose columns say of which table they are."""
    for each in list(value.find_all(exp.Column)):
        each.set("table", exp.to_identifier(tables[each.name]))
    return value


class Pairs:
    """The parts of the query of some of a node's measures for a probe."""

    def __init__(self, planned: Over, measures: Sequence[int], probe: str, boundary: Boundary) -> None:
        self.planned = planned
        self.measures = measures
        self.probe = probe
        self.frames = Frames(planned, probe, boundary)
        self.happened = list(instants(planned.scan.relation))[-1]
        self.windows = sorted({planned.measures[i].window for i in measures})
        widest = max(reach(planned.windows[i]) or 0 for i in self.windows)
        self.width = (math.ceil(widest / BUCKETS) + 1) * MICROSECONDS
        # what holds of every window's rows is asked of the pair, and not once more of each measure
        self.shared = [edge for edge in planned.windows[0] if all(edge in planned.windows[i] for i in self.windows)]

    def measured(self) -> exp.Select:
        """The measures of each probe. A probe without rows is there once, and nothing of it counts."""
        asked = [column(name, ASKING) for name in (names.AS_OF, *self.frames.keys)]
        query = exp.select(*asked).from_(self.asking().subquery(ASKING))
        for i in self.measures:
            query = query.select(exp.alias_(self.measure(i), names.part("value", i)))
        query.append("joins", exp.Join(this=self.events().subquery(EVENT), side="LEFT", on=exp.and_(*self.met())))
        return query.group_by(*(each.copy() for each in asked))

    def measure(self, position: int) -> exp.Expr:
        """A measure of the pairs that its window holds."""
        measure = self.planned.measures[position]
        call = of_event(measure.call)
        counts = [self.holds(e) for e in self.planned.windows[measure.window] if e not in self.shared]
        if measure.flag:
            counts.append(column(measure.flag, EVENT))
        if not counts and isinstance(call, BLIND):
            return call
        there_ = exp.not_(exp.Is(this=column(self.happened, EVENT), expression=exp.null()))
        return exp.Filter(this=call, expression=exp.Where(this=exp.and_(there_, *counts)))

    def asking(self) -> exp.Select:
        """The probes with the edges of their windows, each in all the buckets in which its rows may lie."""
        inner = self.frames.bounded(exp.select("*").from_(self.probe))
        own = self.bucket(LAST)
        before = [exp.Sub(this=own.copy(), expression=number(i)) for i in range(1, BUCKETS + 1)]
        every = exp.Array(expressions=[own, *before])
        return exp.select("*", exp.alias_(exp.Explode(this=every), BUCKET)).from_(inner.subquery("__bounded"))

    def events(self) -> exp.Select:
        """The rows, each in its bucket."""
        rows = self.frames.rows().subquery("__rows")
        return exp.select("*", exp.alias_(self.bucket(self.happened), BUCKET)).from_(rows)

    def bucket(self, name: str) -> exp.Expr:
        """The number of the bucket of an instant; so many of them are as wide as the lookback."""
        return exp.IntDiv(this=column(name), expression=number(self.width))

    def met(self) -> list[exp.Expr]:
        """What holds of a probe and a row that it sees in any of its windows."""
        visible = exp.LTE(this=column(names.ORDER, EVENT), expression=column(LAST, ASKING))
        edges = [self.holds(edge) for edge in self.shared]
        if not any(edge.is_lower for edge in self.shared):
            lower = dict.fromkeys(e for i in self.windows for e in self.planned.windows[i] if e.is_lower)
            oldest = exp.func("least", *(column(self.edge(edge), ASKING) for edge in lower))
            edges.append(exp.GTE(this=column(self.happened, EVENT), expression=oldest))
        return [*self.together(), visible, *edges]

    def together(self) -> list[exp.Expr]:
        """What a row that a probe may see has in common with it: the keys and the bucket."""
        shared: list[exp.Expr] = []
        for key, nulls in zip(self.frames.keys, self.planned.match_nulls, strict=True):
            compare = exp.NullSafeEQ if nulls else exp.EQ
            shared.append(compare(this=column(key, EVENT), expression=column(key, ASKING)))
        shared.append(exp.EQ(this=column(BUCKET, EVENT), expression=column(BUCKET, ASKING)))
        return shared

    def holds(self, edge: Edge) -> exp.Expr:
        """Whether a row is on the side of an edge where the window is."""
        return COMPARE[edge.is_lower](this=column(self.happened, EVENT), expression=column(self.edge(edge), ASKING))

    def edge(self, edge: Edge) -> str:
        """The name of an edge's bound."""
        return names.part("edge", self.frames.edges.index(edge))


def of_event(call: exp.Expr) -> exp.Expr:
    """A measure's call over the columns of a row."""
    moved = call.copy()
    for each in list(moved.find_all(exp.Column)):
        each.set("table", exp.to_identifier(EVENT))
    return moved
