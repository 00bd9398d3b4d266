"""Which columns of which scans must equal the entity's keys: predicate pushdown, proved or left undone.

Restricting a scan to the rows of one key is allowed when the model's rows *of that key* stay as they
are. Whatever is not certain is not pushed; the model is then evaluated over every key, and only slower.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from featsql.resolve.aggregates import has_aggregate
from featsql.resolve.qualify import Resolved

Wanted = frozenset[tuple[str, int]]
NOTHING: Wanted = frozenset()
Owned = tuple[str, str]


def key_columns(resolved: Resolved, keys: Sequence[str]) -> Mapping[int, tuple[tuple[int, str], ...]]:
    """For each scan the pairs (position of the key, column of the scan) that may be held equal.

    `keys` names output columns of the model. A pair is only given where column and key have the
    same type, so that equality means the same before and after.
    """
    if resolved.tree is None:
        return {}
    pushdown = Pushdown(resolved, keys)
    pushdown.visit(resolved.tree, frozenset((key.casefold(), i) for i, key in enumerate(keys)), {})
    return {
        scan: tuple(
            sorted((position, column) for column, position in wanted if pushdown.same_type(scan, column, position))
        )
        for scan, wanted in pushdown.found.items()
    }


@dataclass(slots=True)
class Sources:
    """The sources of one SELECT by alias: the nodes, which of them are preserved or inner joined, and
    the equalities that hold between their columns."""

    nodes: dict[str, exp.Expr] = field(default_factory=dict)
    inner: set[str] = field(default_factory=set)
    both_ways: list[tuple[Owned, Owned]] = field(default_factory=list)
    into: list[tuple[Owned, Owned]] = field(default_factory=list)


class Pushdown:
    """One walk over a bound tree, from the output down to the scans."""

    def __init__(self, resolved: Resolved, keys: Sequence[str]) -> None:
        self.resolved = resolved
        self.types = [resolved.info.type_of(key) for key in keys]
        self.found: dict[int, Wanted] = {}
        self.uses: dict[int, list[Wanted]] = {}

    def same_type(self, scan: int, column: str, position: int) -> bool:
        """Whether a column and a key compare as what they are."""
        kind = self.resolved.scans[scan].type_of(column)
        return kind is not None and kind == self.types[position]

    def visit(self, query: exp.Expr, wanted: Wanted, ctes: Mapping[str, exp.CTE]) -> None:
        """Push what is wanted of a query's output into what it reads."""
        clause = query.args.get("with_")
        own: list[exp.CTE] = list(clause.expressions) if clause else []
        recursive = bool(clause and clause.args.get("recursive"))
        known = {**ctes, **{cte.alias.casefold(): cte for cte in own}}
        self.body(query, wanted, known)
        for number in range(len(own) - 1, -1, -1):
            cte = own[number]
            before = {**ctes, **{other.alias.casefold(): other for other in own[:number]}}
            agreed = NOTHING if recursive else self.agreed(cte, query)
            self.visit(cte.this, renamed(cte, agreed), before)

    def agreed(self, cte: exp.CTE, query: exp.Expr) -> Wanted:
        """What every use of a CTE wants of it; a use that was not understood wants everything."""
        uses = self.uses.get(id(cte), [])
        name = cte.alias.casefold()
        written = [t for t in query.find_all(exp.Table) if not t.db and t.name.casefold() == name]
        if len(uses) != len(written) or not uses:
            return NOTHING
        return frozenset.intersection(*uses)

    def body(self, query: exp.Expr, wanted: Wanted, ctes: Mapping[str, exp.CTE]) -> None:
        """Push into a query without its WITH."""
        if any(query.args.get(part) for part in ("limit", "offset", "sample")):
            return
        match query:
            case exp.Subquery():
                self.visit(query.this, wanted, ctes)
            case exp.SetOperation():
                self.set_operation(query, wanted, ctes)
            case exp.Select():
                self.select(query, wanted, ctes)
            case _:
                return

    def set_operation(self, query: exp.SetOperation, wanted: Wanted, ctes: Mapping[str, exp.CTE]) -> None:
        """Both branches, by position."""
        if query.args.get("by_name") or query.args.get("side") or query.args.get("on"):
            return
        names = [name.casefold() for name in query.named_selects]
        for branch in (query.this, query.expression):
            theirs = [name.casefold() for name in branch.named_selects]
            if len(theirs) != len(names) or len(set(names)) != len(names):
                return
            self.visit(branch, frozenset((theirs[names.index(c)], p) for c, p in wanted if c in names), ctes)

    def select(self, select: exp.Select, wanted: Wanted, ctes: Mapping[str, exp.CTE]) -> None:
        """Through a SELECT's clauses, last to first."""
        sources = read_sources(select)
        if sources is None:
            return
        outputs = {value.alias_or_name.casefold(): value.unalias() for value in select.expressions}
        if len(outputs) != len(select.expressions):
            return
        pushed: dict[Owned, set[int]] = {}
        for name, position in wanted:
            column = plain_column(outputs.get(name), sources)
            if column is not None and keeps_rows_together(select, outputs[name], column, self.resolved.aggregates):
                owner = (column.table.casefold(), column.name.casefold())
                if owner[0] in sources.inner:
                    pushed.setdefault(owner, set()).add(position)
        pushed = spread(pushed, sources)
        for alias, node in sources.nodes.items():
            mine = frozenset((c, p) for (a, c), positions in pushed.items() if a == alias for p in positions)
            self.source(node, mine, ctes)

    def source(self, node: exp.Expr, wanted: Wanted, ctes: Mapping[str, exp.CTE]) -> None:
        """Into one source of a SELECT."""
        if any(node.args.get(part) for part in ("pivots", "joins", "sample")):
            return
        if isinstance(node, exp.Subquery) and not node.alias_column_names:
            self.visit(node.this, wanted, ctes)
        elif isinstance(node, exp.Table) and not node.alias_column_names:
            if "scan" in node.meta:
                self.found[node.meta["scan"]] = wanted
            elif not node.db and node.name.casefold() in ctes:
                self.uses.setdefault(id(ctes[node.name.casefold()]), []).append(wanted)


