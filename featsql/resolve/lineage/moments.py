"""What conditions say about when a column lies: an interval relative to `as_of()`, in any spelling."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil, inf

from sqlglot import exp

from featsql.resolve.lineage.reach import ANY, NOW, Span
from featsql.resolve.lineage.span import LONGEST, amount, counted, is_date, lengths, rounding, unit_length

ColumnName = tuple[str, str]
Now = Callable[[exp.Expr], bool]


def is_as_of(node: exp.Expr) -> bool:
    """Whether a node is `as_of()` itself."""
    return isinstance(node, exp.Anonymous) and node.name.casefold() == "as_of" and not node.expressions


def moment(node: exp.Expr, now: Now = is_as_of) -> Span | None:
    """Where an instant lies relative to `as_of()`; None where that cannot be told."""
    node = node.unnest()
    if now(node):
        return NOW
    match node:
        case exp.Sub():
            return moved(moment(node.this, now), node, -1)
        case exp.Add():
            return moved(moment(node.this, now), node, 1)
    rounded = rounding(node)
    inner = moment(rounded[0], now) if rounded is not None else None
    return Span(inner.lower - rounded[1], inner.upper) if inner is not None and rounded is not None else None


def moved(start: Span | None, node: exp.Binary, sign: int) -> Span | None:
    """An instant plus or minus an interval, or a date plus or minus days."""
    found = lengths(node.expression)
    if found is None and is_date(node.this):
        found = counted(amount(node.expression), "DAY")
    if start is None or found is None:
        return None
    low, high = found if sign > 0 else (-found[1], -found[0])
    return Span(start.lower + low, start.upper + high)


def restrictions(terms: Iterable[exp.Expr], now: Now = is_as_of) -> dict[ColumnName, Span]:
    """Where each column lies in the rows for which all of the terms are true; names are folded."""
    found: dict[ColumnName, Span] = {}
    for term in terms:
        for column, span in restriction(term, now).items():
            found[column] = found.get(column, ANY).intersect(span)
    return found


def restriction(term: exp.Expr, now: Now) -> dict[ColumnName, Span]:
    """Where each column lies in the rows for which a condition is true."""
    match term:
        case exp.Paren():
            return restriction(term.this, now)
        case exp.And():
            return restrictions([term.this, term.expression], now)
        case exp.Or():
            left, right = restriction(term.this, now), restriction(term.expression, now)
            return {column: left[column].hull(right[column]) for column in left.keys() & right.keys()}
        case exp.GT() | exp.GTE():
            return order(term.this, term.expression, isinstance(term, exp.GT), now)
        case exp.LT() | exp.LTE():
            return order(term.expression, term.this, isinstance(term, exp.LT), now)
        case exp.EQ():
            return both(term.this, term.expression, term.expression, now) or both(
                term.expression, term.this, term.this, now
            )
        case exp.Between() if not term.args.get("symmetric"):
            return both(term.this, term.args["low"], term.args["high"], now)
    return {}


def both(middle: exp.Expr, low: exp.Expr, high: exp.Expr, now: Now) -> dict[ColumnName, Span]:
    """What `low <= middle <= high` says."""
    found = order(middle, low, False, now)
    for column, span in order(high, middle, False, now).items():
        found[column] = found.get(column, ANY).intersect(span)
    return found


def order(greater: exp.Expr, smaller: exp.Expr, strict: bool, now: Now) -> dict[ColumnName, Span]:
    """What `greater > smaller` says of the column on either side."""
    for column, span in (*compared(greater, smaller, strict, now), *aged(greater, smaller, strict, now)):
        inner = column.unnest()
        if isinstance(inner, exp.Column) and inner.table:
            return {(inner.table.casefold(), inner.name.casefold()): span}
    return {}


def compared(greater: exp.Expr, smaller: exp.Expr, strict: bool, now: Now) -> list[tuple[exp.Expr, Span]]:
    """`column > as_of() - w` and `column < as_of() - w`, where the column may be rounded."""
    after, before = moment(smaller, now), moment(greater, now)
    if after is not None:
        column, _ = bare(greater)
        return [(column, Span(after.lower - room(greater), inf, strict))]
    if before is not None:
        column, rounded = bare(smaller)
        return [(column, Span(-inf, before.upper + rounded + room(smaller)))]
    return []


def bare(node: exp.Expr) -> tuple[exp.Expr, float]:
    """A column without what rounds it down, and by how much that does at most."""
    node, total = node.unnest(), 0.0
    while (rounded := rounding(node)) is not None:
        node, total = rounded[0].unnest(), total + rounded[1]
    return node, total


def room(node: exp.Expr) -> float:
    """A second, where a cast might round a column up."""
    return LONGEST["SECOND"] if any(c.to.this != exp.DType.DATE for c in node.find_all(exp.Cast)) else 0.0


def aged(greater: exp.Expr, smaller: exp.Expr, strict: bool, now: Now) -> list[tuple[exp.Expr, Span]]:
    """`w > as_of() - column` and `as_of() - column > w`, or the first in whole units by `date_diff`."""
    young, old = smaller.unnest(), greater.unnest()
    found = lengths(greater)
    if isinstance(young, exp.Sub) and now(young.this.unnest()) and found is not None:
        return [(young.expression, Span(-found[1], inf, strict))]
    found = lengths(smaller)
    if isinstance(old, exp.Sub) and now(old.this.unnest()) and found is not None:
        return [(old.expression, Span(-inf, -found[0]))]
    if isinstance(young, exp.DateDiff) and now(young.this.unnest()):
        count, unit = amount(greater), young.args.get("unit")
        length = unit_length(unit.name if unit is not None else "DAY")
        if count is not None and length is not None:
            return [(young.expression, Span(-(ceil(count) + 1) * length, inf))]
    return []
