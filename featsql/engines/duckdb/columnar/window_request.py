"""The measures of an `Over` that arrays can give: what is read for them, and what is made of the parts that come back.

The rows come in the order of their group, a number for the keys, and of their instants; what is done with them is
told by `featsql.arrays`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from msgspec import Struct
from sqlglot import exp

from featsql.engine import Column
from featsql.engines.duckdb.columnar.encode import INSTANTS
from featsql.engines.duckdb.columnar.parts import Reading, limit
from featsql.engines.duckdb.columnar.questions import GROUP as GROUP
from featsql.engines.duckdb.lower.over import LAST, Frames
from featsql.plan import names
from featsql.plan.microseconds import instants, kind_of, micros
from featsql.plan.part import Part, Span
from featsql.plan.plan import Over
from featsql.temporal import column


def types(planned: Over, frames: Frames) -> exp.Select:
    """The query whose columns have the types of the arguments, and after them of the measures."""
    rows = frames.rows().subquery("__rows")
    calls = [exp.alias_(each.call.copy(), names.part("value", i)) for i, each in enumerate(planned.measures)]
    some = [exp.alias_(exp.AnyValue(this=column(name)), name) for name in frames.arguments]
    return exp.select(*some, *calls).from_(rows, copy=False)


class Arrays(Struct, dict=True):
    """The parts of the measures of the node at a `position`, and each measure from its parts; `kinds` are the columns
    of `types`, `as_of` is the type of the instants that are asked about."""

    position: int
    frames: Frames
    kinds: Sequence[Column]
    as_of: str
    parts: dict[Part, str] = {}
    values: dict[int, exp.Expr] = {}
    fetched: dict[str, exp.Expr] = {}

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
        return column(self.parts.setdefault(part, self.own(names.part("part", len(self.parts)))))

    @property
    def windows(self) -> list[int]:
        """The windows that are asked for, by their positions."""
        return sorted({part.span for part in self.parts})

    @cached_property
    def spans(self) -> dict[int, Span]:
        """The columns of a spine's row where each of these windows begins and ends: the same for the same ends, and
        none for a window without a beginning, or one that ends with what is seen."""
        ends = [(first.sql("duckdb"), last.sql("duckdb")) for first, last in self.frames.spans]
        firsts, lasts = (list(dict.fromkeys(each)) for each in zip(*ends, strict=True))
        found: dict[int, Span] = {}
        for i in self.windows:
            lower = [edge.is_lower for edge in self.frames.planned.windows[i]]
            first = self.own(names.part("from", firsts.index(ends[i][0]))) if any(lower) else None
            found[i] = first, None if all(lower) else self.own(names.part("to", lasts.index(ends[i][1])))
        return found

    def own(self, name: str) -> str:
        """The name of a column that belongs to this node."""
        return names.part(name.strip("_"), self.position)

    @property
    def last(self) -> str:
        """The column of a spine's row that says what it sees last."""
        return self.own(LAST)

    @property
    def firsts(self) -> tuple[str, ...]:
        """The columns of a spine's row that say where its windows begin; none where one has no beginning."""
        found = dict.fromkeys(first for first, _ in self.spans.values())
        return () if None in found else tuple(first for first in found if first is not None)

    @property
    def bounds(self) -> tuple[str, ...]:
        """The columns of a spine's row that say where its windows begin or end."""
        return tuple(dict.fromkeys(name for span in self.spans.values() for name in span if name is not None))

    def asked(self, below: exp.Select) -> exp.Select:
        """The rows of a spine with what each sees last, and where its windows begin and end."""
        kind = kind_of(self.frames.info)
        ends = self.frames.ends(column(names.NOW) if {kind, self.as_of} <= INSTANTS else None)
        query = exp.select(exp.Star(), exp.alias_(micros(column(names.AS_OF), kind), names.NOW))
        query = query.from_(below.subquery(copy=False), copy=False)
        query = exp.select(exp.Star(), *ends).from_(query.subquery(copy=False), copy=False)
        gone = [exp.to_identifier(name) for name in (names.NOW, *(each.alias for each in ends))]
        found: dict[str, exp.Expr] = {self.last: column(LAST)}
        for i, each in self.spans.items():
            pairs = zip(each, self.frames.spans[i], strict=True)
            found |= {name: value.copy() for name, value in pairs if name is not None}
        values = [exp.alias_(value, name) for name, value in found.items()]
        return exp.select(exp.Star(except_=gone), *values).from_(query.subquery(copy=False), copy=False)

    def rows(self, groups: exp.Table, since: int | None, oldest: exp.Table | None, *, ordered: bool) -> exp.Select:
        """The rows of the keys that are asked for, as they lie or `ordered`: their group, when they happened, when they
        became known where that tells more, and what is aggregated. None that happened before the microsecond `since`
        is in any window: where rows lie in the order of time the engine need not read them. `oldest` are the groups
        with the first that is seen of each, if it is worth while to look at it."""
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
        if oldest is not None:
            on.append(exp.GTE(this=column(at, "__events"), expression=column(names.OLDEST, GROUP)))
        wanted = exp.alias_((oldest or groups).copy(), GROUP, table=True)
        query.append("joins", exp.Join(this=wanted, on=exp.and_(exp.true(), *on)))
        return query.order_by(column(GROUP, GROUP), column(at, "__events"), copy=False) if ordered else query