def renamed(cte: exp.CTE, wanted: Wanted) -> Wanted:
    """What is wanted of a CTE in the names of its query, where `with x(a, b) as` gives others."""
    given = [name.casefold() for name in cte.args["alias"].columns and cte.alias_column_names]
    if not given:
        return wanted
    theirs = [name.casefold() for name in cte.this.named_selects]
    return frozenset((theirs[given.index(c)], p) for c, p in wanted if c in given and given.index(c) < len(theirs))


def read_sources(select: exp.Select) -> Sources | None:
    """The sources of a SELECT, or None where a join is of a kind that nothing is pushed through."""
    clause = select.args.get("from_")
    if clause is None or select.args.get("laterals"):
        return None
    sources = Sources()
    sources.nodes[clause.this.alias_or_name.casefold()] = clause.this
    sources.inner.add(clause.this.alias_or_name.casefold())
    for join in select.args.get("joins") or ():
        alias = join.this.alias_or_name.casefold()
        if join.side in {"RIGHT", "FULL"} or join.method in {"POSITIONAL", "NATURAL"} or alias in sources.nodes:
            return None
        optional = bool(join.side or join.method) or join.kind in {"SEMI", "ANTI"}
        sources.nodes[alias] = join.this
        for left, right in equalities(join.args.get("on")):
            if optional:
                sources.into += [pair for pair in ((left, right), (right, left)) if pair[1][0] == alias]
            else:
                sources.both_ways.append((left, right))
        if not optional:
            sources.inner.add(alias)
    for left, right in equalities(select.args["where"].this if select.args.get("where") else None):
        if left[0] in sources.inner and right[0] in sources.inner:
            sources.both_ways.append((left, right))
    return sources


