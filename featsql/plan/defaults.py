"""What a features model says of an entity that it has no row for: its aggregates' values over no rows."""

from __future__ import annotations

from sqlglot import exp

from featsql.resolve.aggregates import has_aggregate, is_aggregate

IRRELEVANT = ("group", "having", "qualify", "order", "limit", "offset", "distinct", "windows", "sample")


def defaults(tree: exp.Query, aggregates: frozenset[str]) -> exp.Query | None:
    """A query of exactly one row: each output column of `tree` over an empty group.

    `count` gives 0, `sum` NULL, `coalesce(sum(x), 0)` 0; a column that does not come from an
    aggregate is NULL. Followed through subqueries and CTEs that are read alone; None where the
    model's columns do not come from an aggregate in that way, so that all defaults are NULL.
    """
    if not isinstance(tree, exp.Select):
        return None
    return of_select(tree, common_tables(tree), aggregates)


def common_tables(tree: exp.Query) -> dict[str, exp.Query]:
    """The CTEs of a query by folded name."""
    clause = tree.args.get("with_")
    return {cte.alias.casefold(): cte.this for cte in clause.expressions} if clause else {}


def of_select(select: exp.Select, ctes: dict[str, exp.Query], aggregates: frozenset[str]) -> exp.Query | None:
    """The one-row query of a SELECT, or None where it has none."""
    if select.args.get("group") or any(has_aggregate(p, aggregates) for p in select.expressions):
        return over_no_rows(select, aggregates)
    source = only_source(select)
    inner = source_query(source, ctes)
    if inner is None or source is None:
        return None
    below = of_select(inner, {**ctes, **common_tables(inner)}, aggregates)
    if below is None or any(p.find(exp.Window) for p in select.expressions):
        return None
    row = without(select, "where", *IRRELEVANT)
    row.set("from_", exp.From(this=below.subquery(source.alias_or_name)))
    return row


def only_source(select: exp.Select) -> exp.Expr | None:
    """What a SELECT reads, if it reads one thing alone."""
    clause = select.args.get("from_")
    if clause is None or select.args.get("joins") or select.args.get("laterals"):
        return None
    source: exp.Expr = clause.this
    extra = any(source.args.get(part) for part in ("joins", "pivots", "laterals", "sample"))
    return None if extra else source


def source_query(source: exp.Expr | None, ctes: dict[str, exp.Query]) -> exp.Select | None:
    """The SELECT behind a subquery or the name of a CTE."""
    if isinstance(source, exp.Subquery) and not source.alias_column_names:
        found: exp.Expr | None = source.this
    elif isinstance(source, exp.Table) and not source.db and not source.alias_column_names:
        found = ctes.get(source.name.casefold())
    else:
        found = None
    return found if isinstance(found, exp.Select) else None


def over_no_rows(select: exp.Select, aggregates: frozenset[str]) -> exp.Select | None:
    """The SELECT as one group that no row belongs to; None where no column is an aggregate alone."""
    row = without(select, *IRRELEVANT)
    projections: list[exp.Expr] = []
    for projection in row.expressions:
        name = projection.alias_or_name
        value = without_filters(projection.unalias())
        if has_aggregate(value, aggregates) and not value.find(exp.Window):
            projections.append(exp.alias_(without_bare_columns(value, aggregates), name, quoted=True))
        else:
            projections.append(exp.alias_(exp.null(), name, quoted=True))
    row.set("expressions", projections)
    if not any(has_aggregate(projection, aggregates) for projection in projections):
        return None
    return row.where(exp.false(), append=False)


def without(select: exp.Select, *parts: str) -> exp.Select:
    """A copy of a SELECT without some of its clauses."""
    row = select.copy()
    for part in parts:
        row.set(part, None)
    return row


def without_filters(value: exp.Expr) -> exp.Expr:
    """`value` with its aggregates unfiltered: of no rows a filter leaves none."""
    root = exp.paren(value.copy(), copy=False)
    for node in list(root.find_all(exp.Filter)):
        node.replace(node.this)
    unfiltered = root.this
    assert isinstance(unfiltered, exp.Expr)
    return unfiltered


def without_bare_columns(value: exp.Expr, aggregates: frozenset[str]) -> exp.Expr:
    """`value` with its columns outside of aggregates (the group's keys) as NULLs of their type."""
    root = exp.paren(value.copy(), copy=False)
    stops = exp.Query | exp.Lambda
    bare = [
        node
        for node in root.walk(prune=lambda n: isinstance(n, stops) or is_aggregate(n, aggregates))
        if isinstance(node, exp.Column)
    ]
    for node in bare:
        node.replace(exp.AnyValue(this=node.copy()))
    return root


def shows_instant(row: exp.Query) -> bool:
    """Whether a query of `defaults` gives columns that depend on `as_of()`; elsewhere in it the instant
    cannot matter, because there are no rows."""
    select: exp.Expr = row
    while isinstance(select, exp.Select):
        calls = (call for value in select.expressions for call in value.find_all(exp.Anonymous))
        if any(call.name.casefold() == "as_of" for call in calls):
            return True
        clause = select.args.get("from_")
        select = clause.this.unnest() if clause is not None else exp.null()
    return False
