"""What a features model says of an entity that it has no row for: its aggregates' values over no rows."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlglot import exp

from featsql.plan import names
from featsql.plan.missing_row.chain import Link, grouping_chain, leaves_out, without_filters
from featsql.plan.missing_row.made import beyond, computed, group_terms, is_several, passed_on
from featsql.plan.unread import bury, settle_common_tables, typed_null
from featsql.resolve.aggregates import has_aggregate, is_aggregate
from featsql.temporal import column

CLAUSES = ("where", "having", "qualify", "order", "limit", "offset", "distinct", "windows", "sample")
NOTHING = "__nothing"


class Defaults(Struct, frozen=True):
    """What stands in the place of a row that is missing.

    `row` is a query of exactly one row: the model's columns, in their order, over no rows. Tables and calls of
    `as_of()` in it that carry `meta['dead']` are read for their types alone. `groups` is the model with every
    group that its filters leave out: of an entity that is there, but not in the model, all is NULL. It is None
    where nothing is left out.
    """

    row: exp.Query
    groups: exp.Query | None = None


def defaults(tree: exp.Query, keys: Sequence[str], aggregates: frozenset[str]) -> Defaults | None:
    """The defaults of a model; None where no column of it is made of aggregates over what it groups, or where what it
    groups does not come to one entity for each key, so that a missing row is NULL throughout."""
    chain = grouping_chain(tree, aggregates)
    if not chain:
        return None
    told = over_nothing(chain, aggregates)
    if not told.computed or told.computed & {key.casefold() for key in keys}:
        return None
    settle_common_tables(told.query)
    return Defaults(told.query, without_filters(chain) if leaves_out(chain) else None)


class Told(Struct):
    """A query of one row, the names of those of its columns that are made of aggregates, and which these are by
    position, if none of them stands for several."""

    query: exp.Select
    computed: set[str]
    made: list[bool] | None

    def renamed(self, columns: Sequence[str]) -> Told:
        """The same for one who gives the columns other names."""
        if not columns or not self.computed:
            return self
        made = self.made if self.made is not None else [True] * len(columns)
        found = {name.casefold() for name, own in zip(columns, made, strict=False) if own}
        return Told(self.query, found, self.made)


def over_nothing(chain: Sequence[Link], aggregates: frozenset[str], *, outermost: bool = True) -> Told:
    """The one row of a chain of SELECTs, of which the last one groups."""
    first, rest = chain[0], chain[1:]
    if not rest:
        return Grouping(first.select, aggregates, typed=not outermost).told()
    below = over_nothing(rest, aggregates, outermost=False)
    return around(first.select, below.renamed(rest[0].columns), rest[0])


def around(select: exp.Select, below: Told, link: Link) -> Told:
    """The one row of a SELECT that reads nothing but one row."""
    row = without(select, *CLAUSES)
    found: set[str] = set()
    projections: list[exp.Expr] = []
    made: list[bool] = []
    columns = {name.casefold() for name in link.columns or below.query.named_selects}
    for each in row.expressions:
        value = each.unalias()
        own = computed(value, below.computed, link.alias) or computed(value, found - columns, "")
        own = own and not beyond(each)
        made.append(own)
        projections.append(each if own or is_several(each) else null(each))
        if is_several(each):
            found |= passed_on(each, below.computed)
        elif own:
            found.add(each.alias_or_name.casefold())
    row.set("from_", exp.From(this=link.around(below.query)))
    several = any(map(is_several, row.expressions))
    row.set("expressions", projections)
    return Told(row, found, None if several else made)


class Grouping:
    """The one row of a SELECT that groups, over no rows: its aggregates are computed beneath it, so that all that the
    author writes around them means what it always means, and what is grouped by is NULL (of its type, if `typed`)."""

    def __init__(self, select: exp.Select, aggregates: frozenset[str], *, typed: bool) -> None:
        self.select = without(select, *CLAUSES, "group")
        self.terms = group_terms(select, aggregates)
        self.typed = typed
        self.aggregates = aggregates
        self.values: list[exp.Expr] = []

    def told(self) -> Told:
        """The query of the one row."""
        found: set[str] = set()
        made: list[bool] = []
        projections: list[exp.Expr] = []
        rows = False
        for each in self.select.expressions:
            value = each.unalias()
            if has_aggregate(value, self.aggregates) and value.find(exp.Columns):
                return self.told_of_several()
            own = has_aggregate(value, self.aggregates) or computed(value, found, "")
            made.append(own and not beyond(value))
            if made[-1]:
                projections.append(named(self.over_values(value), each))
            elif is_several(each):
                projections.append(each.copy())
            else:
                projections.append(null(each) if self.typed else named(exp.null(), each))
            rows = rows or reads_rows(projections[-1], found)
            found |= {each.alias_or_name.casefold()} if made[-1] else set()
        several = any(map(is_several, self.select.expressions))
        row = exp.select(*projections)
        row.set("with_", self.select.args.get("with_"))
        row.set("from_", exp.From(this=self.nothing().subquery(NOTHING)))
        if rows:
            self.beside(row)
        return Told(row, found, None if several else made)

    def told_of_several(self) -> Told:
        """The query of the one row, where an expression stands for several aggregates: nothing else is computed."""
        row = self.rows()
        row.set("with_", self.select.args.get("with_"))
        many = [has_aggregate(each, self.aggregates) and not beyond(each) for each in self.select.expressions]
        row.set(
            "expressions",
            [
                each.copy() if own else named(exp.null(), each)
                for each, own in zip(self.select.expressions, many, strict=True)
            ],
        )
        names_of = (each.alias_or_name.casefold() for each in self.select.expressions)
        return Told(bury(row), {name for name, own in zip(names_of, many, strict=True) if own}, None)

    def over_values(self, value: exp.Expr) -> exp.Expr:
        """An expression over the values of its aggregates, with NULL for what is grouped by."""
        root = exp.paren(value.copy(), copy=False)
        inside = (exp.Query, exp.Window)
        for node in list(root.walk(prune=lambda n: isinstance(n, inside) or is_aggregate(n, self.aggregates))):
            if is_aggregate(node, self.aggregates):
                node.replace(self.value(node))
            elif node is not root and node in self.terms and not isinstance(node, exp.Column | exp.Literal):
                node.replace(typed_null(node))
        made: exp.Expr = root.this
        return made

    def value(self, call: exp.Expr) -> exp.Expr:
        """The value of an aggregate over no rows. Its filters leave none of them, either."""
        inner = call.copy()
        while isinstance(inner, exp.Filter):
            inner = inner.this
        if inner not in self.values:
            self.values.append(inner)
        return column(names.part("value", self.values.index(inner)), NOTHING)

    def rows(self) -> exp.Select:
        """What is read, none of it."""
        query = exp.select(exp.Star())
        for part in ("from_", "joins", "laterals"):
            if self.select.args.get(part):
                node = self.select.args[part]
                query.set(part, [each.copy() for each in node] if isinstance(node, list) else node.copy())
        return query.where(exp.false(), copy=False)

    def nothing(self) -> exp.Select:
        """The aggregates over no rows."""
        query = self.rows()
        values = [exp.alias_(value, names.part("value", i)) for i, value in enumerate(self.values)]
        query.set("expressions", values or [exp.alias_(exp.Count(this=exp.Star()), names.part("value", 0))])
        return bury(query)

    def beside(self, row: exp.Select) -> None:
        """Put the columns of what is read, NULL all of them, beside the values."""
        rows = bury(self.rows())
        clause = rows.args.get("from_")
        if clause is None:
            return
        source = clause.this
        for part in ("joins", "laterals"):
            for each in rows.args.get(part) or ():
                source.append(part, each)
        within = exp.paren(source) if source.args.get("joins") or source.args.get("laterals") else source
        row.append("joins", exp.Join(this=within, side="LEFT", on=exp.false()))


def null(projection: exp.Expr) -> exp.Expr:
    """A column that is NULL, of its type where that can be told of no rows."""
    value = projection.unalias()
    return named(exp.null() if beyond(value) else typed_null(value), projection)


def named(value: exp.Expr, projection: exp.Expr) -> exp.Expr:
    """A value under the name of a projection, if that has one."""
    name = projection.alias_or_name
    return exp.alias_(value, name, quoted=True) if name else value


def reads_rows(projection: exp.Expr, known: set[str]) -> bool:
    """Whether a projection may read columns beside the values of aggregates and what was made of these before."""
    if is_several(projection):
        return True
    return any(
        node.table != NOTHING and (node.table or node.name.casefold() not in known)
        for node in projection.find_all(exp.Column)
    )


def without(select: exp.Select, *parts: str) -> exp.Select:
    """A copy of a SELECT without some of its clauses."""
    row = select.copy()
    for part in parts:
        row.set(part, None)
    return row
