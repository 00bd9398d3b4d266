"""Stage 6: a copy of a model's tree for analysis, every column bound and every star written out. It is never run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify as qualify_tree
from sqlglot.schema import MappingSchema

from featsql.engine import DUCKDB
from featsql.read.model import Model
from featsql.resolve.binding.fields import hand_out
from featsql.resolve.binding.rows import write_out
from featsql.resolve.catalog.catalog import Catalog, RelationInfo
from featsql.resolve.catalog.resolved import Resolved as Resolved
from featsql.resolve.graph import model_key

# The note on a source or CTE whose columns its author renamed: `q(a, b)`; sqlglot takes the names away.
RENAMED = "renamed"
# The nodes that are looked at before the columns are bound.
NOTABLE = (exp.CTE, exp.Columns, exp.Dot, exp.Join, exp.Pivot, exp.Subquery, exp.Table)


class UnboundError(Exception):
    """Why the columns of a tree cannot be bound for certain."""


def qualify(model: Model, catalog: Catalog) -> Resolved:
    """Bind the columns of a copy of a model's tree."""
    tree = model.tree.copy()
    nodes = list(tree.find_all(*NOTABLE))
    tables = [node for node in nodes if isinstance(node, exp.Table) and "relation" in node.meta]
    scans = {table.meta["scan"]: catalog.relations[table.meta["relation"]] for table in tables}
    info = catalog.relations[model_key(model.name)]
    try:
        refuse(nodes)
        schema = schema_of(tables, scans)
        prepare(nodes)
        tree = bound(tree, schema)
        hand_out(tree, scans)
        write_out(tree, scans)
        verify(tree, info)
    except UnboundError as reason:
        return Resolved(model.name, info, scans, catalog.aggregates, why=str(reason))
    return Resolved(model.name, info, scans, catalog.aggregates, tree)


def refuse(nodes: Sequence[exp.Expr]) -> None:
    """What sqlglot's qualification gets wrong in trees for DuckDB. Raises UnboundError."""
    unsure = next((node for node in nodes if isinstance(node, exp.Columns | exp.Pivot)), None)
    if unsure is not None:
        raise UnboundError(f"{unsure.key.upper()} hides which columns it reads")
    if any(isinstance(node, exp.Join) and node.method and node.args.get("using") for node in nodes):
        raise UnboundError("the last column of an ASOF JOIN's USING is not held equal")


def schema_of(tables: Iterable[exp.Table], scans: Mapping[int, RelationInfo]) -> MappingSchema:
    """The columns of every relation that is scanned, by names as sqlglot makes those in the tree."""
    schema: dict[str, Any] = {}
    for table in tables:
        columns = {folded(column.name): column.type for column in scans[table.meta["scan"]].columns}
        catalog, database, name = folded(table.catalog), folded(table.db), folded(table.name)
        schema.setdefault(catalog, {}).setdefault(database, {})[name] = columns
    return MappingSchema(schema, dialect=DUCKDB, normalize=False)


@cache
def folded(name: str) -> str:
    """A name as sqlglot writes it in a tree whose columns it binds."""
    return DUCKDB.normalize_identifier(exp.to_identifier(name, quoted=True)).name


def bound(tree: exp.Query, schema: MappingSchema) -> exp.Query:
    """The tree with its columns bound. Raises UnboundError."""
    try:
        qualified: exp.Expr = qualify_tree(
            tree,
            dialect=DUCKDB,
            schema=schema,
            validate_qualify_columns=False,
            quote_identifiers=False,
            identify=False,
        )
    except (SqlglotError, ValueError, KeyError, AttributeError, RecursionError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnboundError(f"sqlglot cannot bind it: {first}") from None
    if not isinstance(qualified, exp.Query) or has_star(qualified):
        raise UnboundError("a star could not be written out")
    return qualified


def has_star(tree: exp.Query) -> bool:
    """Whether a star is left, other than that of `count(*)`."""
    return any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star))


def prepare(nodes: Iterable[exp.Expr]) -> None:
    """Note in a tree, of which these are the notable nodes, what sqlglot takes away, and let the first names of method
    chains (`amount.sum()`) be the columns that they are."""
    for node in nodes:
        if not isinstance(node, exp.Dot):
            if isinstance(node, exp.CTE | exp.Subquery | exp.Table) and node.alias_column_names:
                node.meta[RENAMED] = True
        elif isinstance(node.this, exp.Identifier):
            if isinstance(node.expression, exp.Identifier):  # t.amount.sum()
                node.replace(exp.Column(this=node.expression, table=node.this))
            else:
                node.set("this", exp.Column(this=node.this))


def verify(tree: exp.Query, info: RelationInfo) -> None:
    """The outputs are those that the engine told of, and no column is a stranger. Raises UnboundError."""
    outputs = first_select(tree).expressions
    if len(outputs) != len(info.names):
        raise UnboundError(f"it has {len(info.names)} columns, of which {len(outputs)} could be told")
    for value, name in zip(outputs, info.names, strict=True):
        if isinstance(value.unalias(), exp.Column) and value.alias_or_name.casefold() != name.casefold():
            raise UnboundError(f"`{name}` was taken for `{value.alias_or_name}`")
    for column in tree.find_all(exp.Column):
        column._meta = column._meta or None  # sqlglot leaves an empty one, which would be copied with the tree
        if not column.table and column.name.casefold() not in known_names(column):
            raise UnboundError(f"`{column.name}` is a column of no relation")


def first_select(query: exp.Expr) -> exp.Select:
    """The SELECT whose columns give a query's their names. Raises UnboundError where there is none."""
    while not isinstance(query, exp.Select):
        if not isinstance(query, exp.Subquery | exp.SetOperation):
            raise UnboundError(f"{query.key.upper()} has columns of no name")
        query = query.this
    return query


def known_names(column: exp.Column) -> set[str]:
    """What a column without a table may be called around its place: an output, a whole row, a lambda's
    parameter."""
    names: set[str] = set()
    node = column.parent
    while node is not None:
        if isinstance(node, exp.Lambda):
            names |= {parameter.name for parameter in node.expressions}
        elif isinstance(node, exp.Comprehension):
            names.add(node.expression.name)
        elif isinstance(node, exp.Select):
            names |= {value.alias_or_name for value in node.expressions}
            names |= {source.alias_or_name for source in node.find_all(exp.Table, exp.Subquery)}
        elif isinstance(node, exp.SetOperation):
            names |= set(node.named_selects)
        node = node.parent
    return {name.casefold() for name in names}
