"""The SELECTs of a query from the outermost to the one that groups, where each reads nothing but the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlglot import exp

from featsql.resolve.aggregates import has_aggregate

# What keeps some of the rows, or groups, of a SELECT from those who read it.
FILTERS = ("having", "qualify", "order", "limit", "offset", "sample")


class Link(Struct, frozen=True):
    """One SELECT of a chain, and the alias and the names of columns by which the SELECT around it knows it."""

    select: exp.Select
    alias: str = ""
    columns: tuple[str, ...] = ()

    def around(self, query: exp.Query) -> exp.Subquery:
        """A query in the place of this one."""
        columns = [exp.to_identifier(name, quoted=True) for name in self.columns]
        name = exp.to_identifier(self.alias or "__below", quoted=True)
        return exp.Subquery(this=query, alias=exp.TableAlias(this=name, columns=columns))


def grouping_chain(tree: exp.Query, aggregates: frozenset[str]) -> list[Link]:
    """The chain of a query; empty where it has none."""
    found: list[Link] = []
    link = Link(tree) if isinstance(tree, exp.Select) else None
    ctes: dict[str, exp.CTE] = {}
    while link is not None:
        found.append(link)
        if groups(link.select, aggregates):
            return found
        clause = link.select.args.get("with_")
        ctes = {**ctes, **({cte.alias.casefold(): cte for cte in clause.expressions} if clause else {})}
        link = below(link.select, ctes)
    return []


def groups(select: exp.Select, aggregates: frozenset[str]) -> bool:
    """Whether a SELECT makes one row of many."""
    return bool(select.args.get("group")) or any(has_aggregate(p, aggregates) for p in select.expressions)


def below(select: exp.Select, ctes: Mapping[str, exp.CTE]) -> Link | None:
    """The SELECT that a SELECT reads alone, as a subquery or by the name of a CTE."""
    source = only_source(select)
    if source is None:
        return None
    columns = tuple(source.alias_column_names)
    if isinstance(source, exp.Subquery):
        return Link(source.this, source.alias, columns) if isinstance(source.this, exp.Select) else None
    cte = ctes.get(source.name.casefold()) if isinstance(source, exp.Table) and not source.db else None
    if cte is None or not isinstance(cte.this, exp.Select):
        return None
    return Link(cte.this, source.alias_or_name, columns or tuple(cte.alias_column_names))


def leaves_out(chain: Sequence[Link]) -> bool:
    """Whether a SELECT of a chain keeps some of the groups from the model."""
    last = chain[-1].select
    return any(keeps_some(link.select) or (link.select is not last and link.select.args.get("where")) for link in chain)


def keeps_some(select: exp.Select) -> bool:
    """Whether a SELECT gives some of its rows only."""
    distinct = select.args.get("distinct")
    parts = [part for part in FILTERS if part != "order" and select.args.get(part)]
    return bool(parts) or (distinct is not None and distinct.args.get("on") is not None)


def without_filters(chain: Sequence[Link]) -> exp.Select:
    """The query of a chain with all of its groups."""
    first, rest = chain[0], chain[1:]
    query = first.select.copy()
    for part in (*FILTERS, "distinct", *(["where"] if rest else [])):
        query.set(part, None)
    if rest:
        query.set("from_", exp.From(this=rest[0].around(without_filters(rest))))
    return query


def common_tables(tree: exp.Query) -> dict[str, exp.Query]:
    """The CTEs of a query by folded name."""
    clause = tree.args.get("with_")
    return {cte.alias.casefold(): cte.this for cte in clause.expressions} if clause else {}


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
