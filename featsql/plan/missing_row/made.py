"""Which columns of a SELECT are made of aggregates, and what it groups by."""

from __future__ import annotations

from sqlglot import exp

from featsql.resolve.aggregates import has_aggregate

# Of no rows nobody can say where they stand among others, nor how many rows to make of them.
BEYOND = (exp.Window, exp.Unnest, exp.Explode)


def group_terms(select: exp.Select, aggregates: frozenset[str]) -> list[exp.Expr]:
    """The expressions that a SELECT groups by."""
    group = select.args.get("group")
    if group is None:
        return []
    values = [value.unalias() for value in select.expressions]
    if group.args.get("all"):
        return ungathered(select, aggregates)
    named_values = {value.alias.casefold(): value.unalias() for value in select.expressions if value.alias}
    found: list[exp.Expr] = []
    for term in group.expressions:
        if isinstance(term, exp.Literal) and term.is_int and 0 < int(term.name) <= len(values):
            found.append(values[int(term.name) - 1])
        elif isinstance(term, exp.Column) and not term.table:
            found.append(named_values.get(term.name.casefold(), term))
        else:
            found.append(term)
    return found


def ungathered(select: exp.Select, aggregates: frozenset[str]) -> list[exp.Expr]:
    """The values of a SELECT that are not made of aggregates, neither themselves nor by the name of a column before."""
    made: set[str] = set()
    found: list[exp.Expr] = []
    for each in select.expressions:
        value = each.unalias()
        if has_aggregate(value, aggregates) or computed(value, made, ""):
            made.add(each.alias_or_name.casefold())
        else:
            found.append(value)
    return found


def computed(value: exp.Expr, known: set[str], alias: str) -> bool:
    """Whether an expression names a column that is made of aggregates, by itself or under the alias of what is read."""
    for node in value.find_all(exp.Column):
        if node.name.casefold() not in known:
            continue
        if node.table.casefold() == alias.casefold() if node.table else not inside(node, value):
            return True
    return False


def inside(node: exp.Expr, value: exp.Expr) -> bool:
    """Whether a node of an expression lies in a subquery of it, which may have a column of that name."""
    query = node.find_ancestor(exp.Query)
    return query is not None and any(each is query for each in value.find_all(exp.Query))


def passed_on(star: exp.Expr, known: set[str]) -> set[str]:
    """Those of some columns that a star passes on, under their new names."""
    inner = star.this if isinstance(star, exp.Column) else star
    if not isinstance(inner, exp.Star):
        return set(known)
    gone = {each.name.casefold() for each in inner.args.get("except_") or ()}
    renamed = {each.this.name.casefold(): each.alias.casefold() for each in inner.args.get("rename") or ()}
    return {renamed.get(name, name) for name in known - gone}


def is_several(projection: exp.Expr) -> bool:
    """Whether a projection stands for several columns."""
    return projection.is_star or projection.find(exp.Columns) is not None


def beyond(value: exp.Expr) -> bool:
    """Whether an expression looks at other groups, or makes several rows of one, outside of its subqueries."""
    return any(isinstance(node, BEYOND) for node in value.walk(prune=lambda node: isinstance(node, exp.Query)))
