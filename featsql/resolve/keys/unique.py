"""Which columns of a query are known to tell its rows apart, from declared keys and from the SQL itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from featsql.resolve.aggregates import has_aggregate
from featsql.resolve.graph import Graph
from featsql.resolve.qualify import Resolved
from featsql.resolve.scope import conjuncts, cte_of, joins, scan_of, where

# Folded column names of which no two rows have the same values; empty where there is one row at most.
Key = frozenset[str]


class Uniqueness:
    """The keys of the queries in one bound tree, which is asked at instants or of all rows that there are."""

    def __init__(self, model: Resolved, graph: Graph, *, at_instants: bool = True) -> None:
        self.model = model
        self.graph = graph
        self.at_instants = at_instants

    def of_source(self, source: exp.Expr) -> Iterator[Key]:
        """The keys of what stands in a FROM or JOIN."""
        number = scan_of(source)
        if number is not None:
            yield from self.of_relation(self.model.scans[number].key)
        elif isinstance(source, exp.Subquery):
            yield from self.of_query(source.this)
        elif (cte := cte_of(source)) is not None:
            yield from self.of_query(cte.this)

    def of_relation(self, key: str) -> Iterator[Key]:
        """The keys of a relation, as declared."""
        clock = self.model_clock(key)
        if clock:
            yield frozenset(name.casefold() for name in clock)
        model = self.graph.models.get(key.partition(":")[2]) if key.startswith("model:") else None
        if model is None:
            return
        config, entities = model.config, self.graph.project.entities
        if config.unique_key:
            yield frozenset(name.casefold() for name in config.unique_key)
        if config.kind == "features":
            yield frozenset(k.casefold() for name in config.entity if name in entities for k in entities[name].keys)

    def model_clock(self, key: str) -> tuple[str, ...]:
        """The key of which a relation has one row: at an instant one version, and of events also else, because they
        are hardly ever corrected."""
        clock = next((info.clock for info in self.model.scans.values() if info.key == key), None)
        all_versions = clock is not None and clock.kind == "state" and not self.at_instants
        return clock.unique_key if clock is not None and not all_versions else ()

    def has_several(self, source: exp.Expr) -> bool:
        """Whether a source is a relation of events or of versions, which has as many rows as there were of them."""
        number = scan_of(source)
        clock = self.model.scans[number].clock if number is not None else None
        return clock is not None and clock.kind in {"events", "state"}

    def is_static(self, source: exp.Expr) -> bool:
        """Whether a source is a timeless list, of which we take it that it has no row twice."""
        number = scan_of(source)
        clock = self.model.scans[number].clock if number is not None else None
        return clock is not None and clock.kind == "static"

    def of_query(self, query: exp.Expr) -> Iterator[Key]:
        """The keys of a query's outputs."""
        if isinstance(query, exp.Subquery):
            yield from self.of_query(query.this)
        if not isinstance(query, exp.Select):
            return
        outputs = {value.unalias().sql(comments=False): value.alias_or_name.casefold() for value in query.expressions}
        group = query.args.get("group")
        aggregated = any(has_aggregate(value, self.model.aggregates) for value in query.expressions)
        if group is not None:
            yield from self.grouped(query, group, outputs)
        elif aggregated or (query.args.get("limit") is not None and query.args["limit"].expression.name == "1"):
            yield frozenset()
        distinct = query.args.get("distinct")
        if distinct is not None and distinct.args.get("on") is None:
            yield frozenset(outputs.values())
        yield from self.numbered(query, outputs)
        if group is None and not aggregated:
            yield from self.passed_on(query)

    def grouped(self, query: exp.Select, group: exp.Expr, outputs: Mapping[str, str]) -> Iterator[Key]:
        """The terms of a GROUP BY, if all of them are given."""
        terms = [term.unnest() for term in group.expressions]
        if group.args.get("all"):
            terms = [v.unalias() for v in query.expressions if not has_aggregate(v, self.model.aggregates)]
        if all(term.sql(comments=False) in outputs for term in terms) and not any(
            group.args.get(part) for part in ("rollup", "cube", "grouping_sets")
        ):
            yield frozenset(outputs[term.sql(comments=False)] for term in terms)

    def numbered(self, query: exp.Select, outputs: Mapping[str, str]) -> Iterator[Key]:
        """The partition of `row_number() over (partition by ...) = 1`."""
        clause = query.args.get("qualify")
        for term in conjuncts(clause.this) if clause is not None else ():
            window = term.find(exp.Window)
            one = isinstance(term, exp.EQ) and term.expression.name == "1"
            if one and window is not None and isinstance(window.this, exp.RowNumber):
                parts = window.args.get("partition_by") or []
                if all(part.sql(comments=False) in outputs for part in parts):
                    yield frozenset(outputs[part.sql(comments=False)] for part in parts)

    def passed_on(self, query: exp.Select) -> Iterator[Key]:
        """The keys of the first source, where what it is joined with multiplies none of its rows."""
        clause = query.args.get("from_")
        if clause is None or any(self.multiplies(join, query) for join in joins(query)):
            return
        alias = clause.this.alias_or_name
        names = {v.unalias().name.casefold(): v.alias_or_name.casefold() for v in query.expressions}
        own = {v.unalias().name.casefold() for v in query.expressions if is_column_of(v.unalias(), alias)}
        for key in self.of_source(clause.this):
            if key <= own:
                yield frozenset(names[name] for name in key)

    def multiplies(self, join: exp.Join, select: exp.Select) -> bool:
        """Whether a row may meet several rows of what is joined."""
        if join.kind in {"SEMI", "ANTI"} or join.method == "ASOF" or self.is_static(join.this):
            return False
        return not self.told_apart(join.this, select)

    def told_apart(self, source: exp.Expr, select: exp.Select) -> bool:
        """Whether the columns of a source that are held equal to others' are a key of it."""
        alias = source.alias_or_name.casefold()
        if any(is_missing(term, alias) for term in where(select)):
            return True
        held = self.held(alias, select)
        return any(key <= held for key in self.of_source(source))

    def held(self, alias: str, select: exp.Select) -> set[str]:
        """The columns of a source that are held equal to others'."""
        terms = [*where(select), *(term for join in joins(select) for term in conjuncts(join.args.get("on")))]
        return {side.name.casefold() for term in terms for side in held_of(term, alias)}


def held_of(term: exp.Expr, alias: str) -> Iterator[exp.Expr]:
    """The columns of a source that a term holds equal to something outside of it."""
    if isinstance(term, exp.EQ):
        for side, other in ((term.this, term.expression), (term.expression, term.this)):
            outside = all(column.table.casefold() != alias for column in other.find_all(exp.Column))
            if is_column_of(side, alias) and outside:
                yield side


def is_column_of(node: exp.Expr, alias: str) -> bool:
    """Whether a node is a column of a source."""
    return isinstance(node, exp.Column) and node.table.casefold() == alias.casefold()


def is_missing(term: exp.Expr, alias: str) -> bool:
    """Whether a term keeps the rows that an optional source has no match for."""
    return isinstance(term, exp.Is) and isinstance(term.expression, exp.Null) and is_column_of(term.this, alias)
