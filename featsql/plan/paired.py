"""Lower `Over` by pairs: every probe beside the rows of its widest window, and one aggregate of the pairs.

The work is in the number of pairs, so this is for windows with a lower end; a row is met with a probe
only in the time bucket of the probe or in the one before. What is measured over everything that was
ever known comes from `running`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from sqlglot import exp

from featsql.plan import names
from featsql.plan.microseconds import instants, number
from featsql.plan.over import LAST, Frames
from featsql.plan.plan import Edge, Over, Window
from featsql.plan.running import running
from featsql.resolve.span import behind
from featsql.temporal import Boundary, column

EVENT, ASKING, BUCKET = "__event", "__asking", "__bucket"
MICROSECONDS = 1_000_000
COMPARE: dict[bool, type[exp.Binary]] = {True: exp.GTE, False: exp.LTE}


def reach(window: Window) -> float | None:
    """How far back a window reaches, in seconds; None where nobody knows."""
    found = [back for edge in window if edge.is_lower and (back := behind(edge.bound)) is not None]
    return min(found) if found else None


def is_paired(planned: Over) -> bool:
    """Whether pairs answer a node: each of its windows is of a known length, or is everything."""
    windows = [planned.windows[measure.window] for measure in planned.measures]
    bounded = [window for window in windows if window]
    return bool(bounded) and all(reach(window) is not None for window in bounded)


def paired(planned: Over, probe: str, boundary: Boundary) -> exp.Select:
    """For each probe its instant and keys, and the features."""
    frames = Frames(planned, probe, boundary)
    endless = [i for i, measure in enumerate(planned.measures) if not planned.windows[measure.window]]
    bounded = [i for i in range(len(planned.measures)) if i not in endless]
    asked = [names.AS_OF, *frames.keys]
    query = exp.select(*(column(name, "__bounded") for name in asked))
    query = query.from_(Pairs(planned, bounded, probe, boundary).measured().subquery("__bounded"))
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

    def __init__(self, planned: Over, measures: list[int], probe: str, boundary: Boundary) -> None:
        self.planned = planned
        self.measures = measures
        self.probe = probe
        self.frames = Frames(planned, probe, boundary)
        self.happened = list(instants(planned.scan.relation))[-1]
        widest = max(reach(planned.windows[planned.measures[i].window]) or 0 for i in measures)
        self.width = (math.ceil(widest) + 1) * MICROSECONDS

    def measured(self) -> exp.Select:
        """The measures of each probe. A probe without rows is there once, and nothing of it counts."""
        asked = [column(name, ASKING) for name in (names.AS_OF, *self.frames.keys)]
        query = exp.select(*asked).from_(self.asking().subquery(ASKING))
        for i in self.measures:
            measure = self.planned.measures[i]
            flag = [column(measure.flag, EVENT)] if measure.flag else []
            counts = exp.and_(*self.inside(measure.window), *flag)
            call = exp.Filter(this=of_event(measure.call), expression=exp.Where(this=counts))
            query = query.select(exp.alias_(call, names.part("value", i)))
        query.append("joins", exp.Join(this=self.events().subquery(EVENT), side="LEFT", on=exp.and_(*self.met())))
        return query.group_by(*(each.copy() for each in asked))

    def asking(self) -> exp.Select:
        """The probes with the edges of their windows, each in the two buckets in which its rows may lie."""
        inner = self.frames.bounded(exp.select("*").from_(self.probe))
        own = self.bucket(LAST)
        both = exp.Array(expressions=[own, exp.Sub(this=own.copy(), expression=number(1))])
        return exp.select("*", exp.alias_(exp.Explode(this=both), BUCKET)).from_(inner.subquery("__bounded"))

    def events(self) -> exp.Select:
        """The rows, each in its bucket."""
        rows = self.frames.rows().subquery("__rows")
        return exp.select("*", exp.alias_(self.bucket(self.happened), BUCKET)).from_(rows)

    def bucket(self, name: str) -> exp.Expr:
        """The number of the bucket of an instant, as wide as the lookback."""
        return exp.IntDiv(this=column(name), expression=number(self.width))

    def met(self) -> list[exp.Expr]:
        """What a row that a probe sees has in common with it."""
        shared: list[exp.Expr] = []
        for key, nulls in zip(self.frames.keys, self.planned.match_nulls, strict=True):
            compare = exp.NullSafeEQ if nulls else exp.EQ
            shared.append(compare(this=column(key, EVENT), expression=column(key, ASKING)))
        shared.append(exp.EQ(this=column(BUCKET, EVENT), expression=column(BUCKET, ASKING)))
        shared.append(exp.LTE(this=column(names.ORDER, EVENT), expression=column(LAST, ASKING)))
        return shared

    def inside(self, window: int) -> list[exp.Expr]:
        """What holds of the rows of a window."""
        happened = column(self.happened, EVENT)
        edges = [
            COMPARE[edge.is_lower](this=happened.copy(), expression=column(self.edge(edge), ASKING))
            for edge in self.planned.windows[window]
        ]
        there_ = exp.not_(exp.Is(this=happened, expression=exp.null()))
        return [there_, *edges]

    def edge(self, edge: Edge) -> str:
        """The name of an edge's bound."""
        return names.part("edge", self.frames.edges.index(edge))


def of_event(call: exp.Expr) -> exp.Expr:
    """A measure's call over the columns of a row."""
    moved = call.copy()
    for each in list(moved.find_all(exp.Column)):
        each.set("table", exp.to_identifier(EVENT))
    return moved
