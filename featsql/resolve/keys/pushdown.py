"""Which columns of which scans must equal the entity's keys: predicate pushdown, proved or left undone.

Restricting a scan to the rows of one key is allowed when the model's rows *of that key* stay as they
are. Whatever is not certain is not pushed; the model is then evaluated over every key, and only slower.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from featsql.resolve.aggregates import has_aggregate
from featsql.resolve.keys.meeting import Meeting, Owned, meeting, plain_column
from featsql.resolve.qualify import Resolved
from featsql.resolve.scope import cte_of, is_recursive, is_whole, output, scan_of, uses

# What is wanted of a query's output: (column, folded; position of the key that it must equal).
Wanted = frozenset[tuple[str, int]]
NOTHING: Wanted = frozenset()


def key_columns(resolved: Resolved, keys: Sequence[str]) -> Mapping[int, tuple[tuple[int, str], ...]]:
    """For each scan the pairs (position of the key, column of the scan) that may be held equal.

    `keys` names output columns of the model. A pair is only given where column and key have the
    same type, so that equality means the same before and after.
    """
    if resolved.tree is None:
        return {}
    pushdown = Pushdown(resolved, resolved.tree)
    pushdown.visit(resolved.tree, frozenset((key.casefold(), i) for i, key in enumerate(keys)))
    types = [resolved.info.type_of(key) for key in keys]
    return {
        scan: tuple(
            sorted(
                (position, column)
                for column, position in wanted
                if types[position] is not None and resolved.scans[scan].type_of(column) == types[position]
            )
        )
        for scan, wanted in pushdown.found.items()
    }


class Pushdown:
    """One walk over a bound tree, from the output down to the scans."""

    def __init__(self, resolved: Resolved, tree: exp.Query) -> None:
        self.resolved = resolved
        self.tree = tree
        self.found: dict[int, Wanted] = {}
        self.uses: dict[int, list[Wanted]] = {}

    def visit(self, query: exp.Expr, wanted: Wanted) -> None:
        """Push what is wanted of a query's output into what it reads, and then into its CTEs, last to
        first: by then every use of one is known."""
        self.body(query, wanted)
        clause = query.args.get("with_")
        for cte in reversed(clause.expressions if clause is not None else []):
            self.visit(cte.this, renamed(cte, self.agreed(cte)))

    def agreed(self, cte: exp.CTE) -> Wanted:
        """What every use of a CTE wants of it; a use that was not understood wants every row."""
        wanted = self.uses.get(id(cte), [])
        if not wanted or is_recursive(cte) or len(wanted) != len(uses(cte, self.tree)):
            return NOTHING
        return frozenset.intersection(*wanted)

    def body(self, query: exp.Expr, wanted: Wanted) -> None:
        """Push into a query without its WITH."""
        if any(query.args.get(part) for part in ("limit", "offset", "sample")):
            return
        match query:
            case exp.Subquery():
                self.visit(query.this, wanted)
            case exp.SetOperation():
                self.set_operation(query, wanted)
            case exp.Select():
                self.select(query, wanted)
            case _:
                return

    def set_operation(self, query: exp.SetOperation, wanted: Wanted) -> None:
        """Both branches, by position."""
        if query.args.get("by_name") or query.args.get("side") or query.args.get("on"):
            return
        names = [name.casefold() for name in query.named_selects]
        for branch in (query.this, query.expression):
            theirs = [name.casefold() for name in branch.named_selects]
            if len(theirs) != len(names) or len(set(names)) != len(names):
                return
            self.visit(branch, frozenset((theirs[names.index(c)], p) for c, p in wanted if c in names))

    def select(self, select: exp.Select, wanted: Wanted) -> None:
        """Through a SELECT's clauses, last to first."""
        met = meeting(select, self.resolved)
        if met is None:
            return
        held: dict[Owned, set[int]] = {}
        for name, position in wanted:
            owner = self.owner(select, name, met)
            if owner is not None:
                held.setdefault(owner, set()).add(position)
        spread = met.spread(held)
        for alias, node in met.nodes.items():
            mine = frozenset((c, p) for (a, c), positions in spread.items() if a == alias for p in positions)
            self.source(node, mine)

    def owner(self, select: exp.Select, name: str, met: Meeting) -> Owned | None:
        """The source's column that an output is, if rows of different values of it never meet."""
        value = output(select, name)
        owner = plain_column(value, met)
        if value is None or owner is None or owner[0] not in met.kept:
            return None
        return owner if keeps_apart(select, name, value, owner, self.resolved.aggregates) else None

    def source(self, node: exp.Expr, wanted: Wanted) -> None:
        """Into one source of a SELECT."""
        scan, cte = scan_of(node), cte_of(node)
        if not is_whole(node):
            return
        if scan is not None:
            self.found[scan] = wanted
        elif isinstance(node, exp.Subquery):
            self.visit(node.this, wanted)
        elif cte is not None:
            self.uses.setdefault(id(cte), []).append(wanted)


