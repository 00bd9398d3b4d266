"""Lower `Over`: the rows and the probes under one sort, and for each aggregate a frame that ends at the probe.

Instants are whole microseconds here, so that both ends of a window are closed whatever the author's sign
and whatever the boundary: `> t` begins at t + 1, `< t` ends at t - 1.
"""

from __future__ import annotations

from msgspec import Struct
from sqlglot import exp

from featsql.engines.duckdb.lower.lift import substitute
from featsql.plan import names
from featsql.plan.measures import BLIND, over_nothing
from featsql.plan.microseconds import (
    BEYOND,
    instant,
    instants,
    is_prompt,
    kind_of,
    last_visible,
    micros,
    number,
    shifted,
)
from featsql.plan.part import FOREVER
from featsql.plan.plan import Edge, Measure, Over, Window
from featsql.temporal import Boundary, Clock, column, holds

LAST = "__last"
# The first and the last microsecond of a window.
Span = tuple[exp.Expr, exp.Expr]


def framed(frames: Frames) -> exp.Select:
    """For each probe its instant and keys, the features and, where rows can be late, whether one that is
    makes them doubtful."""
    both = exp.union(frames.events(), frames.probes(), distinct=False)
    below = exp.select(exp.Star()).from_(both.subquery("__both"), copy=False)
    for i in range(len(frames.shapes)):
        below = below.select(exp.alias_(frames.measured(i), names.part("shape", i)), copy=False)
    late = frames.late()
    if late is not None:
        below = below.select(exp.alias_(late, names.LATE), copy=False)
    asked = [names.AS_OF, *frames.keys]
    query = exp.select(*(column(name) for name in asked)).from_(
        frames.gathered(below, asked).subquery("__framed"), copy=False
    )
    for name, value in frames.planned.outputs:
        query.append("expressions", exp.alias_(frames.output(value), name, quoted=True))
    return query.select(column(names.LATE)) if late is not None else query


class Shape(Struct):
    """One aggregate, whatever the window: its call, the flag of the rows that count, and the spans that it is
    asked for. The frames of all end where a probe stands (`up_to_now`), or of none."""

    call: exp.Expr
    flag: str | None
    up_to_now: bool
    spans: list[int] = []


