"""The measures of an `Over` that arrays can give: what is read for them, and what is made of the parts that come back.

The rows come in the order of their group, a number for the keys, and of their instants; what is done with them is
told by `featsql.arrays`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sqlglot import exp

from featsql.arrays.part import Part
from featsql.engine import Column
from featsql.plan import names
from featsql.plan.encode import INFINITY
from featsql.plan.microseconds import instants, number
from featsql.plan.over import LAST, Frames
from featsql.plan.parts import Reading, limit
from featsql.plan.plan import Over
from featsql.temporal import column

GROUP, VALUES = "__group", "__laid"


def types(planned: Over, frames: Frames) -> exp.Select:
    """The query whose columns have the types of the arguments, and after them of the measures."""
    rows = frames.rows().subquery("__rows")
    calls = [exp.alias_(each.call.copy(), names.part("value", i)) for i, each in enumerate(planned.measures)]
    some = [exp.alias_(exp.AnyValue(this=column(name)), name) for name in frames.arguments]
    return exp.select(*some, *calls).from_(rows, copy=False)


def numbered_groups(keys: exp.Select) -> exp.Select:
    """Some keys, each with a number from 0."""
    counted = exp.Sub(this=exp.Window(this=exp.RowNumber()), expression=exp.Literal.number(1))
    number = exp.alias_(exp.cast(counted, "integer"), GROUP)
    return exp.select(exp.Star(), number).from_(keys.subquery("__keys"), copy=False)


@dataclass
class Arrays:
    """The parts of a node's measures, and each measure from its parts; `kinds` are the columns of `types`."""

    frames: Frames
    kinds: Sequence[Column]
    parts: dict[Part, str] = field(default_factory=dict)
    values: dict[int, exp.Expr] = field(default_factory=dict)
    fetched: dict[str, exp.Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kinds = {each.name: each.type for each in self.kinds}
        for i, measure in enumerate(self.frames.planned.measures):
            looked_at = limit(self.frames.planned, i)
            value = Reading(measure, kinds, self.times, looked_at, self.part, self.fetched).value()
            if value is not None:
                self.values[i] = exp.cast(value, kinds[names.part("value", i)], dialect="duckdb")

    @cached_property
    def times(self) -> frozenset[str]:
        """The arguments that are the event time itself."""
        rows = self.frames.planned.rows
        source = rows.args["from_"].this
        if not isinstance(source, exp.Table) or "scan" not in source.meta:
            return frozenset()
        start = self.frames.clock.start.casefold()
        mine = [v for v in rows.expressions if isinstance(v.unalias(), exp.Column)]
        return frozenset(v.alias for v in mine if v.unalias().name.casefold() == start)

    def part(self, part: Part) -> exp.Column:
        """The column of a part."""
        return column(self.parts.setdefault(part, names.part("part", len(self.parts))), VALUES)

    @property
    def windows(self) -> list[int]:
        """The windows that are asked for, by their positions."""
        return sorted({part.span for part in self.parts})

    @property
    def spans(self) -> dict[int, tuple[str, str]]:
        """The columns of the probes' query where each of these windows begins and ends: the same for the same ends."""
        ends = [(first.sql("duckdb"), last.sql("duckdb")) for first, last in self.frames.spans]
        firsts, lasts = (list(dict.fromkeys(each)) for each in zip(*ends, strict=True))
        return {
            i: (names.part("from", firsts.index(ends[i][0])), names.part("to", lasts.index(ends[i][1])))
            for i in self.windows
        }

    def groups(self) -> exp.Select:
        """Each key that is asked for, with a number and, where every window has a beginning, the first of these."""
        keys = [column(name) for name in self.frames.keys]
        spans = [self.frames.spans[i] for i in self.windows]
        bounded = all(any(e.is_lower for e in self.frames.planned.windows[i]) for i in self.windows)
        oldest = exp.Min(this=exp.func("least", *(first.copy() for first, _ in spans)) if bounded else exp.null())
        query = exp.select(*keys, exp.alias_(exp.cast(oldest, "bigint"), names.OLDEST)).from_(
            self.frames.asking, copy=False
        )
        query = query.group_by(*(key.copy() for key in keys)) if keys else query
        return numbered_groups(query)

    def probes(self, groups: exp.Table) -> exp.Select:
        """The probes: their number and group, what they see, and where their windows begin and end."""
        query = exp.select(column(names.NUMBER, "__probes"), column(GROUP, GROUP), column(LAST, "__probes"))
        bounds = {
            name: value
            for i, ends in self.spans.items()
            for name, value in zip(ends, self.frames.spans[i], strict=True)
        }
        query = query.select(*(exp.alias_(value.copy(), name) for name, value in bounds.items()), copy=False)
        same = [exp.NullSafeEQ(this=column(key, "__probes"), expression=column(key, GROUP)) for key in self.frames.keys]
        query = query.from_(exp.to_table(self.frames.asking).as_("__probes"), copy=False)
        query.append(
            "joins", exp.Join(this=exp.alias_(groups.copy(), GROUP, table=True), on=exp.and_(exp.true(), *same))
        )
        return query.order_by(column(GROUP, GROUP), column(LAST, "__probes"))

    def rows(self, groups: exp.Table, since: int | None, *, ordered: bool) -> exp.Select:
        """The rows of the keys that are asked for, as they lie or `ordered`: their group, when they happened, when they
        became known where that tells more, and what is aggregated. None that happened before the microsecond `since`
        is in any window: where rows lie in the order of time the engine need not read them."""
        at = list(instants(self.frames.info))[-1]
        query = exp.select(column(GROUP, GROUP), exp.alias_(column(at, "__events"), names.HAPPENED))
        if at != names.ORDER:
            query = query.select(column(names.ORDER, "__events"), copy=False)
        query = query.select(*(exp.alias_(value.copy(), name) for name, value in self.fetched.items()), copy=False)
        query = query.from_(self.frames.rows(since).subquery("__events"), copy=False)
        on: list[exp.Expr] = [
            (exp.NullSafeEQ if nulls else exp.EQ)(this=column(key, GROUP), expression=column(key, "__events"))
            for key, nulls in zip(self.frames.keys, self.frames.planned.match_nulls, strict=True)
        ]
        oldest = exp.func("coalesce", column(names.OLDEST, GROUP), number(-INFINITY))
        on.append(exp.GTE(this=column(at, "__events"), expression=oldest))
        query.append("joins", exp.Join(this=exp.alias_(groups.copy(), GROUP, table=True), on=exp.and_(*on)))
        return query.order_by(column(GROUP, GROUP), column(at, "__events"), copy=False) if ordered else query
