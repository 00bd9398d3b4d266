"""The reference evaluator: section 1 of the meaning done literally, one instant after the other.

For each spine row, each relation is replaced by what it is at the row's instant, the author's own SQL
is run as written, and the row with the wanted keys is taken. It shares with the compiler the
definition of visibility and nothing of how plans are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from featsql.engine import Engine
from featsql.prove.nobody import over_no_rows, with_all_groups
from featsql.read.model import Model
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.catalog.describe import bound_name
from featsql.resolve.checked import Checked
from featsql.resolve.graph import model_key
from featsql.resolve.nanoseconds import asks_exactly, authored, by_column, literal, seen_at, whole
from featsql.temporal import Boundary, column, end_available_at, holds, known, reached, version_order

Row = dict[str, Any]


def evaluate(
    name: str,
    spine: Sequence[tuple[Any, tuple[Any, ...]]],
    as_of_type: str,
    checked: Checked,
    engine: Engine,
    boundary: Boundary,
) -> list[Row]:
    """The features of model `name` for each spine row `(as_of, keys)`, in the spine's order.

    Raises ValueError where the model has more than one row for an entity.
    """
    evaluator = Reference(checked, engine, boundary, as_of_type)
    keys, match_nulls = keys_of(checked.graph.models[name], checked)
    answers: list[Row] = []
    for as_of, wanted in spine:
        rows = evaluator.model_at(name, as_of)
        same = [row for row in rows if matches(row, keys, wanted, match_nulls)]
        if len(same) > 1:
            raise ValueError(f"{name} has {len(same)} rows for {wanted} at {as_of}")
        if same:
            row = same[0]
        elif any(matches(group, keys, wanted, match_nulls) for group in evaluator.groups_of(name, as_of)):
            row = dict.fromkeys(checked.catalog.relations[model_key(name)].names)
        else:
            row = evaluator.nobody(name, as_of)
        answers.append({column: value for column, value in row.items() if column.casefold() not in folded(keys)})
    return answers


def keys_of(model: Model, checked: Checked) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    """The join keys of a features model in order, and for each whether NULL equals NULL."""
    entities = [checked.graph.project.entities[name] for name in model.config.entity]
    pairs = {key: entity.match_nulls for entity in entities for key in entity.keys}
    return tuple(pairs), tuple(pairs.values())


def folded(names: Sequence[str]) -> set[str]:
    """Names without regard to case."""
    return {name.casefold() for name in names}


def matches(row: Row, keys: Sequence[str], wanted: Sequence[Any], match_nulls: Sequence[bool]) -> bool:
    """Whether a row has the wanted keys; NULL equals nothing unless its entity matches nulls."""
    by_name = {column.casefold(): value for column, value in row.items()}
    pairs = zip((by_name[key.casefold()] for key in keys), wanted, match_nulls, strict=True)
    return all(
        (nulls and mine is None and theirs is None) or (mine is not None and mine == theirs)
        for mine, theirs, nulls in pairs
    )


class Reference:
    """Models at instants, each evaluated once."""

    def __init__(self, checked: Checked, engine: Engine, boundary: Boundary, as_of_type: str) -> None:
        self.checked = checked
        self.engine = engine
        self.boundary = boundary
        self.as_of_type = as_of_type
        self.seen: dict[tuple[str, str, Any], list[Row]] = {}

    def instant(self, as_of: Any) -> exp.Expr:
        """An instant as a literal of the spine's type."""
        return literal(None if as_of is None else str(as_of), self.as_of_type)

    def model_at(self, name: str, as_of: Any) -> list[Row]:
        """All rows of a model at an instant."""
        return self.once("rows", name, as_of, self.query_at)

    def groups_of(self, name: str, as_of: Any) -> list[Row]:
        """The rows that a model would have at an instant if its filters left none of its groups out."""
        return self.once("groups", name, as_of, self.groups_at)

    def nobody(self, name: str, as_of: Any) -> Row:
        """What a model says at an instant of an entity that has no rows in what it groups."""
        told = self.once("nobody", name, as_of, self.nobody_at)
        return told[0] if told else dict.fromkeys(self.checked.catalog.relations[model_key(name)].names)

    def once(self, what: str, name: str, as_of: Any, ask: Callable[[str, exp.Expr], exp.Query | None]) -> list[Row]:
        """The rows of a query, which is run but once; none where there is no such query."""
        if (what, name, as_of) not in self.seen:
            query = ask(name, self.asked_at(name, self.instant(as_of)))
            self.seen[what, name, as_of] = [] if query is None else self.run(query)
        return self.seen[what, name, as_of]

    def asked_at(self, name: str, at: exp.Expr) -> exp.Expr:
        """The instant that a model is asked at: where nothing that it reads tells nanoseconds, a microsecond."""
        exact = asks_exactly(self.as_of_type, fine=self.is_fine(name), boundary=self.boundary)
        return at if exact else whole(at)

    def is_fine(self, name: str) -> bool:
        """Whether anything that a model reads tells nanoseconds apart."""
        tables = self.inlined(name).find_all(exp.Table)
        keys = (table.meta["relation"] for table in tables if "relation" in table.meta)
        return any(self.checked.catalog.relations[key].is_fine for key in keys)

    def query_at(self, name: str, at: exp.Expr) -> exp.Query:
        """A model's own query over its relations as they are at an instant."""
        return self.at(self.inlined(name), at)

    def groups_at(self, name: str, at: exp.Expr) -> exp.Query | None:
        """The same without what leaves groups out; None where nothing does."""
        query = with_all_groups(self.inlined(name), self.checked.catalog.aggregates)
        return None if query is None else self.at(query, at)

    def nobody_at(self, name: str, at: exp.Expr) -> exp.Query | None:
        """The one row of a model over no rows at an instant; None where all of it is NULL."""
        keys, _ = keys_of(self.checked.graph.models[name], self.checked)
        query = over_no_rows(self.inlined(name), keys, self.checked.catalog.aggregates)
        return None if query is None else self.at(query, at)

    def at(self, tree: exp.Query, at: exp.Expr) -> exp.Query:
        """A query with every relation replaced by what it is at an instant, and `as_of()` by the instant."""
        return replaced(tree, at, lambda table: self.relation_at(table.meta["relation"], at))

    def relation_at(self, key: str, at: exp.Expr) -> exp.Query:
        """What a relation is at an instant: the definition, step by step."""
        info = self.checked.catalog.relations[key]
        return visible_rows(info, bound_name(key, self.checked.graph), at, self.boundary)

    def inlined(self, name: str) -> exp.Query:
        """A model's tree with the features models that it reads in place of their names."""
        models = self.checked.graph.models
        tree = models[name].tree.copy()
        for table in [t for t in tree.find_all(exp.Table) if t.meta.get("relation", "").startswith("model:")]:
            read = models[table.meta["relation"].partition(":")[2]]
            if read.config.kind == "features":
                table.replace(standing_for(table, self.inlined(read.name)))
        return tree

    def run(self, query: exp.Query) -> list[Row]:
        """The rows of a query, as mappings."""
        sql = query.sql("duckdb")
        names = [c.name for c in self.engine.columns(sql)]
        return [dict(zip(names, row, strict=True)) for row in self.engine.rows(sql)]