def equalities(condition: exp.Expr | None) -> list[tuple[Owned, Owned]]:
    """The pairs of columns that a condition's conjuncts hold equal."""
    found: list[tuple[Owned, Owned]] = []
    for term in conjuncts(condition):
        left, right = term.args.get("this"), term.args.get("expression")
        if isinstance(term, exp.EQ) and isinstance(left, exp.Column) and isinstance(right, exp.Column):
            found.append((owned(left), owned(right)))
    return found


def owned(column: exp.Column) -> Owned:
    """A bound column as (alias, name), folded."""
    return column.table.casefold(), column.name.casefold()


def conjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    """The terms of a conjunction."""
    if condition is None:
        return []
    if isinstance(condition, exp.Paren):
        return conjuncts(condition.this)
    if isinstance(condition, exp.And):
        return [*conjuncts(condition.this), *conjuncts(condition.expression)]
    return [condition]


def plain_column(value: exp.Expr | None, sources: Sources) -> exp.Column | None:
    """The one column that an output is: itself, or what USING makes of two that are held equal."""
    if isinstance(value, exp.Paren):
        return plain_column(value.this, sources)
    if isinstance(value, exp.Column):
        return value
    if isinstance(value, exp.Coalesce) and isinstance(value.this, exp.Column):
        pairs = {frozenset(pair) for pair in (*sources.both_ways, *sources.into)}
        others = value.expressions
        if all(isinstance(o, exp.Column) and frozenset((owned(value.this), owned(o))) in pairs for o in others):
            return value.this
    return None


def keeps_rows_together(select: exp.Select, value: exp.Expr, column: exp.Column, aggregates: frozenset[str]) -> bool:
    """Whether rows of different keys never meet in a SELECT: its groups, windows and duplicates are all
    within one key."""
    same = {value.sql("duckdb"), column.sql("duckdb")}
    group = select.args.get("group")
    if group is not None:
        if any(group.args.get(part) for part in ("grouping_sets", "cube", "rollup", "totals")):
            return False
        if not group.args.get("all") and not any(term.sql("duckdb") in same for term in group.expressions):
            return False
    elif select.args.get("having") or any(has_aggregate(p, aggregates) for p in select.expressions):
        return False
    distinct = select.args.get("distinct")
    if distinct is not None and distinct.args.get("on") is not None:
        on = distinct.args["on"]
        terms = on.expressions if isinstance(on, exp.Tuple) else [on]
        if not any(term.unnest().sql("duckdb") in same for term in terms):
            return False
    return all(partitioned(window, select, same) for window in windows_of(select))


def windows_of(select: exp.Select) -> list[exp.Window]:
    """The window functions of a SELECT's own clauses."""
    clauses = [*select.expressions, *(select.args.get(p) for p in ("qualify", "order", "distinct"))]
    found: list[exp.Window] = []
    for clause in clauses:
        if clause is not None:
            walked = clause.walk(prune=lambda n: isinstance(n, exp.Query))
            found += [node for node in walked if isinstance(node, exp.Window)]
    return found


def partitioned(window: exp.Window, select: exp.Select, same: set[str]) -> bool:
    """Whether a window's partitions are within one key."""
    if any(term.sql("duckdb") in same for term in window.args.get("partition_by") or ()):
        return True
    name = window.args.get("alias")
    named = [
        w for w in select.args.get("windows") or () if name is not None and w.name.casefold() == name.name.casefold()
    ]
    return bool(named) and all(
        any(term.sql("duckdb") in same for term in w.args.get("partition_by") or ()) for w in named
    )


def spread(pushed: Mapping[Owned, set[int]], sources: Sources) -> dict[Owned, set[int]]:
    """What is held equal to a restricted column is restricted, too."""
    found = {owner: set(positions) for owner, positions in pushed.items()}
    changed = True
    while changed:
        changed = False
        both = [*sources.both_ways, *((right, left) for left, right in sources.both_ways)]
        for source, target in (*both, *sources.into):
            if source[0] == target[0] or source[0] not in sources.inner:
                continue
            new = found.get(source, set()) - found.get(target, set())
            if new:
                found.setdefault(target, set()).update(new)
                changed = True
    return found
