"""Recognise aggregates over windows of one events relation, in whichever of its spellings, as the node `Over`."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.plan import names
from featsql.plan.edges import Terms
from featsql.plan.measures import Measures, UnrecognisedError
from featsql.plan.microseconds import instants
from featsql.plan.missing_row.chain import common_tables, only_source, source_query
from featsql.plan.plan import Lifted, Over, Scan
from featsql.resolve.aggregates import has_aggregate
from featsql.temporal import column

GROUPED = frozenset({"kind", "with_", "expressions", "from_", "where", "group", "operation_modifiers"})
ROWWISE = GROUPED - {"group"}
INSTANTS = frozenset({"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", "DATE"})


def over(general: Lifted, scan: Scan, aggregates: frozenset[str]) -> Over | None:
    """The node for a model that only aggregates rows of one events relation by its keys; None for another."""
    clock = scan.relation.clock
    if clock is None or clock.kind != "events" or clock.versioned or clock.retracted_at:
        return None
    if any((scan.relation.type_of(name) or "").upper() not in INSTANTS for name in clock.instants):
        return None
    try:
        return Recogniser(general, scan, Measures(aggregates)).over()
    except UnrecognisedError:
        return None


class Recogniser(Struct):
    """One model on its way to an `Over`."""

    general: Lifted
    scan: Scan
    measures: Measures

    def over(self) -> Over:
        """The whole node. Raises UnrecognisedError."""
        tree = self.general.tree.copy()
        if not isinstance(tree, exp.Select) or not parts(tree) <= GROUPED:
            raise UnrecognisedError
        base = self.below(tree, common_tables(tree))
        self.measures.windows.append(base.window)
        keys = self.group_keys(tree)
        outputs = [(p.alias_or_name, self.measures.value(p.unalias(), keys)) for p in self.features(tree)]
        tree.set("expressions", [*self.key_columns(keys), *self.hidden(tree), *self.measures.hoisted()])
        tree.set("group", None)
        tree.set("where", exp.Where(this=exp.and_(*base.rowwise)) if base.rowwise else None)
        planned = Over(
            name=self.general.name,
            general=self.general,
            scan=self.scan,
            rows=tree,
            windows=tuple(self.measures.windows),
            measures=tuple(self.measures.found),
            outputs=tuple(outputs),
        )
        return planned if planned.joinable else replace(planned, method="sort")

    def below(self, select: exp.Select, ctes: dict[str, exp.Query]) -> Terms:
        """The conditions of a SELECT and of all that it reads; those on the instant leave the inner ones.
        Raises UnrecognisedError where more than rows is read."""
        source = only_source(select)
        inner = source_query(source, ctes)
        if isinstance(source, exp.Table) and "scan" in source.meta and not source.alias_column_names:
            clock = self.scan.relation.clock
            assert clock is not None
            self.measures.times = frozenset({clock.start.casefold()})
            return self.conditions(select)
        if inner is None or source is None or not parts(inner) <= ROWWISE:
            raise UnrecognisedError
        found = self.below(inner, {**ctes, **common_tables(inner)})
        inner.set("where", exp.Where(this=exp.and_(*found.rowwise)) if found.rowwise else None)
        if not any(value.is_star for value in inner.expressions):
            for each in self.hidden(inner):
                inner.append("expressions", each)
        self.measures.times = self.passed(inner)
        mine = self.conditions(select)
        return Terms(mine.rowwise, tuple(dict.fromkeys((*found.window, *mine.window))))

    def passed(self, select: exp.Select) -> frozenset[str]:
        """The names by which a SELECT passes on the event time. Raises UnrecognisedError where it computes more
        than rows one by one."""
        found: set[str] = set()
        taken: set[str] = set()
        for value in select.expressions:
            if value.is_star:
                replaced = self.replaced(value)
                found |= self.measures.times - replaced
            elif not self.measures.is_rowwise(value.unalias()):
                raise UnrecognisedError
            elif self.measures.is_time(value.unalias()):
                found.add(value.alias_or_name.casefold())
            else:
                taken.add(value.alias_or_name.casefold())
        return frozenset(found - taken)

    def replaced(self, star: exp.Expr) -> set[str]:
        """The names whose columns a star replaces. Raises UnrecognisedError for a star of something else."""
        inner = star.this if isinstance(star, exp.Column) else star
        if isinstance(star, exp.Column) and star.table.casefold() != self.measures.alias:
            raise UnrecognisedError
        if not isinstance(inner, exp.Star) or inner.args.get("rename"):
            raise UnrecognisedError
        values = inner.args.get("replace") or []
        if not all(self.measures.is_rowwise(value.unalias()) for value in values):
            raise UnrecognisedError
        return {value.alias_or_name.casefold() for value in values}

    def conditions(self, select: exp.Select) -> Terms:
        """A WHERE taken apart. Raises UnrecognisedError."""
        source, clause = only_source(select), select.args.get("where")
        assert source is not None
        self.measures.alias = source.alias_or_name.casefold()
        return self.measures.terms(clause.this if clause is not None else None)

    def hidden(self, select: exp.Select) -> list[exp.Expr]:
        """The clock's instants, as the scan gives them, passed on."""
        source = only_source(select)
        assert source is not None
        return [column(name, source.alias_or_name) for name in instants(self.scan.relation)]

    def group_keys(self, tree: exp.Select) -> list[exp.Expr]:
        """The entity's keys as expressions over the rows, in order. Raises UnrecognisedError where rows are grouped
        by anything else."""
        found = {v.alias_or_name.casefold(): v.unalias() for v in tree.expressions if not v.is_star}
        keys = [found.get(key.casefold()) for key in self.general.keys]
        group = tree.args.get("group")
        wanted = [key for key in keys if key is not None]
        if len(wanted) != len(keys) or any(not self.measures.is_rowwise(key) for key in wanted):
            raise UnrecognisedError
        if group is None:
            if keys or not any(has_aggregate(v, self.measures.aggregates) for v in tree.expressions):
                raise UnrecognisedError
            return []
        if not keys or any(group.args.get(part) for part in ("grouping_sets", "cube", "rollup", "totals")):
            raise UnrecognisedError
        grouped = [self.term(term, tree) for term in group.expressions]
        if group.args.get("all"):
            grouped = [v.unalias() for v in tree.expressions if not has_aggregate(v, self.measures.aggregates)]
        if not all(any(self.measures.alike(t, k) for k in wanted) for t in grouped):
            raise UnrecognisedError
        if not all(any(self.measures.alike(k, t) for t in grouped) for k in wanted):
            raise UnrecognisedError
        return wanted

    def term(self, term: exp.Expr, tree: exp.Select) -> exp.Expr:
        """What a grouping term stands for. Raises UnrecognisedError."""
        if isinstance(term, exp.Literal) and term.is_int and 0 < int(term.name) <= len(tree.expressions):
            chosen: exp.Expr = tree.expressions[int(term.name) - 1].unalias()
            return chosen
        if not term.find(exp.Column):
            raise UnrecognisedError
        return term.unnest()

    def features(self, tree: exp.Select) -> list[exp.Expr]:
        """The projections that are not keys, named as the engine names them. Raises UnrecognisedError."""
        keys = {key.casefold() for key in self.general.keys}
        found = [value for value in tree.expressions if value.alias_or_name.casefold() not in keys]
        if tuple(value.alias_or_name for value in found) != self.general.features:
            raise UnrecognisedError
        return found

    def key_columns(self, keys: Sequence[exp.Expr]) -> list[exp.Expr]:
        """The keys as columns of the rows."""
        return [exp.alias_(key.copy(), names.key(i)) for i, key in enumerate(keys)]


def parts(select: exp.Select) -> set[str]:
    """The clauses that a SELECT has."""
    return {part for part, value in select.args.items() if value}