def replaced(tree: exp.Query, at: exp.Expr, relation: Callable[[exp.Table], exp.Query]) -> exp.Query:
    """A copy of a query with a subquery for every relation of the project, and the instant for `as_of()`."""
    query = tree.copy()
    for table in [each for each in query.find_all(exp.Table) if "relation" in each.meta]:
        table.replace(standing_for(table, relation(table)))
    for call in list(query.find_all(exp.Anonymous)):
        if call.name.casefold() == "as_of":
            call.replace(authored(at, call))
    return query


def standing_for(table: exp.Table, query: exp.Query) -> exp.Subquery:
    """A query as a subquery under the name that a table has, with all that is written beside it."""
    columns = [exp.to_identifier(name, quoted=True) for name in table.alias_column_names]
    alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name, quoted=True), columns=columns)
    subquery = exp.Subquery(this=query, alias=alias)
    for part in ("joins", "laterals", "pivots", "sample"):
        subquery.set(part, table.args.get(part))
    return subquery


def visible_rows(info: RelationInfo, table: exp.Expr, at: exp.Expr, boundary: Boundary) -> exp.Select:
    """The rows of a relation at an instant, step by step: the known ones, of those the newest versions, of
    those the ones that hold; `table` is where the relation is read from."""
    clock = info.clock
    assert clock is not None, f"{info.key} has no clock"
    at = seen_at(at, fine=info.is_fine, boundary=boundary)
    rows = exp.select("*").from_(table.copy(), copy=False).where(known(clock, at, boundary), copy=False)
    if clock.versioned:
        rows = newest_only(rows, info)
    found = exp.select(*shown(info, at, boundary)).from_(rows.subquery("known"), copy=False)
    return by_column(found.where(holds(clock, at, boundary), copy=False), at, info.coarse, boundary)


def shown(info: RelationInfo, at: exp.Expr, boundary: Boundary) -> list[exp.Expr]:
    """A relation's columns; the end of a period is open until it could be known."""
    clock = info.clock
    assert clock is not None
    columns: list[exp.Expr] = [column(name) for name in info.names]
    if clock.kind != "periods" or clock.valid_to is None:
        return columns
    learnt = reached(end_available_at(clock), at, boundary)
    end = exp.Case(ifs=[exp.If(this=learnt, true=column(clock.valid_to))])
    ends = [name.casefold() == clock.valid_to.casefold() for name in info.names]
    return [
        exp.alias_(end.copy(), c.name, quoted=True) if is_end else c for c, is_end in zip(columns, ends, strict=True)
    ]


def newest_only(rows: exp.Select, info: RelationInfo) -> exp.Select:
    """Of each key's known versions, the newest."""
    assert info.clock is not None
    order = [*version_order(info.clock), *(column(name) for name in info.names)]
    number = exp.Window(
        this=exp.RowNumber(),
        partition_by=[column(name) for name in info.clock.unique_key],
        order=exp.Order(expressions=[exp.Ordered(this=term, desc=True, nulls_first=False) for term in order]),
    )
    first = exp.EQ(this=number, expression=exp.Literal.number(1))
    return exp.select("*").from_(rows.subquery("versions"), copy=False).qualify(first, copy=False)
