"""Which columns of a bound tree are the instants of what it reads."""

from __future__ import annotations

from sqlglot import exp

from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.qualify import Resolved
from featsql.resolve.scope import leaf


def scan_behind(column: exp.Expr, model: Resolved) -> tuple[RelationInfo, str] | None:
    """The relation whose column a bound column is, and that column's folded name."""
    select = column.parent_select if isinstance(column, exp.Column) else None
    found = leaf(column, select) if isinstance(select, exp.Select) else None
    return (model.scans[found.scan], found.column) if found is not None else None


def is_instant_of(column: exp.Expr, model: Resolved) -> bool:
    """Whether a column is the instant at which a row of a relation happened, or became known."""
    found = scan_behind(column, model)
    clock = found[0].clock if found is not None else None
    if found is None or clock is None or clock.kind == "static":
        return False
    return found[1] in {name.casefold() for name in (clock.start, clock.available_at) if name}
