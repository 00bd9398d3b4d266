"""How far before `as_of()` a row can still matter: the lower end of each scan's time interval.

A bound is only given where rows beyond it are proved to change nothing. Comparisons with NULL are
never true, and `as_of()` moved back stays infinite where it is, so that neither needs a rule of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from sqlglot import exp

from featsql.resolve.aggregates import has_aggregate, is_aggregate
from featsql.resolve.lineage.bounds import Bound, bounds
from featsql.resolve.lineage.span import at_least
from featsql.resolve.qualify import RENAMED, Resolved
from featsql.resolve.scope import (
    Leaf,
    conjuncts,
    cte_of,
    joins,
    output,
    query_behind,
    scan_of,
    sources,
    uses,
    where,
)

STILL = ("group", "having", "qualify", "distinct", "limit", "offset", "laterals", "sample", "windows")


def lower_bounds(
    resolved: Resolved, clocks: Mapping[int, str], keys: Sequence[str] | None
) -> Mapping[int, exp.Interval]:
    """For each scan an interval w such that rows with `event_time < as_of() - w` change nothing.

    `clocks` gives the event-time column of each scan that is worth asking about, `keys` the
    output columns that are entity keys. Found in WHERE and ON, and in the filters of a final
    aggregate by those keys if every aggregate has one: that a group is there at all does not matter
    then, because a missing row gets the aggregates' values over no rows. For a model that another
    one reads it does matter: it has no `keys` here.
    """
    if resolved.tree is None:
        return {}
    lookback = Lookback(resolved.tree, resolved.aggregates, {n: c.casefold() for n, c in clocks.items()})
    found = least([*lookback.filters(), *(lookback.final_filters(keys) if keys is not None else ())])
    return {scan: at_least(seconds) for scan, seconds in found.items()}


class Lookback:
    """One bound tree, searched for conditions on the clocks of its scans."""

    def __init__(self, tree: exp.Query, aggregates: frozenset[str], clocks: Mapping[int, str]) -> None:
        self.tree = tree
        self.aggregates = aggregates
        self.clocks = clocks

    def filters(self) -> Iterator[tuple[int, float]]:
        """What rows must satisfy to have any effect."""
        for select in self.tree.find_all(exp.Select):
            for alias, terms in needed(select):
                yield from self.scans_of(select, [b for b in bounds(terms) if b[0][0] == alias])

    def scans_of(self, select: exp.Select, found: Iterable[Bound]) -> Iterator[tuple[int, float]]:
        """The bounds that are bounds on the clock of a scan."""
        for (alias, column), seconds in found:
            below = self.filtered_scan(sources(select)[alias], column)
            if below is not None and self.clocks.get(below.scan) == below.column:
                yield below.scan, seconds

    def filtered_scan(self, source: exp.Expr, column: str) -> Leaf | None:
        """The scan whose rows a filter on a source's column drops just as well further down."""
        scan = scan_of(source)
        if scan is not None:
            return Leaf(scan, column)
        query, cte = query_behind(source), cte_of(source)
        if not isinstance(query, exp.Select) or (cte is not None and len(uses(cte, self.tree)) != 1):
            return None
        value = output(query, column)
        if not isinstance(value, exp.Column) or not rows_stand_alone(query, self.aggregates):
            return None
        alias = value.table.casefold()
        if alias not in (each for each, _ in needed(query)):
            return None
        return self.filtered_scan(sources(query)[alias], value.name.casefold())

    def final_filters(self, keys: Sequence[str]) -> Iterator[tuple[int, float]]:
        """The widest filters of a model that ends in aggregates by its keys, every aggregate filtered."""
        final = final_aggregate(self.tree, self.aggregates)
        folded = {key.casefold() for key in keys}
        if final is None or not groups_by(final, folded, self.aggregates):
            return
        parts = [self.filters_of(final.select, value) for name, value in final.outputs if name not in folded]
        if any(part is None for part in parts):
            return
        seen = {alias for alias, _ in needed(final.select)}
        reach: list[dict[int, float]] = []
        for clause in (clause for part in parts for clause in part or ()):
            found = [bound for bound in bounds(clause) if bound[0][0] in seen]
            reach.append(least(self.scans_of(final.select, found)))
        for scan in set.intersection(*(set(each) for each in reach)) if reach else ():
            yield scan, max(each[scan] for each in reach)

    def filters_of(self, select: exp.Select, value: exp.Expr) -> list[list[exp.Expr]] | None:
        """For each aggregate of an expression the terms of its filter; None where something else makes
        a row differ from the values over no rows."""
        found: list[list[exp.Expr]] = []
        for node in value.walk(prune=lambda n: isinstance(n, exp.Filter)):
            if isinstance(node, exp.Filter) and is_aggregate(node, self.aggregates):
                found.append(conjuncts(node.expression.this))
            elif is_aggregate(node, self.aggregates) or is_unknown(node):
                return None
        return found if found or select.args.get("group") is None else None