def renamed(cte: exp.CTE, wanted: Wanted) -> Wanted:
    """What is wanted of a CTE in the names of its query, where `with x(a, b) as` gives others."""
    given = [name.casefold() for name in cte.alias_column_names]
    if not given:
        return wanted
    theirs = [name.casefold() for name in cte.this.named_selects]
    return frozenset((theirs[given.index(c)], p) for c, p in wanted if c in given and given.index(c) < len(theirs))


def keeps_apart(select: exp.Select, name: str, value: exp.Expr, owner: Owned, aggregates: frozenset[str]) -> bool:
    """Whether rows of different keys never meet in a SELECT: its groups, windows and duplicates are all
    within one value of an output column."""
    same = Same(name.casefold(), value, owner)
    group = select.args.get("group")
    if group is not None:
        if any(group.args.get(part) for part in ("grouping_sets", "cube", "rollup", "totals")):
            return False
        if not group.args.get("all") and not same.any(group.expressions):
            return False
    elif select.args.get("having") or any(has_aggregate(p, aggregates) for p in select.expressions):
        return False
    distinct = select.args.get("distinct")
    if distinct is not None and distinct.args.get("on") is not None:
        on = distinct.args["on"]
        if not same.any(on.expressions if isinstance(on, exp.Tuple) else [on], output_names=True):
            return False
    return all(partitioned(window, select, same) for window in windows_of(select))


class Same:
    """An output column, the expression it is, and the source's column that this is."""

    def __init__(self, name: str, value: exp.Expr, owner: Owned) -> None:
        self.name = name
        self.value = value.unnest()
        self.owner = owner

    def any(self, terms: Sequence[exp.Expr], *, output_names: bool = False) -> bool:
        """Whether one of some terms is the column; some clauses may call it by its output name."""
        return any(self.matches(term.unnest(), output_names) for term in terms)

    def matches(self, term: exp.Expr, output_names: bool) -> bool:
        """Whether a term is the column."""
        if isinstance(term, exp.Column):
            written = (term.table.casefold(), term.name.casefold())
            return written == self.owner or (output_names and written == ("", self.name))
        return term == self.value


def windows_of(select: exp.Select) -> list[exp.Window]:
    """The window functions of a SELECT's own clauses."""
    clauses = [*select.expressions, *(select.args.get(p) for p in ("qualify", "order", "distinct"))]
    found: list[exp.Window] = []
    for clause in clauses:
        if clause is not None:
            walked = clause.walk(prune=lambda n: isinstance(n, exp.Query))
            found += [node for node in walked if isinstance(node, exp.Window)]
    return found


def partitioned(window: exp.Window, select: exp.Select, same: Same) -> bool:
    """Whether a window's partitions are within one key."""
    if same.any(window.args.get("partition_by") or ()):
        return True
    alias = window.args.get("alias")
    name = alias.name.casefold() if alias is not None else None
    named = [each for each in select.args.get("windows") or () if each.name.casefold() == name]
    return bool(named) and all(same.any(each.args.get("partition_by") or ()) for each in named)
