"""Whether an order leaves no choice among rows: what tells them apart, as far as it is declared.

Rows of one instant tie. A key or a tie-break in the order settles them, and so does a value that is the same for all
that tie; what stands beside an instant is taken for what tells its rows apart. Where the clock of a relation has a
`tie_break` its author has said that rows of one instant are told apart, and how: there a raw instant is taken to settle
a choice. Dates, and instants that are cut to a unit, never do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

from featsql.resolve.catalog.resolved import Resolved
from featsql.resolve.keys.unique import Uniqueness
from featsql.resolve.lineage.clocked import is_instant_of, scan_behind
from featsql.resolve.scope import sources

# What moves an instant by as much for all rows, or turns an order around.
MOVING = (exp.Add, exp.AtTimeZone, exp.Neg, exp.Paren, exp.Sub)
CUTTING_KINDS = frozenset({"DATE", "TIME"})
PACKING = frozenset({"row", "struct_pack"})


def is_settled(
    terms: Iterable[exp.Expr],
    values: Iterable[exp.Expr],
    within: Iterable[exp.Expr],
    unique: Uniqueness,
    *,
    listed: bool = False,
) -> bool:
    """Whether rows that tie in all terms of an order, and are the same in what they are grouped `within`, give the same
    values; where all of them are `listed`, those of one instant are in the list in any case."""
    order = [part for term in terms for part in parts(term)]
    if any(settles(term, unique.model, listed=listed) for term in order):
        return True
    given = {term.sql() for term in within}
    beside = [term for term in order if term.sql() not in given]
    if len(beside) > 1 and any(settles(term, unique.model, listed=True) for term in beside):
        return True  # an instant with something beside it
    given |= {term.sql() for term in order}
    taken = [column for value in values for column in value.find_all(exp.Column)]
    if taken and all(column.sql() in given for column in taken):
        return True
    return is_keyed([*order, *within], unique)


def is_keyed(terms: Iterable[exp.Expr], unique: Uniqueness) -> bool:
    """Whether some terms have a key of the only thing that their SELECT reads."""
    columns = [term for term in terms if isinstance(term, exp.Column)]
    select = columns[0].parent_select if columns else None
    if not isinstance(select, exp.Select):
        return False
    read = sources(select)
    names = {column.name.casefold() for column in columns}
    return len(read) == 1 and any(key <= names for source in read.values() for key in unique.of_source(source))


def parts(term: exp.Expr) -> Iterator[exp.Expr]:
    """The terms of an order by several at once: `(a, b)`."""
    inner = term.this if isinstance(term, exp.Ordered) else term
    packed = isinstance(inner, exp.Tuple | exp.Struct) or (
        isinstance(inner, exp.Anonymous) and inner.name.casefold() in PACKING
    )
    if not packed:
        yield inner.unnest()
    for each in inner.expressions if packed else ():
        yield from parts(each.expression if isinstance(each, exp.PropertyEQ) else each)


def settles(term: exp.Expr, model: Resolved, *, listed: bool) -> bool:
    """Whether one term tells rows apart; a column that a subquery computes is taken at its author's word."""
    while isinstance(term, MOVING):
        sides = (term.this, term.args.get("expression"))
        columns = [side for side in sides if isinstance(side, exp.Expr) and side.find(exp.Column) is not None]
        if len(columns) != 1:
            return False
        term = columns[0]
    if isinstance(term, exp.AggFunc):
        return True
    if not isinstance(term, exp.Column):
        return False
    found = scan_behind(term, model)
    if found is None:
        return not is_cut(term)
    info, name = found
    clock = info.clock
    if clock is None or name in {each.casefold() for each in (*clock.unique_key, *clock.tie_break)}:
        return True
    dated = (info.type_of(name) or "").upper() == "DATE"
    return (listed or bool(clock.tie_break)) and is_instant_of(term, model) and not dated


def is_cut(column: exp.Column) -> bool:
    """Whether a column of a subquery is an instant that is cut to a unit there."""
    select = column.parent_select
    source = sources(select).get(column.table.casefold()) if isinstance(select, exp.Select) else None
    inner = source.this if isinstance(source, exp.Subquery) else None
    for value in inner.expressions if isinstance(inner, exp.Select) else ():
        if value.alias_or_name.casefold() == column.name.casefold():
            made = value.unalias()
            if isinstance(made, exp.TimestampTrunc | exp.DateTrunc | exp.DateBin):
                return True
            return isinstance(made, exp.Cast) and made.to.this.name in CUTTING_KINDS
    return False


def has_tie_break(value: exp.Expr, model: Resolved) -> bool:
    """Whether all columns of an expression are those of relations that have a tie-break."""
    found = [scan_behind(column, model) for column in value.find_all(exp.Column)]
    clocks = [each[0].clock if each is not None else None for each in found]
    return bool(clocks) and all(clock is not None and bool(clock.tie_break) for clock in clocks)
