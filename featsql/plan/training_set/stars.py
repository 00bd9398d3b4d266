"""The columns that a training set's SELECT can name, and its stars written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from featsql.plan import names
from featsql.plan.training_set.joins import Joined
from featsql.temporal import column

Columns = dict[str, tuple[str, exp.Expr]]


class Scope:
    """Every relation that a training set's SQL knows by an alias, in order, with what each of its
    columns stands for. A key of joined features is the spine's own expression, where the features have a row."""

    def __init__(self, spine: str, columns: Sequence[str], as_of_type: str) -> None:
        self.spine = spine
        self.as_of_type = as_of_type
        self.relations: dict[str, Columns] = {spine.casefold(): own(spine, columns)}
        self.hidden: dict[str, frozenset[str]] = {}
        # whose alias stands for a whole row
        self.rows = {spine.casefold()}

    def add_features(self, joined: Joined, outputs: Sequence[str], keys: Mapping[str, exp.Expr]) -> None:
        """Make a features model's columns known."""
        columns = own(joined.alias, outputs)
        for folded, key in keys.items():
            name = columns[folded][0]
            columns[folded] = (name, where_there(joined, name, key))
        self.add(joined, columns)
        self.rows.add(joined.alias.casefold())

    def add_relation(self, joined: Joined) -> None:
        """Make another relation's columns known."""
        self.add(joined, own(joined.alias, joined.info.names))

    def add(self, joined: Joined, columns: Columns) -> None:
        """Make columns known; those of USING are hidden behind the spine's in a bare star."""
        self.relations[joined.alias.casefold()] = columns
        self.hidden[joined.alias.casefold()] = frozenset(name.casefold() for name in joined.using)

    def has(self, name: str) -> bool:
        """Whether the spine has a column."""
        return name.casefold() in self.relations[self.spine.casefold()]

    def column(self, name: str) -> exp.Expr:
        """A column of the spine."""
        known = self.relations[self.spine.casefold()].get(name.casefold())
        return exp.column(known[0] if known else name, table=self.spine, quoted=True)

    def over_spine(self, value: exp.Expr) -> bool:
        """Whether an expression reads nothing but the spine."""
        if value.find(exp.Query):
            return False
        tables = {c.table.casefold() or self.spine.casefold() for c in value.find_all(exp.Column)}
        return tables <= {self.spine.casefold()} and all(self.has(c.name) for c in value.find_all(exp.Column))

    def rewrite(self, value: exp.Expr) -> exp.Expr:
        """A copy of an expression in which keys of features are made of the spine's expressions."""
        root = exp.paren(value.copy(), copy=False)
        for node in list(root.find_all(exp.Column)):
            meaning = None if belongs_inside(node) else self.meaning(node)
            if meaning is not None:
                node.replace(meaning.copy())
        rewritten = root.this
        assert isinstance(rewritten, exp.Expr)
        return rewritten

    def meaning(self, node: exp.Column) -> exp.Expr | None:
        """What a column stands for where that is not itself."""
        folded = node.name.casefold()
        if node.table:
            known = self.relations.get(node.table.casefold(), {}).get(folded)
            return known[1] if known else None
        if self.has(node.name):
            return self.column(node.name)
        owners = [columns[folded] for columns in self.relations.values() if folded in columns]
        if not owners and folded in self.rows:
            return row_of(self.relations[folded])
        return owners[0][1] if len(owners) == 1 else None

    def starred(self, table: str | None) -> Columns:
        """The columns of a star, of one relation or of all."""
        if table is not None:
            return dict(self.relations.get(table.casefold(), {}))
        found: Columns = {}
        for alias, columns in self.relations.items():
            for folded, known in columns.items():
                if folded not in self.hidden.get(alias, frozenset()):
                    found[f"{alias}.{folded}" if folded in found else folded] = known
        return found


def where_there(joined: Joined, name: str, key: exp.Expr) -> exp.Expr:
    """A key of joined features: that which the spine asks for, where the model has a row, else NULL."""
    kind = joined.info.type_of(name)
    value = exp.cast(key.copy(), kind, dialect="duckdb") if kind else key.copy()
    return exp.Case(ifs=[exp.If(this=column(names.THERE, joined.alias), true=value)])


def belongs_inside(node: exp.Column) -> bool:
    """Whether an unqualified name is a lambda's parameter or may be a subquery's own column."""
    if node.table:
        return False
    scope = node.find_ancestor(exp.Lambda, exp.Query)
    while isinstance(scope, exp.Lambda):
        if node.name.casefold() in {parameter.name.casefold() for parameter in scope.expressions}:
            return True
        scope = scope.find_ancestor(exp.Lambda, exp.Query)
    return isinstance(scope, exp.Query)


def own(alias: str, listed: Sequence[str]) -> Columns:
    """Columns that stand for themselves, by folded name."""
    return {name.casefold(): (name, exp.column(name, table=alias, quoted=True)) for name in listed}


def row_of(columns: Columns) -> exp.Expr:
    """A row as a value, without the columns that featsql puts beside its own."""
    fields = [
        exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=value.copy())
        for name, value in columns.values()
    ]
    return exp.Struct(expressions=fields)


def expand(select: exp.Select, scope: Scope) -> exp.Select:
    """A SELECT with its stars written out and every key of features bound to the spine."""
    expanded = select.copy()
    projections: list[exp.Expr] = []
    for value in expanded.expressions:
        inner = value.this if isinstance(value, exp.Column) and isinstance(value.this, exp.Star) else value
        if isinstance(inner, exp.Star):
            projections += star(inner, value.table if isinstance(value, exp.Column) else None, scope)
        else:
            name = value.alias_or_name or value.sql("duckdb")
            projections.append(exp.alias_(scope.rewrite(value.unalias()), name, quoted=True))
    expanded.set("expressions", projections)
    order = expanded.args.get("order")
    if order is not None:
        outputs = {value.alias.casefold() for value in projections}
        for term in order.expressions:
            if not (isinstance(term.this, exp.Column) and not term.this.table and term.this.name.casefold() in outputs):
                term.set("this", scope.rewrite(term.this))
    return expanded


def star(node: exp.Star, table: str | None, scope: Scope) -> list[exp.Expr]:
    """The columns of one star, without those excluded, with those replaced and renamed."""
    gone = {each.name.casefold() for each in node.args.get("except_") or ()}
    replaced = {each.alias.casefold(): scope.rewrite(each.this) for each in node.args.get("replace") or ()}
    renamed = {each.this.name.casefold(): each.alias for each in node.args.get("rename") or ()}
    columns = scope.starred(table or None)
    return [
        exp.alias_(replaced.get(name.casefold(), value).copy(), renamed.get(name.casefold(), name), quoted=True)
        for name, value in columns.values()
        if name.casefold() not in gone
    ]
