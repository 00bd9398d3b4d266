"""Which outputs of a model depend on something that a rule looks for: a taint that is passed on like a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct
from sqlglot import exp

from featsql.read.lazy import Lazy
from featsql.resolve.graph import Graph
from featsql.resolve.lineage.lineage import ROWS, Lineage
from featsql.resolve.qualify import Resolved
from featsql.resolve.scope import cte_of, joins, scan_of, sources


class Taint(Struct, frozen=True):
    """What was found, for people, and whether it is certain to be what it looks like."""

    text: str
    certain: bool = True


class TaintSource(Struct, frozen=True):
    """What a node of a model's tree is tainted with, None where it is not what is looked for; only nodes of some
    `kinds` can be."""

    kinds: tuple[type[exp.Expr], ...]
    taint: Callable[[exp.Expr], Taint | None]


Taints = Mapping[str, Taint]


class TaintWalk:
    """One walk over a bound tree; `below` gives the taints of what its scans read."""

    def __init__(self, model: Resolved, taint_source: TaintSource, below: Mapping[str, Taints]) -> None:
        self.model = model
        self.taint_source = taint_source
        self.below = below
        self.known: dict[int, dict[str, Taint]] = {}
        self.sources: dict[int, dict[str, exp.Expr]] = {}

    def taints(self) -> Taints:
        """The tainted outputs of the model by folded name, `*` for its rows."""
        tree = self.model.tree
        return {} if tree is None or self.is_clean(tree) else self.query(tree)

    def is_clean(self, tree: exp.Expr) -> bool:
        """Whether there is no taint anywhere, as in most models: none of a node, none of what is read."""
        if any(self.below.get(info.key) for info in self.model.scans.values()):
            return False
        return all(self.taint_source.taint(node) is None for node in tree.find_all(*self.taint_source.kinds))

    def query(self, query: exp.Expr) -> dict[str, Taint]:
        """The tainted outputs of a query."""
        if id(query) in self.known:
            return self.known[id(query)]
        found: dict[str, Taint] = {}
        self.known[id(query)] = found  # a recursive CTE meets itself here
        if isinstance(query, exp.Subquery):
            found |= self.query(query.this)
        elif isinstance(query, exp.SetOperation):
            left, right = self.query(query.this), self.query(query.expression)
            names = [name.casefold() for name in query.named_selects]
            other = [name.casefold() for name in query.expression.named_selects]
            found |= left | {n: right[o] for n, o in zip(names, other, strict=False) if o in right}
            found |= {ROWS: right[ROWS]} if ROWS in right else {}
        elif isinstance(query, exp.Select):
            found |= self.select(query)
        return found

    def select(self, select: exp.Select) -> dict[str, Taint]:
        """The tainted outputs of a SELECT."""
        found = {
            value.alias_or_name.casefold(): taint
            for value in select.expressions
            if (taint := self.expression(value.unalias(), select)) is not None
        }
        rows = (self.source(source).get(ROWS) for source in sources(select).values())
        chosen = (self.expression(clause, select) for clause in conditions(select))
        taint = next((each for each in (*rows, *chosen) if each is not None), None)
        return found | ({ROWS: taint} if taint is not None else {})

    def source(self, source: exp.Expr) -> Taints:
        """The tainted columns of what stands in a FROM or JOIN."""
        number = scan_of(source)
        if number is not None:
            return self.below.get(self.model.scans[number].key, {})
        if isinstance(source, exp.Subquery):
            return self.query(source.this)
        cte = cte_of(source)
        return self.query(cte.this) if cte is not None else {}

    def expression(self, value: exp.Expr, select: exp.Select) -> Taint | None:
        """The taint of an expression: its own, or that of a column that it reads."""
        for node in value.walk(prune=lambda each: isinstance(each, exp.Query)):
            taint = self.taint_source.taint(node) if isinstance(node, self.taint_source.kinds) else None
            if taint is None and isinstance(node, exp.Column):
                taint = self.column(node, select)
            elif taint is None and isinstance(node, exp.Query):
                taint = next(iter(self.query(node).values()), None)
            if taint is not None:
                return taint
        return None

    def column(self, column: exp.Column, select: exp.Select | None) -> Taint | None:
        """The taint of a column of a source, or of one around a correlated subquery."""
        while isinstance(select, exp.Select):
            if id(select) not in self.sources:
                self.sources[id(select)] = sources(select)
            source = self.sources[id(select)].get(column.table.casefold())
            if source is not None:
                return self.source(source).get(column.name.casefold())
            select = select.parent_select
        return None


def conditions(select: exp.Select) -> Iterator[exp.Expr]:
    """What decides which rows a SELECT has."""
    for part in ("where", "having", "qualify"):
        clause = select.args.get(part)
        if isinstance(clause, exp.Expr):
            yield clause.this
    yield from (on for join in joins(select) if isinstance(on := join.args.get("on"), exp.Expr))


class Tainted(Lazy[Taints]):
    """The taints of every plain model, by relation key, each found when it is asked for; `taint_source` gives what is
    looked for in one. `known` tells the taints of models that were examined before."""

    def __init__(
        self,
        graph: Graph,
        resolved: Mapping[str, Resolved],
        taint_source: Callable[[Resolved], TaintSource],
        lineage: Lineage,
        known: Callable[[str], Taints | None] = lambda _: None,
    ) -> None:
        super().__init__(graph.parents, self.of)
        self.graph = graph
        self.resolved = resolved
        self.taint_source = taint_source
        self.lineage = lineage
        self.known = known

    def __getitem__(self, key: str) -> Taints:
        """The taints of a relation; those of what it reads are found first, without a call inside of another."""
        stack = [key] if key not in self.made else []
        while stack:
            missing = [each for each in self.below(stack[-1]) if each not in self.made]
            stack += missing
            if not missing:
                super().__getitem__(stack.pop())
        return super().__getitem__(key)

    def below(self, key: str) -> tuple[str, ...]:
        """The relations whose taints must be known first."""
        plain = self.is_plain(key) and self.known(key.partition(":")[2]) is None
        return self.graph.parents[key] if plain else ()

    def is_plain(self, key: str) -> bool:
        """Whether a relation is a plain model: no other passes taints on."""
        kind, _, name = key.partition(":")
        return kind == "model" and self.graph.models[name].config.kind == "plain"

    def of(self, key: str) -> Taints:
        """The taints of one relation."""
        if not self.is_plain(key):
            return {}
        name = key.partition(":")[2]
        known = self.known(name)
        if known is not None:
            return known
        found = TaintWalk(self.resolved[name], self.taint_source(self.resolved[name]), self).taints()
        return {**self.carried(name), **found} if any(self[parent] for parent in self.below(key)) else found

    def carried(self, name: str) -> Taints:
        """The outputs of a model, and its rows, that lineage leads from a tainted column to, whatever the way."""
        found: dict[str, Taint] = {}
        coarse = self.lineage.coarse.get(name) is not None
        for edge in (*self.lineage.edges.get(name, ()), *self.lineage.presence.get(name, ())):
            taint = self[edge.relation].get(edge.column.casefold())
            if taint is not None and (edge.output == ROWS or edge.column != ROWS):
                found.setdefault(edge.output.casefold(), Taint(taint.text, taint.certain and not coarse))
        return found


def taints_read(name: str, lineage: Lineage, known: Mapping[str, Taints]) -> dict[str, tuple[str, Taint]]:
    """For each tainted relation that a model reads a tainted column of it (`*` for its rows), with its taint."""
    found: dict[str, tuple[str, Taint]] = {}
    for edge in (*lineage.edges.get(name, ()), *lineage.presence.get(name, ())):
        taint = known.get(edge.relation, {}).get(edge.column.casefold())
        if taint is not None and (edge.relation not in found or not found[edge.relation][1].certain):
            found[edge.relation] = (edge.column, taint)
    return found
