"""One walk over a bound tree, from its scans up to its outputs, with what acts on each and when."""

from __future__ import annotations

from sqlglot import exp

from featsql.resolve.aggregates import CALLS
from featsql.resolve.binding.rows import WHOLE
from featsql.resolve.binding.slots import hold_to_parts, is_understood, words_of
from featsql.resolve.lineage.flow import Flow, MisledError, Output, join, narrow, paired
from featsql.resolve.lineage.lookback import needed, rows_stand_alone
from featsql.resolve.lineage.operands import (
    CUTTING,
    aliased,
    clauses_of,
    is_parameter,
    parts_of,
)
from featsql.resolve.lineage.readings import Readings, Scope
from featsql.resolve.scope import conjuncts, joins, sources


class Tracer(Readings):
    """One bound tree, walked."""

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
        hold_to_parts(query)
        match query:
            case exp.Subquery() if isinstance(query.this, exp.Query):
                return self.cut(query, self.query(query.this, known, outer), known, outer)
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
        return self.cut(query, flow, ctes, outer)

    def cut(self, query: exp.Expr, flow: Flow, ctes: Scope, outer: Scope) -> Flow:
        """What a LIMIT behind a set operation or behind parentheses leaves of it."""
        if not query.args.get("limit") and not query.args.get("offset"):
            return flow
        cut = Flow(flow.outputs, dict(flow.influences))
        for part, how in CUTTING.items():
            clause = query.args.get(part)
            if clause is not None:
                self.value(clause, ctes, {**outer, "": flow}).decide(cut.influences, how)
        return cut

    def select(self, select: exp.Select, ctes: Scope, outer: Scope) -> Flow:
        """A SELECT, clause by clause."""
        flow, scope = Flow(), dict(outer)
        own = self.own_sources(select, ctes, outer)
        scope |= own
        self.clauses(select, flow, ctes, scope)
        for below in own.values():
            join(flow.influences, below.influences.items())
        self.note_rows(select, own)
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

    def note_rows(self, select: exp.Select, own: Scope) -> None:
        """Take the columns of whole rows as seen, also of those of which only a field is taken."""
        for alias in select.meta.get(WHOLE, ()):
            for each in own.get(alias, Flow()).outputs.values():
                self.seen.update(each.values.keys(), each.influences.keys())

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
        for each in joins(select):
            hold_to_parts(each)
        for alias, source in sources(select).items():
            found[alias] = self.source(source, ctes, {**outer, **found})
        terms = dict(needed(select))
        for alias, flow in found.items():
            if alias not in terms:
                found[alias] = Flow(flow.outputs, flow.influences)
                continue
            found[alias] = flow.narrowed(self.spans({alias: flow}, terms[alias]))
        return found

    def source(self, source: exp.Expr, ctes: Scope, scope: Scope) -> Flow:
        """What stands in a FROM or JOIN."""
        names = source.alias_column_names
        hold_to_parts(source)
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
        for clause, how in clauses_of(select, self.model.aggregates):
            self.value(clause, ctes, scope).decide(flow.influences, how)
        if select.args.get("order") is not None:
            self.value(select.args["order"], ctes, scope)  # where it cuts nothing it is only seen
        for window in select.args.get("windows") or ():
            join(flow.influences, self.value(window, ctes, scope).influences.items())

    def value(self, value: exp.Expr, ctes: Scope, scope: Scope, *, bare: bool = False) -> Output:
        """What an expression comes from, and what only decides about it; `bare` of one around which nothing aggregates,
        so that nothing in it does."""
        if isinstance(value, exp.Column | exp.TableColumn):
            return self.column(value, ctes, scope)
        if isinstance(value, exp.Identifier | exp.Var):
            return self.word(value, value.parent, ctes, scope)
        self.plain = self.plain and is_understood(value)
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
        for word in words_of(value):
            found.take(self.word(word, value, ctes, scope), "expression")
        return found

    def word(self, word: exp.Expr, parent: exp.Expr | None, ctes: Scope, scope: Scope) -> Output:
        """What a word comes from that may be a column: one, if any in sight has its name."""
        column = exp.Column(this=exp.to_identifier(word.name))
        column.parent = parent
        known = any(flow.outputs.get(word.name.casefold()) for flow in scope.values()) or aliased(column) is not None
        return self.column(column, ctes, scope) if known else Output()

    def column(self, column: exp.Expr, ctes: Scope, scope: Scope) -> Output:
        """What one column, or a row of which nothing better is known, comes from; where its source is not known, it may
        be anything in sight."""
        found = self.anything(column, ctes, scope)
        self.seen.update(found.values.keys(), found.influences.keys())
        return found

    def anything(self, column: exp.Expr, ctes: Scope, scope: Scope) -> Output:
        """The same."""
        name, found = column.name.casefold(), Output()
        row = isinstance(column, exp.TableColumn)
        known = scope.get(name if row else column.text("table").casefold()) if row or column.text("table") else None
        if known is not None and name in known.outputs and not row:
            found.take(known.outputs[name], "identity")
            return found
        if not column.text("table") and is_parameter(column):
            return found
        named = [flow for flow in scope.values() if not column.text("table") and name in flow.outputs]
        alias = None if column.text("table") or named else aliased(column)
        if alias is not None:
            return self.value(alias, ctes, scope)
        for flow in [known] if known is not None else named or scope.values():
            for each in [flow.outputs[name]] if name in flow.outputs and not row else flow.outputs.values():
                found.take(each, "identity" if named else "expression")
        return found
