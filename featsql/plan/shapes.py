"""Which shape a features model has: what is proved of its tree, so that a better node may stand for it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from featsql.plan.known import known_in_order
from featsql.plan.missing_row.chain import only_source
from featsql.plan.plan import AsOf, Scan
from featsql.resolve.aggregates import has_aggregate
from featsql.resolve.catalog.catalog import RelationInfo

PLAIN = frozenset({"kind", "expressions", "from_", "where", "operation_modifiers"})


def as_of_join(
    name: str,
    tree: exp.Query,
    scan: Scan,
    keys: Sequence[str],
    match_nulls: Sequence[bool],
    *,
    stored: bool = False,
) -> AsOf | None:
    """The model as one as-of join, if it only projects a `state` keyed by the entity's keys."""
    relation, clock = scan.relation, scan.relation.clock
    if clock is None or clock.kind != "state" or clock.retracted_at or any(match_nulls):
        return None
    if not isinstance(tree, exp.Select) or not is_plain(tree):
        return None
    table = only_source(tree)
    if not isinstance(table, exp.Table) or table.alias_column_names:
        return None
    projected = projections(tree, relation)
    if projected is None or has_row(tree, relation):
        return None
    columns = [identity(projected.get(key.casefold()), relation) for key in keys]
    wanted = {column.casefold() for column in clock.unique_key}
    if None in columns or {str(c).casefold() for c in columns} != wanted or len(columns) != len(wanted):
        return None
    where = tree.args.get("where")
    return AsOf(
        name=name,
        relation=relation,
        table=scan.table,
        alias=table.alias_or_name,
        keys=tuple(keys),
        key_columns=tuple(str(c) for c in columns),
        outputs=tuple((value.alias_or_name, value.unalias()) for value in projected.values()),
        where=where.this if where else None,
        in_order=known_in_order(relation),
        stored=stored,
    )


def is_plain(select: exp.Select) -> bool:
    """Whether a SELECT is made of projections, one relation and a filter, all scalar."""
    given = {part for part, value in select.args.items() if value}
    banned = (exp.Query, exp.Window, exp.AggFunc, exp.AnonymousAggFunc, exp.Explode, exp.Unnest)
    inner = [*select.expressions, *([select.args["where"]] if select.args.get("where") else [])]
    return given <= PLAIN and not any(part.find(*banned) for part in inner)


def projections(select: exp.Select, relation: RelationInfo) -> dict[str, exp.Expr] | None:
    """The output columns by folded name; a lone `*` is the relation's columns. None where a star
    is modified, a name repeats, or a function is not known to be scalar."""
    found: dict[str, exp.Expr] = {}
    for value in select.expressions:
        if isinstance(value, exp.Star) and not any(value.args.values()):
            expanded: list[exp.Expr] = [exp.column(exp.to_identifier(n, quoted=True)) for n in relation.names]
        elif value.find(exp.Star, exp.Columns) or any(not is_as_of(call) for call in value.find_all(exp.Anonymous)):
            return None
        else:
            expanded = [value]
        for each in expanded:
            folded = each.alias_or_name.casefold()
            if not folded or folded in found:
                return None
            found[folded] = each
    return found


def has_row(select: exp.Select, relation: RelationInfo) -> bool:
    """Whether a SELECT speaks of a row of its relation as a whole, or of a column by its position: a plan has columns
    beside the relation's own."""
    names = {name.casefold() for name in relation.names}
    bare = (each.name.casefold() for each in select.find_all(exp.Column) if not each.table)
    return select.find(exp.PositionalColumn) is not None or any(name not in names for name in bare)


def is_as_of(call: exp.Anonymous) -> bool:
    """Whether a call is `as_of()`."""
    return call.name.casefold() == "as_of"


def identity(value: exp.Expr | None, relation: RelationInfo) -> str | None:
    """The relation's column that a projection passes on unchanged."""
    if value is None:
        return None
    inner = value.unalias()
    if not isinstance(inner, exp.Column):
        return None
    return next((n for n in relation.names if n.casefold() == inner.name.casefold()), None)


def unique_per_key(tree: exp.Query, keys: Sequence[str], aggregates: frozenset[str]) -> bool:
    """Whether it is proved that a model has at most one row for an entity: it groups by nothing but
    entity keys, or is one aggregate of everything."""
    if not isinstance(tree, exp.Select):
        return False
    group = tree.args.get("group")
    if any(value.find(exp.Explode, exp.Unnest) for value in tree.expressions):
        return False
    if group is None:
        return any(has_aggregate(value, aggregates) for value in tree.expressions)
    if any(group.args.get(part) for part in ("grouping_sets", "cube", "rollup")):
        return False
    folded = {key.casefold() for key in keys}
    outputs = {
        value.unalias().sql("duckdb"): value.alias_or_name.casefold()
        for value in tree.expressions
        if value.alias_or_name.casefold() in folded
    }
    if group.args.get("all"):
        bare = [value for value in tree.expressions if not has_aggregate(value, aggregates)]
        return all(value.alias_or_name.casefold() in folded and not value.find(exp.Star) for value in bare)
    return all(groups_by_key(term, tree, outputs, folded) for term in group.expressions)


def groups_by_key(term: exp.Expr, tree: exp.Select, outputs: dict[str, str], keys: set[str]) -> bool:
    """Whether a grouping term is an output column that is an entity key."""
    if isinstance(term, exp.Literal) and term.is_int:
        position = int(term.name) - 1
        chosen = tree.expressions[position] if position < len(tree.expressions) else None
        starred = any(value.find(exp.Star) for value in tree.expressions[: position + 1] if not has_count_star(value))
        return chosen is not None and not starred and chosen.alias_or_name.casefold() in keys
    return term.sql("duckdb") in outputs


def has_count_star(value: exp.Expr) -> bool:
    """Whether the star of a projection is that of `count(*)`."""
    return all(isinstance(star.parent, exp.Count) for star in value.find_all(exp.Star))
