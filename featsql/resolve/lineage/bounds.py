"""Which conditions say that a column is later than `as_of()` less a span, in all the spellings that people use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

from featsql.resolve.lineage.span import LONGEST, amount, behind, longest, rounding, unit_length

# A bound on a column of a source: (alias, column), folded, and how far back it reaches, in seconds.
Bound = tuple[tuple[str, str], float]


def bounds(terms: Iterable[exp.Expr]) -> Iterator[Bound]:
    """The terms that say `column > as_of() - w`, in any spelling."""
    for term in terms:
        match term:
            case exp.GT() | exp.GTE():
                sides = [(term.this, term.expression)]
            case exp.LT() | exp.LTE():
                sides = [(term.expression, term.this)]
            case exp.Between():
                sides = [(term.this, term.args["low"]), (term.args["high"], term.this)]
            case _:
                sides = []
        for greater, smaller in sides:
            found = later_than(greater, smaller) or younger_than(greater, smaller)
            if found is not None:
                yield found


def later_than(instant: exp.Expr, bound: exp.Expr) -> Bound | None:
    """`column > as_of() - w`, where the column may be rounded; a second more is room for a cast that
    rounds up."""
    column, back = instant.unnest(), behind(bound)
    while back is not None and (rounded := rounding(column)) is not None:
        column, back = rounded[0].unnest(), back + LONGEST["SECOND"]
    return bound_on(column, back)


def younger_than(span: exp.Expr, age: exp.Expr) -> Bound | None:
    """`w > as_of() - column`, or the same in whole units: `7 > date_diff('day', column, as_of())`."""
    age = age.unnest()
    if isinstance(age, exp.Sub) and behind(age.this) == 0:
        return bound_on(age.expression, longest(span))
    if isinstance(age, exp.DateDiff) and behind(age.this) == 0:
        count, unit = amount(span), age.args.get("unit")
        length = unit_length(unit.name if unit is not None else "DAY")
        return None if count is None or length is None else bound_on(age.expression, (count + 1) * length)
    return None


def bound_on(column: exp.Expr, seconds: float | None) -> Bound | None:
    """A bound on a bound column; one of nothing is of no use."""
    column = column.unnest()
    if not isinstance(column, exp.Column) or not column.table or not seconds:
        return None
    return (column.table.casefold(), column.name.casefold()), max(seconds, LONGEST["SECOND"])
