"""Every probe beside the rows that it sees in the widest of its windows: the pairs of an `Over`.

The work is in the number of pairs, so this is for windows with a lower end; a row is met with a probe
only in the time bucket of the probe or in the two before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlglot import exp

from featsql.engines.duckdb.lower.over import LAST, Frames
from featsql.plan import names
from featsql.plan.microseconds import instants, number
from featsql.plan.plan import Edge, reach
from featsql.temporal import column

EVENT, ASKING, BUCKET = "__event", "__asking", "__bucket"
MICROSECONDS = 1_000_000
# How many buckets a lookback spans: more of them fit it better, and each probe is looked up in one more of them.
BUCKETS = 2
COMPARE: dict[bool, type[exp.Binary]] = {True: exp.GTE, False: exp.LTE}


class Pairs:
    """The pairs that some of a node's measures are of. `near` has the rows lie beside those of their key and time,
    which costs a sort of them: where a probe meets many, it is the way through memory that takes the time."""

    def __init__(self, frames: Frames, measures: Sequence[int], *, near: bool = False) -> None:
        self.frames = frames
        self.near = near
        planned = frames.planned
        self.happened = list(instants(planned.scan.relation))[-1]
        self.windows = [planned.windows[i] for i in sorted({planned.measures[i].window for i in measures})]
        widest = max(reach(window) or 0 for window in self.windows)
        self.width = (math.ceil(widest / BUCKETS) + 1) * MICROSECONDS
        # what holds of every window's rows is asked of the pair, and not once more of each measure
        self.shared = [edge for edge in self.windows[0] if all(edge in window for window in self.windows)]

    @property
    def number(self) -> exp.Column:
        """The number of a pair's probe."""
        return column(names.NUMBER, ASKING)

    def met(self) -> exp.Select:
        """The pairs, of which nothing is selected yet."""
        query = exp.Select().from_(self.asking().subquery(ASKING), copy=False)
        query.append("joins", exp.Join(this=self.events().subquery(EVENT), on=exp.and_(*self.meeting())))
        return query

    def asking(self) -> exp.Select:
        """The probes with the edges of their windows, each in all the buckets in which its rows may lie."""
        own = self.bucket(LAST)
        before = [exp.Sub(this=own.copy(), expression=number(i)) for i in range(1, BUCKETS + 1)]
        every = exp.Array(expressions=[own, *before])
        return exp.select(exp.Star(), exp.alias_(exp.Explode(this=every), BUCKET)).from_(self.frames.asking, copy=False)

    def events(self) -> exp.Select:
        """The rows, each in its bucket."""
        rows = self.frames.rows().subquery("__rows")
        query = exp.select(exp.Star(), exp.alias_(self.bucket(self.happened), BUCKET)).from_(rows, copy=False)
        return query.order_by(*(column(key) for key in self.frames.keys), column(self.happened)) if self.near else query

    def bucket(self, name: str) -> exp.Expr:
        """The number of the bucket of an instant; so many of them are as wide as the lookback."""
        return exp.IntDiv(this=column(name), expression=number(self.width))

    def meeting(self) -> list[exp.Expr]:
        """What holds of a probe and a row that it sees in any of its windows."""
        visible = exp.LTE(this=column(names.ORDER, EVENT), expression=column(LAST, ASKING))
        edges = [self.holds(edge) for edge in self.shared]
        if not any(edge.is_lower for edge in self.shared):
            lower = dict.fromkeys(edge for window in self.windows for edge in window if edge.is_lower)
            oldest = exp.func("least", *(column(self.edge(edge), ASKING) for edge in lower))
            edges.append(exp.GTE(this=column(self.happened, EVENT), expression=oldest))
        return [*self.together(), visible, *edges]

    def together(self) -> list[exp.Expr]:
        """What a row that a probe may see has in common with it: the keys and the bucket."""
        shared: list[exp.Expr] = []
        for key, nulls in zip(self.frames.keys, self.frames.planned.match_nulls, strict=True):
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
