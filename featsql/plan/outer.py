"""Where a query speaks of its instant in a place where an engine does not correlate it, it does so elsewhere."""

from __future__ import annotations

from sqlglot import exp

from featsql.resolve.aggregates import is_aggregate
from featsql.resolve.nanoseconds import authored
from featsql.resolve.scope import conjuncts

ALONE = "alone"


def lower_terms(tree: exp.Query) -> None:
    """Change `a left join b on p and q(b, as_of())` to `a left join (select * from b where q) as b on p`, in place.

    Both say the same: a row of `b` that fails q finds no partner either way. DuckDB 1.5 has no outer
    join whose condition is correlated.
    """
    for join in list(tree.find_all(exp.Join)):
        if join.side != "LEFT" or join.method or join.kind not in {"", "OUTER"}:
            continue
        if not isinstance(join.this, exp.Table | exp.Subquery):
            continue
        alias, terms = join.this.alias_or_name, conjuncts(join.args.get("on"))
        below = [term for term in terms if speaks_of_instant(term) and is_about(term, alias)]
        if alias and below:
            narrow(join, alias, below, [term for term in terms if term not in below])


def narrow(join: exp.Join, alias: str, below: list[exp.Expr], above: list[exp.Expr]) -> None:
    """Put terms below a join, and leave others above it."""
    source = join.this
    name = exp.TableAlias(this=exp.to_identifier(alias, quoted=True))
    rows = (
        exp.select(exp.Star())
        .from_(source.copy(), copy=False)
        .where(*(exp.paren(term.copy()) for term in below), copy=False)
    )
    join.set("this", exp.Subquery(this=rows, alias=name))
    join.set("on", exp.and_(*(exp.paren(term.copy()) for term in above)) if above else exp.true())


def speaks_of_instant(term: exp.Expr) -> bool:
    """Whether a term calls `as_of()`."""
    return any(is_as_of(node) for node in term.find_all(exp.Anonymous))


def is_as_of(node: exp.Expr) -> bool:
    """Whether a node is a call of `as_of()`."""
    return isinstance(node, exp.Anonymous) and node.name.casefold() == "as_of"


def is_about(term: exp.Expr, alias: str) -> bool:
    """Whether a term reads the columns of one source, by its alias, and nothing else."""
    if term.find(exp.Query, exp.Star) is not None:
        return False
    columns = [column.parts for column in term.find_all(exp.Column)]
    return all(len(parts) == 2 and parts[0].name.casefold() == alias.casefold() for parts in columns)


def mark_alone(tree: exp.Query, aggregates: frozenset[str]) -> None:
    """Mark each call of `as_of()` in an aggregate that reads no column, in place. With a column of an outer query
    alone, an aggregate would be one of that query."""
    if not speaks_of_instant(tree):
        return
    for node in tree.walk():
        if isinstance(node, exp.Func | exp.Filter | exp.WithinGroup) and is_aggregate(node, aggregates):
            inner = list(node.walk(prune=lambda each: isinstance(each, exp.Query)))
            if not any(isinstance(each, exp.Column) for each in inner):
                for call in filter(is_as_of, inner):
                    call.meta[ALONE] = True


def instant_of(call: exp.Expr, at: exp.Expr) -> exp.Expr:
    """What stands in the place of a call of `as_of()`: the instant, in a subquery where that is no column by itself."""
    asked = authored(at, call)
    return exp.select(asked).subquery(copy=False) if ALONE in call.meta else asked