def least(found: Iterable[tuple[int, float]]) -> dict[int, float]:
    """The least of the bounds on each scan, since all of them hold."""
    smallest: dict[int, float] = {}
    for scan, seconds in found:
        smallest[scan] = min(seconds, smallest.get(scan, seconds))
    return smallest


def is_unknown(node: exp.Expr) -> bool:
    """Whether a node reads rows, or calls something of which it is not known that it does not."""
    if isinstance(node, exp.Anonymous):
        return node.name.casefold() != "as_of"
    return isinstance(node, exp.Window | exp.Query | exp.Column | exp.Filter | exp.Dot)


def needed(select: exp.Select) -> Iterator[tuple[str, list[exp.Expr]]]:
    """Each source of a SELECT, by alias, with the terms that its rows must satisfy to have any effect.

    A row that an as-of join picked, or passed over, has an effect without being seen: such sources
    are left out.
    """
    clause = select.args.get("from_")
    if clause is None or select.args.get("laterals") or any(join.method == "POSITIONAL" for join in joins(select)):
        return
    inner = [join for join in joins(select) if not join.side and not join.method and join.kind in {"", "INNER"}]
    terms = [*where(select), *(term for join in inner for term in conjuncts(join.args.get("on")))]
    yield clause.this.alias_or_name.casefold(), terms
    for join in joins(select):
        if join.method:
            continue
        own = [] if join.side in {"FULL", "RIGHT"} else conjuncts(join.args.get("on"))
        unseen = join.kind in {"SEMI", "ANTI"}
        yield join.this.alias_or_name.casefold(), own if unseen else [*terms, *own]


def rows_stand_alone(select: exp.Select, aggregates: frozenset[str]) -> bool:
    """Whether what a SELECT says of one row does not depend on others."""
    if any(select.args.get(part) for part in STILL):
        return False
    return not any(value.find(exp.Window) or has_aggregate(value, aggregates) for value in select.expressions)


class Final(Struct, frozen=True):
    """The SELECT in which a model's rows are aggregated last, and the expressions of it that the model's
    outputs are, by folded name."""

    select: exp.Select
    outputs: list[tuple[str, exp.Expr]]


def final_aggregate(query: exp.Expr | None, aggregates: frozenset[str]) -> Final | None:
    """The final aggregate of a query, passed on by nothing but plain projections."""
    if not isinstance(query, exp.Select):
        return None
    outputs = [(value.alias_or_name.casefold(), value.unalias()) for value in query.expressions]
    if query.args.get("group") or any(has_aggregate(value, aggregates) for _, value in outputs):
        odd = any(query.args.get(part) for part in STILL if part != "group")
        return None if odd else Final(query, outputs)
    below = list(sources(query).values())
    if len(below) != 1 or where(query) or RENAMED in below[0].meta or not rows_stand_alone(query, aggregates):
        return None
    inner = final_aggregate(query_behind(below[0]), aggregates)
    if inner is None or not all(isinstance(value, exp.Column) for _, value in outputs):
        return None
    given = dict(inner.outputs)
    if len(given) != len(inner.outputs) or any(value.name.casefold() not in given for _, value in outputs):
        return None
    return Final(inner.select, [(name, given[value.name.casefold()]) for name, value in outputs])


def groups_by(final: Final, keys: set[str], aggregates: frozenset[str]) -> bool:
    """Whether an aggregate has one group for each value of the keys, and no others."""
    group = final.select.args.get("group")
    values = [value for name, value in final.outputs if name in keys]
    if len(values) != len(keys) or any(has_aggregate(value, aggregates) for value in values):
        return False
    if group is None:
        return not keys
    if any(group.args.get(part) for part in ("grouping_sets", "cube", "rollup", "totals")):
        return False
    if group.args.get("all"):
        grouped = [v.unalias() for v in final.select.expressions if not has_aggregate(v, aggregates)]
    else:
        grouped = [term.unnest() for term in group.expressions]
    plain = [value.unnest() for value in values]
    return all(term in plain for term in grouped) and all(value in grouped for value in plain)
