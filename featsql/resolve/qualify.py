"""Stage 6: a copy of a model's tree for analysis, every column bound and every star written out. It is never run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify as qualify_tree
from sqlglot.schema import MappingSchema

from featsql.read.model import Model
from featsql.resolve.catalog import Catalog, RelationInfo
from featsql.resolve.graph import model_key

# What sqlglot's qualification gets wrong, or does not know, in trees for DuckDB.
UNSURE = (exp.Columns, exp.Pivot)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model made ready for analysis.

    `tree` is None where its columns cannot be bound for certain; `why` then says so, and every
    analysis must assume the worst. `scans` gives the relation of each numbered table node
    (`meta['scan']`), `info` the model's own columns.
    """

    name: str
    info: RelationInfo
    scans: dict[int, RelationInfo]
    aggregates: frozenset[str]
    tree: exp.Query | None = None
    why: str | None = None


def qualify(model: Model, catalog: Catalog) -> Resolved:
    """Number the scans of a model's tree and bind the columns of a copy of it."""
    tables = [table for table in model.tree.find_all(exp.Table) if "relation" in table.meta]
    scans: dict[int, RelationInfo] = {}
    for number, table in enumerate(tables):
        table.meta["scan"] = number
        scans[number] = catalog.relations[table.meta["relation"]]
    tree, why = bound(model.tree, tables, scans)
    return Resolved(model.name, catalog.relations[model_key(model.name)], scans, catalog.aggregates, tree, why)


def bound(
    tree: exp.Query, tables: list[exp.Table], scans: dict[int, RelationInfo]
) -> tuple[exp.Query | None, str | None]:
    """A bound copy of a tree, or why there is none."""
    unsure = tree.find(*UNSURE)
    if unsure is not None:
        return None, f"{unsure.key.upper()} hides which columns it reads"
    schema: dict[str, Any] = {}
    for table in tables:
        columns = {column.name: column.type for column in scans[table.meta["scan"]].columns}
        schema.setdefault(table.catalog, {}).setdefault(table.db, {})[table.name] = columns
    try:
        mapping = MappingSchema(schema, dialect="duckdb")
        qualified = qualify_tree(
            tree.copy(),
            dialect="duckdb",
            schema=mapping,
            validate_qualify_columns=False,
            quote_identifiers=False,
            identify=False,
        )
    except (SqlglotError, ValueError, KeyError, AttributeError, RecursionError) as error:
        return None, f"sqlglot cannot bind it: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    assert isinstance(qualified, exp.Query)
    return (None, "a star could not be written out") if has_star(qualified) else (qualified, None)


def has_star(tree: exp.Query) -> bool:
    """Whether a star is left, other than that of `count(*)`."""
    return any(not isinstance(star.parent, exp.Count | exp.Func) for star in tree.find_all(exp.Star))
