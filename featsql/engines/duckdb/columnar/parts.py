"""One measure of an `Over` from the parts that arrays give of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlglot import exp

from featsql.engines.duckdb.columnar.encode import (
    FLOATS,
    INSTANTS,
    LARGE,
    PLACES,
    PRECISE,
    SMALL,
    decimal,
    decoded,
    encoded,
    is_ordered,
    scaled,
)
from featsql.plan import names
from featsql.plan.microseconds import number
from featsql.plan.part import INSTANT, Operation, Part
from featsql.plan.plan import Measure, Over
from featsql.temporal import column

# How the name of a column ends whose values are passed on as they are.
KEPT = "_kept"
# Of the variances: by how much the divisor is less than the number of values, and whether it is the root of it.
SPREAD: Mapping[type[exp.Expr], tuple[int, bool]] = {
    exp.Variance: (1, False),
    exp.VariancePop: (0, False),
    exp.Stddev: (1, True),
    exp.StddevSamp: (1, True),
    exp.StddevPop: (0, True),
}


class Reading(Struct):
    """One measure on its way to its parts: `kinds` are the types of the arguments, `times` those arguments that are the
    event time itself, `limit` is how many elements of a list are looked at. `part_column` gives the column of a part;
    what has to be read for it is put into `fetched`, by name."""

    measure: Measure
    kinds: Mapping[str, str]
    times: frozenset[str]
    limit: int | None
    part_column: Callable[[Part], exp.Column]
    fetched: dict[str, exp.Expr]

    def value(self) -> exp.Expr | None:
        """The measure from its parts; None where arrays do not give it."""
        call = self.measure.call
        argument = call.this
        match call:
            case exp.ArgMax() | exp.ArgMin() | exp.PercentileCont() | exp.PercentileDisc():
                return self.of_two(call, argument, call.expression)
            case _ if {name for name, value in call.args.items() if value} - {"this", "big_int"}:
                return None
            case exp.Median() if isinstance(argument, exp.Column):
                return self.quantile(argument, "quantile", 0.5)
            case exp.Count() if isinstance(argument, exp.Distinct):
                return self.different(argument.expressions)
            case exp.Count() if isinstance(argument, exp.Star | exp.Literal):
                return self.part("count", None)
            case exp.Count() if isinstance(argument, exp.Column):
                return self.part("count", None, (self.fetch(argument, "there"),))
            case exp.CountIf() if isinstance(argument, exp.Boolean) and argument.this:
                return self.if_any(None, self.part("count", None))
            case exp.CountIf() if isinstance(argument, exp.Column) and self.kind(argument) == "BOOLEAN":
                return self.if_any(None, self.part("count", None, (self.fetch(argument, "true"),)))
            case exp.LogicalAnd() | exp.LogicalOr() if isinstance(argument, exp.Column):
                return self.logical(call, argument) if self.kind(argument) == "BOOLEAN" else None
            case exp.Sum() | exp.Avg() if isinstance(argument, exp.Column):
                return self.total(call, argument)
            case exp.Min() | exp.Max() if isinstance(argument, exp.Column):
                return self.extreme(call, argument)
            case exp.ArrayAgg() if isinstance(argument, exp.Order):
                return self.listed(argument)
            case _ if type(call) in SPREAD and isinstance(argument, exp.Column):
                return self.spread(argument, *SPREAD[type(call)])
        return None

    def kind(self, argument: exp.Column) -> str:
        """The type of an argument."""
        return self.kinds[argument.name]

    def part(self, operation: Operation, argument: str | None, flags: tuple[str, ...] = (), **others: Any) -> exp.Expr:
        """The column of a part of the measure's own window, of the rows that it counts."""
        if self.measure.flag:
            flags = (self.fetch(column(self.measure.flag), "true"), *flags)
        return self.part_column(Part(operation, argument, flags, self.measure.window, **others))

    def fetch(self, argument: exp.Column, how: str = "value") -> str:
        """The name of what is read of an argument: its value as a number, the value itself, whether it is
        there, true, or false."""
        name = f"{argument.name}_{how}"
        source = column(argument.name, "__events")
        match how:
            case "there":
                value: exp.Expr = exp.not_(exp.Is(this=source, expression=exp.null()))
            case "true":
                value = exp.func("coalesce", source, exp.false())
            case "false":
                value = exp.func("coalesce", exp.not_(source), exp.false())
            case "kept":
                value = source
            case _:
                value = encoded(source, self.kind(argument))
        self.fetched.setdefault(name, value)
        return name

    def if_any(self, argument: str | None, value: exp.Expr, least: int = 0) -> exp.Expr:
        """A value where more than so many rows count, else NULL."""
        some = exp.GT(this=self.part("count", argument), expression=exp.Literal.number(least))
        return exp.Case(ifs=[exp.If(this=some, true=value)])

    def logical(self, call: exp.Expr, argument: exp.Column) -> exp.Expr:
        """`bool_and` and `bool_or`, by how many are true and false."""
        true, false = (self.part("count", None, (self.fetch(argument, how),)) for how in ("true", "false"))
        decides = false if isinstance(call, exp.LogicalAnd) else true
        found = exp.GT(this=decides.copy(), expression=exp.Literal.number(0))
        told = exp.not_(found) if isinstance(call, exp.LogicalAnd) else found
        some = exp.GT(this=exp.Add(this=true.copy(), expression=false.copy()), expression=exp.Literal.number(0))
        return exp.Case(ifs=[exp.If(this=some, true=told)])

    def total(self, call: exp.Expr, argument: exp.Column) -> exp.Expr | None:
        """A sum, or an average of numbers; of whole numbers and decimals exactly."""
        kind = self.kind(argument)
        digits, places = decimal(kind)
        if kind in INSTANTS | {"BOOLEAN"} or not is_ordered(kind):
            return None
        name = self.fetch(argument)
        if kind in SMALL | FLOATS or 0 < digits <= PLACES:
            total = self.part("sum", name)
        else:
            high = exp.cast(self.part("high", name), "hugeint")
            shifted = exp.Mul(this=high, expression=exp.cast(exp.Literal.number(1 << 32), "hugeint"))
            total = exp.paren(exp.Add(this=shifted, expression=self.part("low", name)))
        if isinstance(call, exp.Sum):
            return self.if_any(name, scaled(total, places))
        mean = exp.Div(this=exp.cast(total, "double"), expression=self.part("count", name))
        return self.if_any(name, exp.Div(this=mean, expression=number(10**places)) if places else mean)

    def extreme(self, call: exp.Expr, argument: exp.Column) -> exp.Expr | None:
        """The least or the greatest value."""
        kind = self.kind(argument)
        if not is_ordered(kind):
            return None
        operation: Operation = "min" if isinstance(call, exp.Min) else "max"
        if argument.name in self.times and kind in PRECISE:
            return self.if_any(None, decoded(self.part(operation, INSTANT), kind))
        name = self.fetch(argument)
        return self.if_any(name, decoded(self.part(operation, name), kind))

    def spread(self, argument: exp.Column, freedom: int, root: bool) -> exp.Expr | None:
        """A variance, or its root."""
        if self.kind(argument) not in SMALL | FLOATS | {"BIGINT"}:
            return None
        name = self.fetch(argument)
        inside: exp.Expr = self.part("count", name)
        if freedom:
            inside = exp.paren(exp.Sub(this=inside, expression=exp.Literal.number(freedom)))
        variance = exp.Div(this=self.part("squares", name), expression=inside)
        return self.if_any(name, exp.Sqrt(this=variance) if root else variance, freedom)

    def of_two(self, call: exp.Expr, argument: exp.Expr, other: exp.Expr) -> exp.Expr | None:
        """A quantile, or the value of the first or the last row."""
        if {name for name, value in call.args.items() if value} - {"this", "expression"}:
            return None
        if not isinstance(argument, exp.Column):
            return None
        match call, other:
            case ((exp.PercentileCont() | exp.PercentileDisc()), exp.Literal()) if not other.is_string:
                exact = isinstance(call, exp.PercentileDisc)
                return self.quantile(argument, "value" if exact else "quantile", float(other.name))
            case ((exp.ArgMax() | exp.ArgMin()), exp.Column()) if other.name in self.times and self.passes(argument):
                latest, there = isinstance(call, exp.ArgMax), (self.fetch(argument, "there"),)
                listed = self.part("list", self.passed(argument), there, latest=latest, limit=1)
                return exp.Bracket(this=listed, expressions=[exp.Literal.number(1)], offset=1)
        return None

    def quantile(self, argument: exp.Column, operation: Operation, share: float) -> exp.Expr | None:
        """A quantile of numbers."""
        kind = self.kind(argument)
        if kind not in SMALL | FLOATS | {"BIGINT"} or not 0 <= share <= 1:
            return None
        name = self.fetch(argument)
        return self.if_any(name, self.part(operation, name, share=share))

    def passes(self, value: exp.Column) -> bool:
        """Whether values of an argument can be passed on: Arrow has the same type."""
        return (is_ordered(self.kind(value)) and self.kind(value) not in LARGE) or self.kind(value) == "VARCHAR"

    def passed(self, value: exp.Column) -> str:
        """The name of what is read of an argument to be passed on: of numbers that is what others read, too."""
        return self.fetch(value, "value" if self.kind(value) in SMALL | FLOATS | {"BIGINT"} else "kept")

    def different(self, arguments: Sequence[exp.Expr]) -> exp.Expr | None:
        """How many different values there are."""
        if len(arguments) != 1 or not isinstance(arguments[0], exp.Column):
            return None
        kind = self.kind(arguments[0])
        if kind == "VARCHAR":
            return self.part("distinct", self.fetch(arguments[0], "kept"))
        if kind in FLOATS or not is_ordered(kind):
            return None
        return self.part("distinct", self.fetch(arguments[0]))

    def listed(self, argument: exp.Order) -> exp.Expr | None:
        """A list in the order of the event time, and after that of numbers."""
        value, (first, *others) = argument.this, argument.expressions
        terms = [first.this, *(each.this for each in others)]
        if not all(isinstance(each, exp.Column) for each in (value, *terms)) or first.this.name not in self.times:
            return None
        if not self.passes(value) or not all(is_ordered(self.kind(each)) for each in terms[1:]):
            return None
        if any(each.args.get("nulls_first") for each in others):
            return None
        order = tuple((self.fetch(each.this), bool(each.args.get("desc"))) for each in others)
        latest = bool(first.args.get("desc"))
        passed = self.passed(value)
        return self.if_any(None, self.part("list", passed, latest=latest, order=order, limit=self.limit))


def limit(planned: Over, measure: int) -> int | None:
    """How many of a list's elements the outputs look at, counted from its beginning; None for all."""
    name, found = names.part("value", measure), 0
    for _, output in planned.outputs:
        for each in exp.paren(output.copy(), copy=False).find_all(exp.Column):
            if each.name != name:
                continue
            looked = first_of(each.parent)
            if looked is None:
                return None
            found = max(found, looked)
    return found or None


def first_of(node: exp.Expr | None) -> int | None:
    """How many elements of its list a bracket looks at: an element that is counted from 0, or a slice from the first to
    one that is counted from 1."""
    if not isinstance(node, exp.Bracket) or len(node.expressions) != 1:
        return None
    place = node.expressions[0]
    if isinstance(place, exp.Slice):
        begins = place.this is None or (
            isinstance(place.this, exp.Literal) and place.this.is_int and int(place.this.name) > 0
        )
        end = place.expression
        counted = begins and isinstance(end, exp.Literal) and end.is_int and not place.args.get("step")
        return int(end.name) if counted else None
    return int(place.name) + 1 if isinstance(place, exp.Literal) and place.is_int else None