class Frames:
    """The parts of the query of one node; `asking` is the name of the query made by `bounded`.

    A probe takes several *turns* in the sort: in each, every shape is asked for the next of its spans. So an aggregate
    of many windows costs one tree of values, whatever the number of windows. Shapes of the same spans share a *track*,
    the columns that say where the frame of a turn begins and ends.
    """

    def __init__(self, planned: Over, asking: str, boundary: Boundary) -> None:
        self.planned = planned
        self.info = planned.scan.relation
        self.asking = asking
        self.boundary = boundary
        self.keys = [names.key(i) for i in range(len(planned.keys))]
        projected = [value.alias_or_name for value in planned.rows.expressions]
        self.arguments = [name for name in projected if name.startswith("__argument_")]
        self.edges: list[Edge] = list(dict.fromkeys(edge for window in planned.windows for edge in window))
        self.spans: list[Span] = [(self.first(window), self.last(window)) for window in planned.windows]
        if not is_prompt(self.clock):
            self.spans += [(self.cut(edge), column(LAST)) for edge in self.edges]
        self.shapes: list[Shape] = []
        self.places = [self.placed(measure) for measure in planned.measures]
        spans = [*(tuple(shape.spans) for shape in self.shapes), tuple(self.doubts)]
        self.tracks = [track for track in dict.fromkeys(spans) if track]
        self.turns = max(len(track) for track in self.tracks)

    def placed(self, measure: Measure) -> tuple[int, int]:
        """The shape and the turn of a measure."""
        up_to_now = over_nothing(measure.call) is not None and all(
            edge.is_lower for edge in self.planned.windows[measure.window]
        )
        alike = (each for each in self.shapes if (each.call, each.flag) == (measure.call, measure.flag))
        shape = next((each for each in alike if each.up_to_now is up_to_now), None)
        if shape is None:
            shape = Shape(measure.call, measure.flag, up_to_now)
            self.shapes.append(shape)
        if measure.window not in shape.spans:
            shape.spans.append(measure.window)
        return next(i for i, each in enumerate(self.shapes) if each is shape), shape.spans.index(measure.window)

    @property
    def doubts(self) -> range:
        """The spans by which late rows are told: those after each edge."""
        return range(len(self.planned.windows), len(self.spans))

    @property
    def clock(self) -> Clock:
        """The relation's clock."""
        assert self.info.clock is not None
        return self.info.clock

    def events(self) -> exp.Select:
        """The rows: their keys, their instants, what is aggregated of them; their own frames are empty."""
        given = (*self.keys, *instants(self.info), *self.arguments)
        query = exp.select(*(column(name, "__events") for name in given))
        query = query.select(exp.alias_(exp.false(), names.ASKED), exp.alias_(exp.null(), names.AS_OF), copy=False)
        query = query.select(exp.alias_(number(0), names.TURN), copy=False)
        for i in range(len(self.tracks)):
            query = query.select(
                exp.alias_(number(0), names.part("from", i)), exp.alias_(number(1), names.part("to", i)), copy=False
            )
        return self.wanted(query.from_(self.rows().subquery("__events")))

    def rows(self, since: int | None = None) -> exp.Select:
        """The model's rows, whatever the instant; those from a microsecond on, if one is given."""
        rows = substitute(self.planned.rows, exp.null(), lambda _: self.scanned(since))
        assert isinstance(rows, exp.Select)
        return rows

    def wanted(self, rows: exp.Select) -> exp.Select:
        """The rows that are of any use: those of a key that is asked about, within the widest of its windows."""
        asked = exp.select(*(column(key) for key in self.keys)).from_(self.asking, copy=False)
        on: list[exp.Expr] = [
            (exp.NullSafeEQ if nulls else exp.EQ)(this=column(key, "__wanted"), expression=column(key, "__events"))
            for key, nulls in zip(self.keys, self.planned.match_nulls, strict=True)
        ]
        used = sorted({measure.window for measure in self.planned.measures})
        if used and all(any(edge.is_lower for edge in self.planned.windows[i]) for i in used):
            first = exp.func("least", *(self.spans[i][0] for i in used))
            asked = asked.select(exp.alias_(exp.Min(this=first), names.OLDEST), copy=False)
            on.append(exp.GTE(this=column(names.ORDER, "__events"), expression=column(names.OLDEST, "__wanted")))
        asked = asked.group_by(*(column(key) for key in self.keys)) if self.keys else asked
        if on:
            rows.append("joins", exp.Join(this=asked.subquery("__wanted"), on=exp.and_(*on)))
        return rows

    def scanned(self, since: int | None) -> exp.Select:
        """The relation's rows that are ever visible, with their instants. Where they are stored in the order of time
        the engine does not read those from before `since`."""
        given = [exp.alias_(value, name) for name, value in instants(self.info).items()]
        rows = exp.select(exp.Star(), *given).from_(self.planned.scan.table.copy(), copy=False)
        seen = (*(there(name) for name in self.clock.instants), holds(self.clock, exp.null(), self.boundary))
        if since is not None:
            seen = (*seen, exp.GTE(this=column(self.clock.start), expression=instant(since, self.info)))
        return rows.where(*seen, copy=False)

    def probes(self) -> exp.Select:
        """The probes among the rows: each stands at the last row that it sees, its frames end there or before."""
        at = column(names.AS_OF)
        missing = [exp.null() for _ in (*list(instants(self.info))[1:], *self.arguments)]
        query = exp.select(*(column(key) for key in self.keys), column(LAST), *missing, exp.true(), at)
        query = query.select(by_turn([number(i) for i in range(self.turns)]), copy=False)
        for track in self.tracks:
            for end in range(2):
                ends = [self.end(*self.spans[span], end) for span in track]
                query = query.select(
                    by_turn([*ends, *(number(end) for _ in range(len(track), self.turns))]), copy=False
                )
        return query.from_(self.asking)

    def end(self, first: exp.Expr, last: exp.Expr, end: int) -> exp.Expr:
        """How far before a probe's place its span begins (0) or ends (1); an empty one begins after its end."""
        back = exp.Sub(this=column(LAST), expression=exp.paren((last if end else first).copy()))
        empty = exp.GT(this=first.copy(), expression=last.copy())
        return exp.Case(ifs=[exp.If(this=empty, true=number(end))], default=back)

    def gathered(self, below: exp.Select, asked: list[str]) -> exp.Select:
        """One row of each probe, with the measures of all its turns."""
        query = exp.select(*(column(name) for name in asked)).from_(below.subquery("__turns"), copy=False)
        for i, (shape, turn) in enumerate(self.places):
            value: exp.Expr = column(names.part("shape", shape))
            if self.turns > 1:
                mine = exp.EQ(this=column(names.TURN), expression=number(turn))
                value = exp.Filter(this=exp.AnyValue(this=value), expression=exp.Where(this=mine))
            query = query.select(exp.alias_(value, names.part("value", i)), copy=False)
        query = query.where(column(names.ASKED), copy=False)
        late: exp.Expr = column(names.LATE)
        if names.LATE in below.named_selects:
            query = query.select(
                exp.alias_(exp.LogicalOr(this=late) if self.turns > 1 else late, names.LATE), copy=False
            )
        return query.group_by(*(column(name) for name in asked)) if self.turns > 1 else query

    def bounded(self, probe: exp.Select) -> exp.Select:
        """Probes, numbered, with the last row that each sees and the ends of its windows."""
        number_ = exp.alias_(exp.Window(this=exp.RowNumber()), names.NUMBER)
        return exp.select(exp.Star(), number_, *self.ends()).from_(probe.subquery(), copy=False)

    def ends(self, now: exp.Expr | None = None) -> list[exp.Expr]:
        """The last row that a probe sees, and the ends of its windows; `now` is the microsecond at which it asks, where
        that has been computed."""
        at = column(names.AS_OF)
        bounds = [exp.alias_(self.bound(edge, at, now), names.part("edge", i)) for i, edge in enumerate(self.edges)]
        return [exp.alias_(last_visible(self.info, at, self.boundary), LAST), *bounds]

    def bound(self, edge: Edge, at: exp.Expr, now: exp.Expr | None) -> exp.Expr:
        """The first or the last microsecond that an edge lets in; one that is NULL lets in none."""
        (moved,) = substitute(exp.select(edge.bound.copy()), at, no_scan).expressions
        instant = (shifted(now, edge.bound) if now is not None else None) or micros(moved, kind_of(self.info))
        match edge.compare:
            case ">":
                instant = exp.Add(this=instant, expression=exp.Literal.number(1))
            case "<":
                instant = exp.Sub(this=instant, expression=exp.Literal.number(1))
        return exp.func("coalesce", instant, number(BEYOND if edge.is_lower else -BEYOND))

    def place(self, edge: Edge) -> exp.Column:
        """The column of an edge's bound."""
        return column(names.part("edge", self.edges.index(edge)))

    def first(self, window: Window) -> exp.Expr:
        """The first microsecond of a window."""
        return exp.func("greatest", number(-FOREVER), *(self.place(edge) for edge in window if edge.is_lower))

    def last(self, window: Window) -> exp.Expr:
        """The last microsecond of a window that is visible."""
        return exp.func("least", column(LAST), *(self.place(edge) for edge in window if not edge.is_lower))

    def cut(self, edge: Edge) -> exp.Expr:
        """The first microsecond on the later side of an edge."""
        place = self.place(edge)
        return place if edge.is_lower else exp.Add(this=place, expression=exp.Literal.number(1))

    def measured(self, position: int) -> exp.Expr:
        """A shape over its frames."""
        shape = self.shapes[position]
        call = shape.call.copy()
        if shape.flag or not (isinstance(call, BLIND) and isinstance(call.this, exp.Column)):  # a probe has no argument
            counts = column(shape.flag) if shape.flag else exp.not_(column(names.ASKED))
            call = exp.Filter(this=call, expression=exp.Where(this=counts))
        nothing = over_nothing(shape.call)
        track = self.tracks.index(tuple(shape.spans))
        if nothing is None or not shape.up_to_now:
            return self.window(call, track, column(names.part("to", track)), "PRECEDING")
        return self.up_to_now(call, track, nothing)

    def up_to_now(self, call: exp.Expr, track: int, nothing: exp.Expr) -> exp.Expr:
        """A call over frames that end where their row stands, which is found much faster. Such a frame is
        never empty, so that an empty one is told by its ends."""
        found = self.window(call, track, "CURRENT ROW", None)
        back = [column(names.part(end, track)) for end in ("from", "to")]
        return exp.Case(ifs=[exp.If(this=exp.LT(this=back[0], expression=back[1]), true=nothing)], default=found)

    def window(self, call: exp.Expr, track: int, end: exp.Expr | str, side: str | None) -> exp.Window:
        """A call over the rows of the same keys from where a track begins."""
        start = column(names.part("from", track))
        spec = exp.WindowSpec(kind="RANGE", start=start, start_side="PRECEDING", end=end, end_side=side)
        order = exp.Order(expressions=[exp.Ordered(this=column(names.ORDER), nulls_first=False)])
        return exp.Window(this=call, partition_by=[column(key) for key in self.keys], order=order, spec=spec)

    def late(self) -> exp.Expr | None:
        """Whether a row that happened before an edge became known after it: frames by what was known when
        do not tell such rows apart."""
        if not self.doubts:
            return None
        track = self.tracks.index(tuple(self.doubts))
        oldest = self.up_to_now(exp.Min(this=column(names.HAPPENED)), track, exp.null())
        cut = exp.Sub(this=column(names.ORDER), expression=column(names.part("from", track)))
        return exp.func("coalesce", exp.LT(this=oldest, expression=cut), exp.false())

    def output(self, value: exp.Expr) -> exp.Expr:
        """A feature at the probe's instant."""
        (moved,) = substitute(exp.select(value.copy()), column(names.AS_OF), no_scan).expressions
        assert isinstance(moved, exp.Expr)
        return moved


def by_turn(values: list[exp.Expr]) -> exp.Expr:
    """One value for each turn of a probe."""
    return exp.Explode(this=exp.Array(expressions=values)) if len(values) > 1 else values[0]


def there(name: str) -> exp.Expr:
    """Whether a column has a value."""
    return exp.not_(exp.Is(this=column(name), expression=exp.null()))


def no_scan(index: int) -> exp.Query:
    """A scalar expression reads no relation."""
    raise AssertionError(f"scan {index} in a scalar expression")
