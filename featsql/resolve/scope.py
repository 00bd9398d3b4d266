"""Who is who in a bound tree: what stands behind an alias, and which column of a scan a column is."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from sqlglot import exp

from featsql.resolve.catalog.resolved import Resolved


class Leaf(Struct, frozen=True):
    """A column of a scan; names are folded."""

    scan: int
    column: str


def conjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    """The terms of a conjunction."""
    if condition is None:
        return []
    if isinstance(condition, exp.Paren):
        return conjuncts(condition.this)
    if isinstance(condition, exp.And):
        return [*conjuncts(condition.this), *conjuncts(condition.expression)]
    return [condition]


def where(select: exp.Select) -> list[exp.Expr]:
    """The terms of a WHERE."""
    clause = select.args.get("where")
    return conjuncts(clause.this) if clause is not None else []


def joins(select: exp.Select) -> list[exp.Join]:
    """The joins of a SELECT."""
    return list(select.args.get("joins") or ())


def sources(select: exp.Select) -> dict[str, exp.Expr]:
    """What a SELECT reads, by folded alias."""
    clause = select.args.get("from_")
    nodes = [clause.this] if clause is not None else []
    return {node.alias_or_name.casefold(): node for node in [*nodes, *(join.this for join in joins(select))]}


def select_around(node: exp.Expr, alias: str) -> exp.Select | None:
    """The innermost SELECT around a node that reads a source of this name, given folded."""
    select = node.parent_select
    while isinstance(select, exp.Select):
        if alias in sources(select):
            return select
        select = select.parent_select
    return None


def is_whole(source: exp.Expr) -> bool:
    """Whether a source gives the rows and columns of what it names as they are."""
    changed = any(source.args.get(part) for part in ("pivots", "joins", "laterals", "sample"))
    return not changed and not source.alias_column_names


def scan_of(source: exp.Expr) -> int | None:
    """The number of the scan that a source is."""
    number = source.meta.get("scan") if isinstance(source, exp.Table) and is_whole(source) else None
    return int(number) if number is not None else None


def query_behind(source: exp.Expr) -> exp.Expr | None:
    """The query of a source that is a subquery or the name of a CTE."""
    if not is_whole(source):
        return None
    if isinstance(source, exp.Subquery):
        inner: exp.Expr = source.this
        return inner
    cte = cte_of(source)
    plain = cte is not None and not cte.alias_column_names and not is_recursive(cte)
    return cte.this if cte is not None and plain else None


def is_recursive(cte: exp.CTE) -> bool:
    """Whether a CTE may read itself."""
    clause = cte.parent
    return clause is not None and bool(clause.args.get("recursive"))


def cte_of(source: exp.Expr) -> exp.CTE | None:
    """The CTE that a source names: the nearest one around it that it can see."""
    if not isinstance(source, exp.Table) or source.db or "scan" in source.meta:
        return None
    name, inside = source.name.casefold(), None
    node: exp.Expr | None = source
    while node is not None:
        inside = node if isinstance(node, exp.CTE) else inside
        for cte in visible_ctes(node, inside):
            if cte.alias.casefold() == name:
                return cte
        node = node.parent
    return None


def visible_ctes(query: exp.Expr, inside: exp.Expr | None) -> Iterator[exp.CTE]:
    """The CTEs of a query's own WITH that can be seen from inside of one of them, or from its body."""
    clause = query.args.get("with_")
    if clause is None:
        return
    for cte in clause.expressions:
        if cte is inside and not clause.args.get("recursive"):
            return
        yield cte


def uses(cte: exp.CTE, tree: exp.Expr) -> list[exp.Table]:
    """Every place of a tree that names a CTE."""
    return [table for table in tree.find_all(exp.Table) if cte_of(table) is cte]


def output(select: exp.Select, name: str) -> exp.Expr | None:
    """The expression behind an output column, if just one has that name."""
    found = [value for value in select.expressions if value.alias_or_name.casefold() == name.casefold()]
    return found[0].unalias() if len(found) == 1 else None


def names_of(query: exp.Expr) -> list[str]:
    """The folded names of a query's columns, as far as they are written out: also below a star over all of one
    subquery."""
    while isinstance(query, exp.Select) and query.expressions == [exp.Star()]:
        source = query.args["from_"].this
        several = query.args.get("joins") or query.args.get("laterals") or source.args.get("joins")
        if several or not isinstance(source, exp.Subquery) or source.alias_column_names or source.args.get("pivots"):
            break
        query = source.this
    return [name.casefold() for name in query.named_selects] if isinstance(query, exp.Query) else []


def leaf(column: exp.Expr | None, select: exp.Select) -> Leaf | None:
    """The column of a scan that a column of a SELECT is, passed on unchanged by subqueries and CTEs."""
    if isinstance(column, exp.Paren):
        return leaf(column.this, select)
    if not isinstance(column, exp.Column):
        return None
    source = sources(select).get(column.table.casefold())
    if source is None:
        return None
    number = scan_of(source)
    if number is not None:
        return Leaf(number, column.name.casefold())
    below = query_behind(source)
    return leaf(output(below, column.name), below) if isinstance(below, exp.Select) else None


def type_of(column: exp.Expr, select: exp.Select, resolved: Resolved) -> str | None:
    """The type of a column that some scan's column is, also through set operations that keep it."""
    if not isinstance(column, exp.Column):
        return None
    source = sources(select).get(column.table.casefold())
    if source is None:
        return None
    number = scan_of(source)
    if number is not None:
        return resolved.scans[number].type_of(column.name)
    return output_type(query_behind(source), column.name, resolved)


def output_type(query: exp.Expr | None, name: str, resolved: Resolved) -> str | None:
    """The type of an output column; None where it is computed."""
    if isinstance(query, exp.Subquery):
        return output_type(query.this, name, resolved)
    if isinstance(query, exp.Select):
        value = output(query, name)
        return type_of(value, query, resolved) if value is not None else None
    if isinstance(query, exp.SetOperation):
        names = [each.casefold() for each in query.named_selects]
        place = names.index(name.casefold()) if name.casefold() in names else None
        sides = [branch.named_selects for branch in (query.this, query.expression)]
        if place is None or query.args.get("by_name") or any(len(side) <= place for side in sides):
            return None
        left = output_type(query.this, sides[0][place], resolved)
        return left if left == output_type(query.expression, sides[1][place], resolved) else None
    return None
