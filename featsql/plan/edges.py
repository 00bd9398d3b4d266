"""Which conditions are the ends of a window: comparisons of the event time with an expression over `as_of()`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from msgspec import Struct
from sqlglot import exp

from featsql.plan.outer import speaks_of_instant
from featsql.plan.plan import Edge, Window
from featsql.resolve.lineage.span import longest
from featsql.resolve.scope import conjuncts

Compare = Literal[">", ">=", "<", "<="]
COMPARES: dict[type[exp.Expr], Compare] = {exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}
TURNED: dict[Compare, Compare] = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
OPPOSITE: dict[Compare, Compare] = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}
UNSTEADY = frozenset({"MONTH", "QUARTER", "YEAR", "DECADE", "CENTURY", "MILLENNIUM"})

# Whether a node is the event time.
IsTime = Callable[[exp.Expr], bool]


class Terms(Struct, frozen=True):
    """A condition taken apart: what it says of a row alone, and the ends of its window."""

    rowwise: tuple[exp.Expr, ...] = ()
    window: Window = ()

    def and_(self, other: Terms) -> Terms:
        """Both conditions."""
        return Terms((*self.rowwise, *other.rowwise), tuple(dict.fromkeys((*self.window, *other.window))))


def terms(condition: exp.Expr | None, is_time: IsTime) -> Terms | None:
    """A condition taken apart; None where it speaks of the instant in another way than by an end of a window."""
    found = Terms()
    for term in conjuncts(condition):
        if not speaks_of_instant(term):
            found = found.and_(Terms((term,)))
            continue
        window = edges(term, is_time)
        if window is None:
            return None
        found = found.and_(Terms((), window))
    return found


def edges(term: exp.Expr, is_time: IsTime) -> Window | None:
    """The ends of a window that one term sets, in any of its spellings."""
    term = term.unnest()
    match term:
        case exp.GT() | exp.GTE() | exp.LT() | exp.LTE():
            return compared(term.this, COMPARES[type(term)], term.expression, is_time)
        case exp.Between():
            if term.args.get("symmetric"):
                return None
            low = compared(term.this, ">=", term.args["low"], is_time)
            high = compared(term.this, "<=", term.args["high"], is_time)
            return None if low is None or high is None else (*low, *high)
        case exp.And():
            return joined(edges(part, is_time) for part in conjuncts(term))
        case exp.Not():
            inner = edges(term.this, is_time)
            return (opposite(inner[0]),) if inner is not None and len(inner) == 1 else None
        case exp.Case():
            chosen = plain_case(term)
            return edges(chosen, is_time) if chosen is not None else None
    return None


def joined(parts: Iterable[Window | None]) -> Window | None:
    """All of several windows."""
    found: list[Edge] = []
    for part in parts:
        if part is None:
            return None
        found += part
    return tuple(found)


def opposite(edge: Edge) -> Edge:
    """What holds where an end of a window does not; where the bound is NULL neither does."""
    return Edge(OPPOSITE[edge.compare], edge.bound)


def plain_case(case: exp.Case) -> exp.Expr | None:
    """The condition c of `case when c then true [else false] end`."""
    branches, default = case.args["ifs"], case.args.get("default")
    if case.this is not None or len(branches) != 1:
        return None
    told = branches[0].args["true"]
    falls = default is None or isinstance(default, exp.Null) or (isinstance(default, exp.Boolean) and not default.this)
    return branches[0].this if falls and isinstance(told, exp.Boolean) and told.this else None


def compared(left: exp.Expr, compare: Compare, right: exp.Expr, is_time: IsTime) -> Window | None:
    """The end of a window that a comparison sets, on whichever side the event time is."""
    for mine, sign, theirs in ((left, compare, right), (right, TURNED[compare], left)):
        if not is_bound(theirs):
            continue
        if is_time(mine.unnest()):
            return (Edge(sign, theirs.copy()),)
        moved = shifted(mine.unnest(), theirs, is_time)
        if moved is not None:
            return (Edge(sign, moved),)
        aged = age(mine.unnest(), theirs, is_time)
        if aged is not None:
            return (Edge(TURNED[sign], aged),)
    return None


def shifted(sum_: exp.Expr, bound: exp.Expr, is_time: IsTime) -> exp.Expr | None:
    """`bound - w` for `event_time + w`, where w is always equally long."""
    pairs: list[tuple[exp.Expr, exp.Expr, type[exp.Binary]]] = []
    if isinstance(sum_, exp.Add):
        pairs = [(sum_.this, sum_.expression, exp.Sub), (sum_.expression, sum_.this, exp.Sub)]
    elif isinstance(sum_, exp.Sub):
        pairs = [(sum_.this, sum_.expression, exp.Add)]
    for time, span, back in pairs:
        if is_time(time.unnest()) and is_steady(span):
            return back(this=exp.paren(bound.copy()), expression=span.copy())
    return None


def age(difference: exp.Expr, span: exp.Expr, is_time: IsTime) -> exp.Expr | None:
    """`as_of() - w` for `as_of() - event_time` beside w: the sign of the comparison turns."""
    if not isinstance(difference, exp.Sub) or not is_time(difference.expression.unnest()) or not is_steady(span):
        return None
    now = difference.this
    return exp.Sub(this=now.copy(), expression=span.copy()) if is_instant(now) else None


def is_steady(span: exp.Expr) -> bool:
    """Whether a constant interval is equally long at any time: without months or years."""
    if longest(span) is None:
        return False
    text = span.sql("duckdb").upper()
    return not any(unit in text for unit in (*UNSTEADY, "MON", "YR"))


def is_instant(node: exp.Expr) -> bool:
    """Whether a node is `as_of()` itself."""
    inner = node.unnest()
    return isinstance(inner, exp.Anonymous) and inner.name.casefold() == "as_of"


def is_bound(node: exp.Expr) -> bool:
    """Whether an expression is the same for every row at one instant: made of `as_of()` and constants."""
    odd = (exp.Column, exp.Query, exp.Window, exp.AggFunc, exp.AnonymousAggFunc, exp.Placeholder, exp.Star, exp.Rand)
    return node.find(*odd) is None
