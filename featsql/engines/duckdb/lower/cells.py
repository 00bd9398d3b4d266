"""Measures that are merged from those of parts: a pair counts in one cell between the edges of all windows, and not
once for each window.

What is measured of a window are the cells that lie in it. This holds of aggregates that can be told from those of
parts that have no row in common (Gray et al., "Data Cube", 1997: distributive and algebraic ones).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from featsql.engines.duckdb.lower.pairs import EVENT, Pairs, of_event
from featsql.plan import names
from featsql.plan.plan import Measure, Over, Window
from featsql.temporal import column

CELL = "__cell"
# How many edges the number of a cell can tell apart.
BITS = 30
# Of several values of these the same aggregate is that of the whole.
SAME: tuple[type[exp.Func], ...] = (
    *(exp.Sum, exp.Min, exp.Max, exp.LogicalAnd, exp.LogicalOr),
    *(exp.BitwiseAndAgg, exp.BitwiseOrAgg, exp.BitwiseXorAgg),
)
NUMBERS: tuple[str, ...] = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    *("HUGEINT", "FLOAT", "DOUBLE", "DECIMAL"),
)

# An aggregate of the pairs of each cell, and how those of several cells are brought together.
Take = Callable[[exp.Expr, type[exp.Func]], exp.Expr]


def mergeable(planned: Over) -> list[int]:
    """The positions of the measures that are made of cells: all that can be, if one is asked for several windows."""
    found = [i for i in planned.bounded if merges(planned.measures[i].call, planned)]
    shapes = {(planned.measures[i].call, planned.measures[i].flag) for i in found}
    edges = {edge for i in found for edge in planned.windows[planned.measures[i].window]}
    return found if len(shapes) < len(found) and len(edges) <= BITS else []


def merges(call: exp.Expr, planned: Over) -> bool:
    """Whether an aggregate of a whole is known from those of its parts."""
    if call.find(exp.Distinct, exp.Order) or call.expressions:
        return False
    return isinstance(call, (*SAME, exp.Count)) or (isinstance(call, exp.Avg) and is_number(call.this, planned))


def is_number(argument: exp.Expr, planned: Over) -> bool:
    """Whether an argument is a column of numbers, and not of instants, whose average is one of them."""
    values = (value.unalias() for value in planned.rows.expressions if value.alias == argument.name)
    value = next(values, None)
    kind = planned.scan.relation.type_of(value.name) if isinstance(value, exp.Column) else None
    return (kind or "").upper().startswith(NUMBERS)


class Cells:
    """The parts of the query of some of a node's measures, all of them mergeable, for its pairs."""

    def __init__(self, pairs: Pairs, measures: Sequence[int]) -> None:
        self.pairs = pairs
        self.planned = pairs.frames.planned
        self.measures = measures
        windows = [self.planned.windows[self.planned.measures[i].window] for i in measures]
        self.edges = list(dict.fromkeys(edge for window in windows for edge in window if edge not in pairs.shared))
        self.parts: dict[exp.Expr, str] = {}

    def measured(self) -> exp.Select:
        """The number of each probe that has pairs, and its measures."""
        values = [exp.alias_(self.merged(self.planned.measures[i]), names.part("value", i)) for i in self.measures]
        cells = self.pairs.met().select(self.pairs.number, exp.alias_(self.cell(), CELL))
        cells = cells.select(*(exp.alias_(call, name) for call, name in self.parts.items()))
        cells = cells.group_by(self.pairs.number, exp.to_identifier(CELL))
        number = column(names.NUMBER)
        return (
            exp.select(number, *values).from_(cells.subquery("__cells"), copy=False).group_by(number.copy(), copy=False)
        )

    def cell(self) -> exp.Expr:
        """The number of a pair's cell: a bit for each edge, set if the row is where the windows of the edge are."""
        total: exp.Expr = exp.Literal.number(0)
        for i, edge in enumerate(self.edges):
            bit = exp.If(this=self.pairs.holds(edge), true=exp.Literal.number(1 << i), false=exp.Literal.number(0))
            total = exp.Add(this=total, expression=bit)
        return total

    def within(self, window: Window) -> exp.Expr | None:
        """Whether a cell lies in a window; None if all do."""
        mask = sum(1 << i for i, edge in enumerate(self.edges) if edge in window)
        if not mask:
            return None
        both = exp.paren(exp.BitwiseAnd(this=column(CELL), expression=exp.Literal.number(mask)), copy=False)
        return exp.EQ(this=both, expression=exp.Literal.number(mask))

    def merged(self, measure: Measure) -> exp.Expr:
        """A measure of the cells that its window holds."""
        within = self.within(self.planned.windows[measure.window])

        def take(call: exp.Expr, again: type[exp.Func]) -> exp.Expr:
            whole = again(this=column(self.part(call, measure.flag)))
            return whole if within is None else exp.Filter(this=whole, expression=exp.Where(this=within.copy()))

        return merged(measure.call, take)

    def part(self, call: exp.Expr, flag: str | None) -> str:
        """The name of what is measured of each cell."""
        made = of_event(call)
        if flag:
            made = exp.Filter(this=made, expression=exp.Where(this=column(flag, EVENT)))
        return self.parts.setdefault(made, names.part("part", len(self.parts)))


def merged(call: exp.Expr, take: Take) -> exp.Expr:
    """An aggregate of a whole, from aggregates of its parts."""
    match call:
        case exp.Count():
            return exp.cast(take(call, exp.Sum), "bigint")
        case exp.Avg():
            count = take(exp.Count(this=call.this.copy(), big_int=True), exp.Sum)
            return exp.Div(this=exp.cast(take(exp.Sum(this=call.this.copy()), exp.Sum), "double"), expression=count)
        case _:
            assert isinstance(call, SAME)
            return take(call, type(call))
