"""Stage 7: column lineage through any SQL, from bound trees: value edges, and the influences that others forget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from featsql.resolve.aggregates import has_aggregate
from featsql.resolve.catalog import Catalog
from featsql.resolve.graph import Graph, model_key
from featsql.resolve.lineage import ROWS, Edge, Lineage, Table, Transformation
from featsql.resolve.qualify import Resolved

Origin = tuple[str, str]
RANK: Mapping[str, int] = {"identity": 0, "expression": 1, "aggregation": 2, "window": 3}


def trace(resolved: Mapping[str, Resolved], graph: Graph, catalog: Catalog) -> Lineage:
    """The direct edges of every model, and every relation as a table of the lineage."""
    edges: dict[str, tuple[Edge, ...]] = {}
    coarse: dict[str, str] = {}
    for name, model in resolved.items():
        if model.tree is None:
            coarse[name] = model.why or "its columns cannot be bound"
        edges[name] = tuple(edges_of(model))
    return Lineage(tuple(tables_of(graph, catalog)), edges, coarse)


def tables_of(graph: Graph, catalog: Catalog) -> Iterator[Table]:
    """Every source, seed and model."""
    for key, source in graph.sources.items():
        kind = key.partition(":")[0]
        yield Table(key, kind, source.place.path if source.place else None, catalog.relations[key].columns)
    for name, model in graph.models.items():
        info = catalog.relations[model_key(name)]
        yield Table(info.key, model.config.kind, model.rendered.file.path, info.columns)


@dataclass(slots=True)
class Flow:
    """What one query gives: for each output (folded) its origins with what became of them, in order, and
    what influences all of its rows, with the clause that it acts through."""

    values: dict[str, dict[Origin, Transformation]] = field(default_factory=dict)
    influences: dict[Origin, str] = field(default_factory=dict)

    def influence(self, origins: Mapping[Origin, object], how: str) -> None:
        """Let columns influence every row."""
        for origin in origins:
            self.influences.setdefault(origin, how)


def edges_of(model: Resolved) -> Iterator[Edge]:
    """The edges of one model; where its tree is not bound, everything read may matter to everything given."""
    if model.tree is None:
        for output in model.info.names:
            for info in {info.key: info for info in model.scans.values()}.values():
                for column in info.names:
                    yield Edge(model.name, output, info.key, column, "value", "expression")
                yield Edge(model.name, output, info.key, ROWS, "influence", "rows")
        return
    flow = Tracer(model).query(model.tree, {}, {})
    for output, values in zip(model.info.names, flow.values.values(), strict=False):
        for (relation, column), how in values.items():
            yield Edge(model.name, output, relation, column, "value", how)
        for (relation, column), clause in flow.influences.items():
            yield Edge(model.name, output, relation, column, "influence", clause)


Scope = Mapping[str, Flow]


class Tracer:
    """One walk over a bound tree, from the scans up to the output."""

    def __init__(self, model: Resolved) -> None:
        self.model = model

    def query(self, query: exp.Expr, ctes: Scope, outer: Scope) -> Flow:
        """The flow of a query with its WITH; `outer` holds the sources that it may be correlated with."""
        clause = query.args.get("with_")
        known = dict(ctes)
        recursive = bool(clause and clause.args.get("recursive"))
        for cte in clause.expressions if clause else ():
            name = cte.alias.casefold()
            if recursive:
                known[name] = Flow({output.casefold(): {} for output in cte.this.named_selects})
            known[name] = self.named(self.query(cte.this, known, outer), cte.alias_column_names)
        match query:
            case exp.Subquery():
                return self.query(query.this, known, outer)
            case exp.SetOperation():
                return self.set_operation(query, known, outer)
            case exp.Select():
                return self.select(query, known, outer)
            case _:
                return Flow()

    def named(self, flow: Flow, names: list[str]) -> Flow:
        """A flow under other column names."""
        if not names:
            return flow
        renamed = [name.casefold() for name in names]
        rest = list(flow.values)[len(renamed) :]
        return Flow(dict(zip([*renamed, *rest], flow.values.values(), strict=True)), flow.influences)

    def set_operation(self, query: exp.SetOperation, ctes: Scope, outer: Scope) -> Flow:
        """Both branches, column by column; all but UNION ALL compare whole rows."""
        left, right = self.query(query.this, ctes, outer), self.query(query.expression, ctes, outer)
        flow = Flow(influences={**right.influences, **left.influences})
        for (name, values), others in zip(left.values.items(), right.values.values(), strict=False):
            flow.values[name] = {**others, **values}
        if query.args.get("distinct") or not isinstance(query, exp.Union):
            for side in (left, right):
                for values in side.values.values():
                    flow.influence(values, query.key)
        return flow

    def select(self, select: exp.Select, ctes: Scope, outer: Scope) -> Flow:
        """A SELECT, clause by clause."""
        sources = dict(outer)
        flow = Flow()
        clause = select.args.get("from_")
        for source in [*([clause.this] if clause else []), *(j.this for j in select.args.get("joins") or ())]:
            below = self.source(source, ctes, sources)
            sources[source.alias_or_name.casefold()] = below
            flow.influence(below.influences, "rows")
        self.clauses(select, flow, ctes, sources)
        for value in select.expressions:
            flow.values[value.alias_or_name.casefold()] = self.value(value.unalias(), flow, ctes, sources)
        if select.args.get("distinct"):
            for values in flow.values.values():
                flow.influence(values, "distinct")
        return flow

    def source(self, source: exp.Expr, ctes: Scope, sources: Scope) -> Flow:
        """What stands in a FROM or JOIN."""
        if isinstance(source, exp.Table) and "scan" in source.meta:
            info = self.model.scans[source.meta["scan"]]
            values: dict[str, dict[Origin, Transformation]] = {
                name.casefold(): {(info.key, name): "identity"} for name in info.names
            }
            return self.named(Flow(values, {(info.key, ROWS): "rows"}), source.alias_column_names)
        if isinstance(source, exp.Table) and source.name.casefold() in ctes:
            return self.named(ctes[source.name.casefold()], source.alias_column_names)
        if isinstance(source, exp.Subquery | exp.Lateral):
            inner = source.this.this if isinstance(source.this, exp.Subquery) else source.this
            if isinstance(inner, exp.Query):
                return self.named(self.query(inner, ctes, sources), source.alias_column_names)
        return self.computed(source, ctes, sources)

    def computed(self, source: exp.Expr, ctes: Scope, sources: Scope) -> Flow:
        """A table function or UNNEST: its columns come from its arguments."""
        flow = Flow()
        values = self.value(source, flow, ctes, sources)
        wide: dict[Origin, Transformation] = dict.fromkeys(values, "expression")
        names = source.alias_column_names or [source.alias_or_name or "unnest"]
        for name in (*names, source.alias_or_name):
            flow.values[name.casefold()] = wide
        flow.influence(wide, "rows")
        return flow

    def clauses(self, select: exp.Select, flow: Flow, ctes: Scope, sources: Scope) -> None:
        """What decides which rows there are, and how they meet."""
        for join in select.args.get("joins") or ():
            self.influences(join.args.get("on"), "join", flow, ctes, sources)
        parts = {"where": "filter", "group": "group", "having": "filter", "qualify": "filter"}
        if select.args.get("limit") or select.args.get("offset") or select.args.get("distinct"):
            parts |= {"order": "order", "limit": "limit", "offset": "limit"}
        for part, how in parts.items():
            self.influences(select.args.get(part), how, flow, ctes, sources)
        group = select.args.get("group")
        if group is not None and group.args.get("all"):
            for value in select.expressions:
                if not has_aggregate(value, self.model.aggregates):
                    self.influences(value, "group", flow, ctes, sources)
        for window in select.args.get("windows") or ():
            self.influences(window, "window", flow, ctes, sources)

    def influences(self, clause: exp.Expr | None, how: str, flow: Flow, ctes: Scope, sources: Scope) -> None:
        """Let the columns of a clause influence every row."""
        if clause is not None:
            flow.influence(self.value(clause, flow, ctes, sources), how)

    def value(self, value: exp.Expr, flow: Flow, ctes: Scope, sources: Scope) -> dict[Origin, Transformation]:
        """The origins of an expression; what only decides about it is added to the flow's influences."""
        if isinstance(value, exp.Column):
            return dict(self.column(value, sources))
        found: dict[Origin, Transformation] = {}
        for part, step in parts_of(value, self.model.aggregates):
            if isinstance(part, exp.Query):
                inner = self.query(part, ctes, sources)
                flow.influence(inner.influences, "subquery")
                origins = {o: h for values in inner.values.values() for o, h in values.items()}
            else:
                origins = self.value(part, flow, ctes, sources)
            if step is None:
                flow.influence(origins, value.key)
                continue
            for origin, how in origins.items():
                reached = max(how, step, key=lambda t: RANK[t])
                found[origin] = max(found.get(origin, reached), reached, key=lambda t: RANK[t])
        return found

    def column(self, column: exp.Column, sources: Scope) -> Mapping[Origin, Transformation]:
        """The origins of one column; one without a known source may be any source's."""
        name = column.name.casefold()
        if column.table:
            return sources.get(column.table.casefold(), Flow()).values.get(name, {})
        return {o: h for source in sources.values() for o, h in source.values.get(name, {}).items()}


def parts_of(value: exp.Expr, aggregates: frozenset[str]) -> Iterator[tuple[exp.Expr, Transformation | None]]:
    """The operands of an expression, each with what the expression makes of it: a transformation, or None
    where the operand only decides about the value."""
    step: Transformation = "expression"
    if isinstance(value, exp.Window):
        step = "window"
    elif has_aggregate(value, aggregates) and not isinstance(value, exp.Alias):
        own = isinstance(value, exp.AggFunc | exp.Anonymous | exp.AnonymousAggFunc | exp.Filter)
        step = "aggregation" if own else "expression"
    for name, argument in value.args.items():
        deciding = (
            (isinstance(value, exp.Filter) and name == "expression")
            or (isinstance(value, exp.Window) and name in {"partition_by", "order"})
            or isinstance(value, exp.Order | exp.Exists)
        )
        for part in argument if isinstance(argument, list) else [argument]:
            if isinstance(part, exp.Expr) and not isinstance(part, exp.Identifier | exp.Literal | exp.DataType):
                yield part, None if deciding else step
