"""Lower `Over` where windows are short: every probe beside the rows of its widest window, and one aggregate of the pairs.

The work is in the number of pairs, so this is for windows with a lower end; a row is met with a probe
only in the time bucket of the probe or in the one before.
"""

from __future__ import annotations

from sqlglot import exp

from featsql.plan import names
from featsql.plan.lift import width
from featsql.plan.microseconds import number
from featsql.plan.over import LAST, Frames
from featsql.plan.plan import Over
from featsql.temporal import Boundary, column

EVENT, ASKING = "__event", "__asking"
BUCKET = "__bucket"
MICROSECONDS = 1_000_000


def is_paired(planned: Over) -> bool:
    """Whether a node is answered by pairs: its windows have a lower end of fixed length."""
    return planned.scan.lookback is not None and width(planned.scan.lookback) is not None


def paired(planned: Over, probe: str, boundary: Boundary) -> exp.Select:
    """For each probe its instant and keys, and the features."""
    pairs = Pairs(planned, probe, boundary)
    keys = [column(key) for key in pairs.frames.keys]
    query = exp.select(column(names.AS_OF), *(key.copy() for key in keys))
    for name, value in planned.outputs:
        query.append("expressions", exp.alias_(pairs.frames.output(name, value), name, quoted=True))
    return query.from_(pairs.aggregated().subquery("__measured"))


class Pairs:
    """The parts of the query of one node for a probe."""

    def __init__(self, planned: Over, probe: str, boundary: Boundary) -> None:
        self.planned = planned
        self.frames = Frames(planned, probe, boundary)
        assert planned.scan.lookback is not None
        self.width = (width(planned.scan.lookback) or 0) * MICROSECONDS

    def aggregated(self) -> exp.Select:
        """The measures of each probe: a probe without rows is there once, and nothing of it counts."""
        asked = [column(name, ASKING) for name in (names.AS_OF, *self.frames.keys)]
        query = exp.select(*asked)
        for i, measure in enumerate(self.planned.measures):
            counts = [self.inside(measure.window)]
            if measure.flag:
                counts.append(column(measure.flag, EVENT))
            call = exp.Filter(this=of_event(measure.call), expression=exp.Where(this=exp.and_(*counts)))
            query = query.select(exp.alias_(call, names.part("value", i)))
        rows, met = self.events().subquery(EVENT), exp.and_(*self.met())
        query = query.from_(self.asking().subquery(ASKING))
        query.append("joins", exp.Join(this=rows, side="LEFT", on=met))
        return query.group_by(*(each.copy() for each in asked))

    def asking(self) -> exp.Select:
        """The probes with their bounds, each in the two buckets in which its rows may lie."""
        asking = self.frames.asking()
        own = bucket(column(LAST), self.width)
        before = exp.Sub(this=own.copy(), expression=number(1))
        both = exp.Explode(this=exp.Array(expressions=[own, before]))
        return exp.select("*", exp.alias_(both, BUCKET)).from_(asking.subquery("__bounded"))

    def events(self) -> exp.Select:
        """The rows with their bucket."""
        place = exp.alias_(bucket(column(names.HAPPENED), self.width), BUCKET)
        return exp.select("*", place).from_(self.frames.rows().subquery("__rows"))

    def met(self) -> list[exp.Expr]:
        """What a probe and a row have in common."""
        shared = []
        for key, nulls in zip(self.frames.keys, self.planned.match_nulls, strict=True):
            compare = exp.NullSafeEQ if nulls else exp.EQ
            shared.append(compare(this=column(key, EVENT), expression=column(key, ASKING)))
        shared.append(exp.EQ(this=column(BUCKET, EVENT), expression=column(BUCKET, ASKING)))
        shared.append(exp.LTE(this=column(names.ORDER, EVENT), expression=column(LAST, ASKING)))
        return shared

    def inside(self, window: int) -> exp.Expr:
        """Whether a row lies in a window."""
        terms: list[exp.Expr] = [exp.not_(exp.Is(this=column(names.HAPPENED, EVENT), expression=exp.null()))]
        return exp.and_(*terms, *(self.beyond(edge) for edge in self.planned.windows[window]))


def bucket(micros: exp.Expr, width_: int) -> exp.Expr:
    """The number of the bucket of an instant in microseconds."""
    return exp.IntDiv(this=micros, expression=number(width_))


def of_event(call: exp.Expr) -> exp.Expr:
    """A measure's call over the columns of a row."""
    moved = call.copy()
    for each in list(moved.find_all(exp.Column)):
        each.set("table", exp.to_identifier(EVENT))
    return moved
