"""The aggregates of a model and what stands around them: measures over windows, and outputs over measures."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlglot import exp

from featsql.plan import names
from featsql.plan.edges import Terms, terms
from featsql.plan.microseconds import number
from featsql.plan.outer import speaks_of_instant
from featsql.plan.plan import Measure, Window
from featsql.resolve.aggregates import has_aggregate, is_aggregate
from featsql.temporal import column

# Of these NULL is the same as no row.
BLIND = (exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop)
AGGREGATES: tuple[type[exp.Expr], ...] = (
    *BLIND,
    *(exp.Count, exp.CountIf, exp.ArgMax, exp.ArgMin, exp.LogicalOr, exp.LogicalAnd, exp.ArrayAgg, exp.GroupConcat),
    *(exp.Median, exp.PercentileCont, exp.PercentileDisc, exp.Mode, exp.ApproxDistinct, exp.Skewness),
    *(exp.Corr, exp.CovarPop, exp.CovarSamp, exp.BitwiseOrAgg, exp.BitwiseAndAgg, exp.BitwiseXorAgg),
)
NAMED = frozenset({"histogram", "product", "kurtosis", "favg", "fsum", "kurtosis_pop"})
HARMLESS = frozenset({"as_of", "len", "list_sum", "list_transform", "list_contains", "to_hours", "to_minutes", "isnan"})
HARMLESS |= frozenset({"epoch_us", "epoch_ms", "to_seconds", "to_weeks", "to_months", "to_years", "isinf", "isfinite"})
SAME = (exp.Star, exp.Literal, exp.Var, exp.Boolean, exp.Null)
UNKNOWN = (exp.Query, exp.Window, exp.Explode, exp.Unnest, exp.UDTF, exp.Star, exp.Columns, exp.Dot, exp.Placeholder)


class UnrecognisedError(Exception):
    """A model is not of the shape; the general rule serves it."""


class Measures(Struct):
    """The measures found so far, with the windows that they are over and the rows' columns that they need."""

    aggregates: frozenset[str]
    windows: list[Window] = []
    found: list[Measure] = []
    columns: dict[str, tuple[str, exp.Expr]] = {}
    times: frozenset[str] = frozenset()
    alias: str = ""

    def terms(self, condition: exp.Expr | None) -> Terms:
        """A condition taken apart. Raises UnrecognisedError."""
        found = terms(condition, self.is_time)
        if found is None or any(odd(term) for term in found.rowwise):
            raise UnrecognisedError
        if any(odd(edge.bound) for edge in found.window):
            raise UnrecognisedError
        return found

    def is_time(self, node: exp.Expr) -> bool:
        """Whether a node is the event time."""
        return self.own(node) in self.times

    def own(self, node: exp.Expr) -> str | None:
        """The folded name of a column of the one source, under its alias or bare."""
        if not isinstance(node, exp.Column) or len(node.parts) > 2 or isinstance(node.this, exp.Star):
            return None
        return node.name.casefold() if node.table.casefold() in {"", self.alias} else None

    def alike(self, one: exp.Expr, other: exp.Expr) -> bool:
        """Whether two expressions over the one source are the same."""
        name = self.own(one)
        return one == other if name is None else name == self.own(other)

    def is_rowwise(self, value: exp.Expr) -> bool:
        """Whether an expression is of one row alone, the same at every instant."""
        return not (has_aggregate(value, self.aggregates) or odd(value) or speaks_of_instant(value))

    def hoisted(self) -> list[exp.Expr]:
        """The arguments and filters as columns of the rows."""
        return [exp.alias_(value.copy(), name) for name, value in self.columns.values()]

    def hoist(self, value: exp.Expr) -> exp.Column:
        """A row's expression as a column of the rows. Raises UnrecognisedError where it is not one."""
        if not self.is_rowwise(value):
            raise UnrecognisedError
        text = value.sql("duckdb")
        if text not in self.columns:
            self.columns[text] = (names.part("argument", len(self.columns)), value)
        return column(self.columns[text][0])

    def value(self, value: exp.Expr, keys: Sequence[exp.Expr]) -> exp.Expr:
        """An output over measures and keys; one that is not aggregated is NULL where the entity has no row.
        Raises UnrecognisedError."""
        root = exp.paren(value.copy(), copy=False)
        self.replace(root, keys)
        made: exp.Expr = root.this
        if odd(made) or has_aggregate(made, self.aggregates):
            raise UnrecognisedError
        return made if has_aggregate(value, self.aggregates) or not keys else self.if_there(made)

    def replace(self, node: exp.Expr, keys: Sequence[exp.Expr]) -> None:
        """Put measures and keys in the place of what stands for them, in place. Raises UnrecognisedError."""
        for child in list(node.iter_expressions()):
            place = next((i for i, key in enumerate(keys) if self.alike(child, key)), None)
            if place is not None:
                child.replace(self.if_there(column(names.key(place))))
            elif is_aggregate(child, self.aggregates):
                child.replace(self.aggregate(child))
            elif isinstance(child, exp.Column):
                raise UnrecognisedError
            else:
                self.replace(child, keys)

    def if_there(self, value: exp.Expr) -> exp.Expr:
        """A value where the entity has a row."""
        there = exp.GT(this=self.measure(count_rows(), Terms()), expression=exp.Literal.number(0))
        return exp.Case(ifs=[exp.If(this=there, true=value)])

    def aggregate(self, node: exp.Expr) -> exp.Expr:
        """The value of one aggregate. Raises UnrecognisedError."""
        found = Terms()
        while isinstance(node, exp.Filter):
            found = found.and_(self.terms(node.expression.this))
            node = node.this
        if not isinstance(node, AGGREGATES) and node.name.casefold() not in NAMED:
            raise UnrecognisedError
        if isinstance(node, exp.CountIf) and speaks_of_instant(node):
            told = exp.CountIf(this=exp.true())
            return self.zero_of_some(told, found, found.and_(self.terms(node.this)))
        argument = node.args.get("this")
        if isinstance(node, (*BLIND, exp.Count)) and isinstance(argument, exp.Case) and speaks_of_instant(argument):
            return self.conditional(node, argument, found)
        return self.measure(node, found)

    def conditional(self, node: exp.Expr, case: exp.Case, found: Terms) -> exp.Expr:
        """`sum(case when c then x end)` as `sum(x) filter (where c)`; with `else 0` it is 0 where there are
        rows, but none of them counts. Raises UnrecognisedError."""
        branches, default = case.args["ifs"], case.args.get("default")
        if case.this is not None or len(branches) != 1:
            raise UnrecognisedError
        inner = node.copy()
        inner.set("this", branches[0].args["true"].copy())
        counted = found.and_(self.terms(branches[0].this))
        if default is None or isinstance(default, exp.Null):
            return self.measure(inner, counted)
        if not isinstance(node, exp.Sum) or not is_zero(default):
            raise UnrecognisedError
        return self.zero_of_some(inner, found, counted)

    def zero_of_some(self, call: exp.Expr, found: Terms, counted: Terms) -> exp.Expr:
        """A measure of the rows that are counted, to which any others add 0. Raises UnrecognisedError."""
        others = exp.GT(this=self.measure(count_rows(), found), expression=self.measure(count_rows(), counted))
        value = self.measure(call, counted)
        total = exp.func("coalesce", value.copy(), exp.Literal.number(0))
        return exp.Case(ifs=[exp.If(this=others, true=total)], default=value)

    def measure(self, call: exp.Expr, found: Terms) -> exp.Column:
        """The column of a measure, new or one that is there. Raises UnrecognisedError."""
        window = tuple(dict.fromkeys((*self.windows[0], *found.window)))
        if window not in self.windows:
            self.windows.append(window)
        flag = self.hoist(exp.and_(*found.rowwise)).name if found.rowwise else None
        measure = Measure(self.arguments(call.copy()), flag, self.windows.index(window))
        if measure not in self.found:
            self.found.append(measure)
        return column(names.part("value", self.found.index(measure)))

    def arguments(self, call: exp.Expr) -> exp.Expr:
        """A call whose arguments are columns of the rows, but for what stays."""
        for child in list(call.iter_expressions()):
            if isinstance(child, exp.Distinct | exp.Order | exp.Ordered):
                self.arguments(child)
            elif not self.stays(child, call):
                child.replace(self.hoist(child))
        return call

    def stays(self, child: exp.Expr, call: exp.Expr) -> bool:
        """Whether an argument is no row's: a star or a literal, unless rows count only where it is there, or what may
        stand beside the first argument, such as the share of a quantile."""
        if isinstance(child, SAME):
            return not (isinstance(child, exp.Literal) and isinstance(call, BLIND))
        return child is not call.this and child.find(exp.Column) is None and self.is_rowwise(child)


def odd(value: exp.Expr) -> bool:
    """Whether an expression may read more than its row, or calls what is not known to be scalar."""
    if any(call.name.casefold() not in HARMLESS for call in value.find_all(exp.Anonymous)):
        return True
    return value.find(*UNKNOWN) is not None


def is_zero(value: exp.Expr) -> bool:
    """Whether a node is the literal 0."""
    return isinstance(value, exp.Literal) and not value.is_string and value.name == "0"


def count_rows() -> exp.Expr:
    """`count(*)`, as it is read from an author's text."""
    return exp.Count(this=exp.Star(), big_int=True)


def over_nothing(call: exp.Expr) -> exp.Expr | None:
    """What an aggregate says of no rows; None where versions of the engine differ."""
    if isinstance(call, exp.CountIf):
        return None
    return number(0) if isinstance(call, exp.Count | exp.ApproxDistinct) else exp.null()
