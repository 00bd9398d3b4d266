"""One walk over a bound tree, from its scans up to its outputs, with what acts on each and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from featsql.resolve.aggregates import CALLS, has_aggregate, is_aggregate
from featsql.resolve.lineage.flow import Act, Flow, MisledError, Output, join, narrow, paired
from featsql.resolve.lineage.lineage import ROWS, Influence
from featsql.resolve.lineage.lookback import Final, final_aggregate, groups_by, is_unknown, needed, rows_stand_alone
from featsql.resolve.lineage.moments import is_as_of, restrictions
from featsql.resolve.lineage.operands import aliased, is_parameter, meet_by_instant, owner, parts_of, picked
from featsql.resolve.lineage.reach import Span, hull
from featsql.resolve.lineage.timing import Timing
from featsql.resolve.qualify import Resolved
from featsql.resolve.scope import conjuncts, joins, output, sources

Scope = Mapping[str, Flow]
# The clauses that cut a result short, and how what they name decides about it.
CUTTING: Mapping[str, Influence] = {"order": "ordering", "limit": "limit", "offset": "limit"}


class Tracer:
    """One bound tree; `readings` gives the scan of every reading."""

    def __init__(self, model: Resolved, known: Timing) -> None:
        self.model = model
        self.known = known
        self.readings: dict[int, int] = {}
        self.final = self.final_of()

    def final_of(self) -> Final | None:
        """The aggregate in which a features model ends, if it has one row for each value of its keys: that a
        row is missing then says no more than that its aggregates are those over no rows."""
        keys = self.known.keys
        final = final_aggregate(self.model.tree, self.model.aggregates) if keys is not None else None
        return final if final is not None and groups_by(final, set(keys or ()), self.model.aggregates) else None

    def is_now(self, node: exp.Expr) -> bool:
        """Whether a node is the model's instant: `as_of()`, or the column that a label model gives as such."""
        if is_as_of(node):
            return True
        root = self.model.tree
        if self.known.now is None or not isinstance(node, exp.Column) or not isinstance(root, exp.Select):
            return False
        if not meet_by_instant(root):
            return False
        instant = output(root, self.known.now)
        if not isinstance(instant, exp.Column) or node.name.casefold() != instant.name.casefold():
            return False
        return node.table.casefold() == instant.table.casefold() and owner(node) is root

    def query(self, query: exp.Expr, ctes: Scope, outer: Scope) -> Flow:
        """The flow of a query with its WITH; `outer` holds the sources that it may be correlated with."""
        clause = query.args.get("with_")
        known = dict(ctes)
        for cte in clause.expressions if clause else ():
            name, names = cte.alias.casefold(), cte.alias_column_names
            if clause is not None and clause.args.get("recursive"):
                known[name] = self.recursive(cte, known, outer)
            else:
                known[name] = self.query(cte.this, known, outer).named(names)
        match query:
            case exp.Subquery() if isinstance(query.this, exp.Query):
                return self.query(query.this, known, outer)
            case exp.SetOperation():
                return self.set_operation(query, known, outer)
            case exp.Select():
                return self.select(query, known, outer)
            case _:
                raise MisledError(f"{query.key.upper()} has columns that cannot be told")

    def recursive(self, cte: exp.CTE, ctes: Scope, outer: Scope) -> Flow:
        """A CTE that may read itself: anything in it may come of anything, at any round."""
        name = cte.alias.casefold()
        blank = Flow({each.casefold(): Output() for each in cte.alias_column_names or cte.this.named_selects})
        flow = self.query(cte.this, {**ctes, name: blank}, outer).named(cte.alias_column_names)
        if not any(table.name.casefold() == name and not table.db for table in cte.this.find_all(exp.Table)):
            return flow
        mixed = Output()
        for each in flow.outputs.values():
            mixed.take(each, "expression")
        rows = dict(flow.influences)
        mixed.decide(rows, "rows")
        return Flow(dict.fromkeys(flow.outputs, mixed), rows)

    def set_operation(self, query: exp.SetOperation, ctes: Scope, outer: Scope) -> Flow:
        """Both branches, column by column; all but UNION ALL compare whole rows."""
        left, right = self.query(query.this, ctes, outer), self.query(query.expression, ctes, outer)
        flow = Flow()
        join(flow.influences, [*left.influences.items(), *right.influences.items()])
        pairs = paired(left, right, bool(query.args.get("by_name")))
        for name, sides in pairs.items():
            flow.outputs[name] = Output()
            for _, each in sides:
                join(flow.outputs[name].values, each.values.items())
                join(flow.outputs[name].influences, each.influences.items())
        if query.args.get("distinct") or not isinstance(query, exp.Union):
            for each in [*left.outputs.values(), *right.outputs.values()]:
                each.decide(flow.influences, "deduplication" if isinstance(query, exp.Union) else "existence")
        elif not any(query.args.get(part) for part in ("limit", "offset")):
            for name, sides in pairs.items():
                clocks = [side.clocks.get(old, frozenset()) for (side, old), _ in sides]
                flow.clocks[name] = frozenset().union(*clocks)
        if query.args.get("limit") or query.args.get("offset"):
            for part, how in CUTTING.items():
                clause = query.args.get(part)
                if clause is not None:
                    self.value(clause, ctes, {**outer, "": flow}).decide(flow.influences, how)
        return flow

    def select(self, select: exp.Select, ctes: Scope, outer: Scope) -> Flow:
        """A SELECT, clause by clause."""
        flow, scope = Flow(), dict(outer)
        own = self.own_sources(select, ctes, outer)
        scope |= own
        self.clauses(select, flow, ctes, scope)
        for below in own.values():
            join(flow.influences, below.influences.items())
        alone = rows_stand_alone(select, self.model.aggregates)
        for value in select.expressions:
            name, inner = value.alias_or_name.casefold(), value.unalias()
            if name in flow.outputs:
                raise MisledError(f"two columns of a query are named `{name}`")
            flow.outputs[name] = found = self.value(inner, ctes, scope)
            if alone and isinstance(inner, exp.Column) and inner.table.casefold() in own:
                flow.clocks[name] = own[inner.table.casefold()].clocks.get(inner.name.casefold(), frozenset())
            if isinstance(inner, exp.Column):
                found.complete = own.get(inner.table.casefold(), Flow()).output(inner.name).complete
        self.finish(select, flow, scope)
        return flow

    def finish(self, select: exp.Select, flow: Flow, scope: Scope) -> None:
        """What can only be said when all outputs are known."""
        distinct = select.args.get("distinct")
        if distinct:
            for each in flow.outputs.values():
                each.decide(flow.influences, "deduplication")
        if self.final is None or self.final.select is not select:
            return
        for value in select.expressions:
            spans = self.filtered(value.unalias(), scope)
            if spans is not None:
                found = flow.outputs[value.alias_or_name.casefold()]
                join(found.influences, narrow(flow.influences, spans).items())
                found.complete = True

    def own_sources(self, select: exp.Select, ctes: Scope, outer: Scope) -> dict[str, Flow]:
        """What stands in FROM and JOIN, by alias, narrowed to the rows that can have any effect."""
        found: dict[str, Flow] = {}
        for alias, source in sources(select).items():
            found[alias] = self.source(source, ctes, {**outer, **found})
        terms = dict(needed(select))
        for alias, flow in found.items():
            if alias not in terms:
                found[alias] = Flow(flow.outputs, flow.influences)
                continue
            found[alias] = flow.narrowed(self.spans({alias: flow}, terms[alias]))
        return found

    def spans(self, scope: Scope, terms: Sequence[exp.Expr]) -> dict[int, Span]:
        """For each reading whose clock some terms are about: when a row of it lies for which all are true."""
        found: dict[int, Span] = {}
        for (alias, column), span in restrictions(terms, self.is_now).items():
            for number in scope.get(alias, Flow()).clocks.get(column, ()):
                lower = self.readings[number] in self.known.lower
                limit = Span(span.lower, float("inf"), span.opened) if lower else span
                found[number] = limit.intersect(found[number]) if number in found else limit
        return found

    def filtered(self, value: exp.Expr, scope: Scope) -> dict[int, Span] | None:
        """When rows lie that can change an expression of aggregates, each of which picks its rows; None where
        something else makes a group of rows differ from no rows."""
        found: list[dict[int, Span]] = []
        for node in value.walk(prune=lambda n: isinstance(n, exp.Filter) or picked(n) is not None):
            condition = self.condition(node)
            if condition is not None:
                found.append(self.spans(scope, conjuncts(condition)))
            elif is_aggregate(node, self.model.aggregates) or is_unknown(node):
                return None
        if not found:
            return None
        common = set(found[0]).intersection(*found[1:])
        return {number: hull(each[number] for each in found) for number in common}

    def condition(self, value: exp.Expr) -> exp.Expr | None:
        """What an aggregate demands of a row before it counts."""
        if isinstance(value, exp.Filter) and is_aggregate(value, self.model.aggregates):
            condition: exp.Expr = value.expression.this
            return condition
        return picked(value)

    def source(self, source: exp.Expr, ctes: Scope, scope: Scope) -> Flow:
        """What stands in a FROM or JOIN."""
        names = source.alias_column_names
        if any(source.args.get(part) for part in ("joins", "pivots", "laterals")):
            raise MisledError("a join in parentheses hides what it reads")
        if isinstance(source, exp.Table) and "scan" in source.meta:
            return self.scan(source.meta["scan"]).named(names)
        if isinstance(source, exp.Table) and not source.db and source.name.casefold() in ctes:
            return self.again(ctes[source.name.casefold()]).named(names)
        if isinstance(source, exp.Subquery | exp.Lateral):
            inner = source.this.this if isinstance(source.this, exp.Subquery) else source.this
            if isinstance(inner, exp.Query):
                flow = self.query(inner, ctes, scope).named(names)
                return flow if not source.args.get("sample") else Flow(flow.outputs, flow.influences)
        return self.computed(source, ctes, scope)

    def scan(self, number: int) -> Flow:
        """A new reading of a relation."""
        reading = len(self.readings)
        self.readings[reading] = number
        info, span = self.model.scans[number], self.known.spans[number]
        outputs = {name.casefold(): Output({(reading, name): Act(("identity",), span)}) for name in info.names}
        clock = self.known.clocks.get(number)
        clocks = {clock: frozenset({reading})} if clock is not None else {}
        return Flow(outputs, {(reading, ROWS): Act(("rows",), span)}, clocks)

    def again(self, flow: Flow) -> Flow:
        """A CTE read once more: its readings are others than those of the last time."""
        numbers: dict[int, int] = {}
        for old in sorted(flow.readings):
            numbers[old] = len(self.readings)
            self.readings[numbers[old]] = self.readings[old]
        return flow.under(numbers)

    def computed(self, source: exp.Expr, ctes: Scope, scope: Scope) -> Flow:
        """A table function or UNNEST: its columns come from its arguments."""
        if source.find(exp.Query) is not None or any("scan" in t.meta for t in source.find_all(exp.Table)):
            raise MisledError(f"{source.key.upper()} hides what it reads")
        wide = Output()
        wide.take(self.value(source, ctes, scope), "expression")
        names = source.alias_column_names or [source.alias_or_name or "unnest"]
        flow = Flow({name.casefold(): wide for name in (*names, source.alias_or_name)})
        wide.decide(flow.influences, "rows")
        return flow

    def clauses(self, select: exp.Select, flow: Flow, ctes: Scope, scope: Scope) -> None:
        """What decides which rows there are, and how they meet."""
        found: list[tuple[object, Influence]] = [(each.args.get("on"), "join") for each in joins(select)]
        parts: dict[str, Influence] = {"where": "filter", "group": "grouping", "having": "filter", "qualify": "filter"}
        distinct = select.args.get("distinct")
        if select.args.get("limit") or select.args.get("offset") or distinct:
            parts |= {**CUTTING, "distinct": "deduplication"}
        found += [(select.args.get(part), how) for part, how in parts.items()]
        group = select.args.get("group")
        if group is not None and group.args.get("all"):
            plain = [value for value in select.expressions if not has_aggregate(value, self.model.aggregates)]
            found += [(value, "grouping") for value in plain]
        for clause, how in found:
            if isinstance(clause, exp.Expr):
                self.value(clause, ctes, scope).decide(flow.influences, how)
        for window in select.args.get("windows") or ():
            join(flow.influences, self.value(window, ctes, scope).influences.items())

    def value(self, value: exp.Expr, ctes: Scope, scope: Scope, *, bare: bool = False) -> Output:
        """What an expression comes from, and what only decides about it; `bare` of one around which nothing aggregates,
        so that nothing in it does."""
        if isinstance(value, exp.Column):
            return self.column(value, ctes, scope)
        condition = self.condition(value)
        if condition is not None:
            spans = self.spans(scope, conjuncts(condition))
            scope = {alias: flow.narrowed(spans) for alias, flow in scope.items()} if spans else scope
        found = Output()
        bare = bare or value.find(*CALLS) is None
        for part, step, how in parts_of(value, self.model.aggregates, bare):
            operands = [self.value(part, ctes, scope, bare=bare)] if not isinstance(part, exp.Query) else []
            if isinstance(part, exp.Query):
                inner = self.query(part, ctes, scope)
                operands = [Output(influences=inner.influences), *inner.outputs.values()]
            for each in operands:
                if how is None:
                    found.take(each, step)
                else:
                    each.decide(found.influences, how)
        return found

    def column(self, column: exp.Column, ctes: Scope, scope: Scope) -> Output:
        """What one column comes from; where its source is not known, it may be anything in sight."""
        name, found = column.name.casefold(), Output()
        known = scope.get(column.table.casefold()) if column.table else None
        if known is not None and name in known.outputs:
            found.take(known.outputs[name], "identity")
            return found
        if not column.table and is_parameter(column):
            return found
        named = [flow for flow in scope.values() if not column.table and name in flow.outputs]
        alias = None if column.table or named else aliased(column)
        if alias is not None:
            return self.value(alias, ctes, scope)
        for flow in [known] if known is not None else named or scope.values():
            for each in [flow.outputs[name]] if name in flow.outputs else flow.outputs.values():
                found.take(each, "identity" if named else "expression")
        return found
