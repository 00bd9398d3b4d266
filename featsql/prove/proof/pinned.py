"""Whether rows that an as-of join did not choose itself get in only where one of the same instant did."""

from __future__ import annotations

from sqlglot import exp

from featsql.engines.duckdb.lower.asof import flipped
from featsql.plan import names
from featsql.resolve.scope import conjuncts
from featsql.temporal import Boundary, column, reached


def in_as_of_join(table: exp.Table, instants: list[exp.Expr], boundary: Boundary) -> bool:
    """Whether a table is the side of an as-of join that is asked for the newest version known by an instant."""
    select = table.parent_select
    side: exp.Expr | None = table
    if isinstance(select, exp.Select) and isinstance(table.parent, exp.From):
        side = select.parent
    join = side.parent if isinstance(side, exp.Subquery | exp.Table) else None
    return isinstance(join, exp.Join) and asks_for_known(join, instants, boundary)


def asks_for_known(join: exp.Join, instants: list[exp.Expr], boundary: Boundary) -> bool:
    """Whether a join is as of an instant, with what is known by then."""
    since = column(names.KNOWN_FROM, join.this.alias_or_name)
    terms = conjuncts(join.args.get("on"))
    return join.method == "ASOF" and any(flipped(reached(since, at, boundary)) in terms for at in instants)


def is_pinned(table: exp.Table, query: exp.Select, instants: list[exp.Expr], boundary: Boundary) -> bool:
    """Whether the rows of a common table expression that reads `table` are seen only beside a row that an as-of join
    met, and that became known at the same instant."""
    cte = table.find_ancestor(exp.CTE)
    if cte is None or not passes_on(cte.this):
        return False
    readers = readers_of(cte, query)
    return bool(readers) and all(stands_beside(each, query, instants, boundary) for each in readers)


def passes_on(select: exp.Expr) -> bool:
    """Whether a query gives columns of one table as they are, the instant among them: others only choose its rows."""
    source = select.args.get("from_")
    if not isinstance(select, exp.Select) or source is None or not isinstance(source.this, exp.Table):
        return False
    mine = source.this.alias_or_name
    if any(join.kind != "SEMI" for join in select.args.get("joins") or []):
        return False
    if not all(isinstance(value, exp.Column) and value.table == mine for value in select.expressions):
        return False
    return column(names.KNOWN_FROM, mine) in select.expressions


def stands_beside(table: exp.Table, query: exp.Select, instants: list[exp.Expr], boundary: Boundary) -> bool:
    """Whether a table is joined by the instant with what an as-of join met."""
    join, select = table.parent, table.parent_select
    if not isinstance(join, exp.Join) or join.side != "LEFT" or not isinstance(select, exp.Select):
        return False
    source = select.args["from_"].this
    since = column(names.KNOWN_FROM, table.alias_or_name)
    same = exp.EQ(this=since, expression=column(names.KNOWN_FROM, source.alias_or_name))
    if same not in conjuncts(join.args.get("on")):
        return False
    return any(is_met(each.this, instants, boundary) for each in query.ctes if each.alias == source.name)


def is_met(select: exp.Expr, instants: list[exp.Expr], boundary: Boundary) -> bool:
    """Whether a query gives the instant of the row that its as-of join met."""
    joins = select.args.get("joins") or []
    if not isinstance(select, exp.Select) or len(joins) != 1 or not asks_for_known(joins[0], instants, boundary):
        return False
    given = [value for value in select.expressions if value.alias_or_name == names.KNOWN_FROM]
    return given == [column(names.KNOWN_FROM, joins[0].this.alias_or_name)]


def readers_of(cte: exp.CTE, query: exp.Select) -> list[exp.Table]:
    """Every place at which a common table expression is read."""
    return [table for table in query.find_all(exp.Table) if not table.db and table.name == cte.alias]
