"""Which plain models keep their source's clock: those that pass on one relation's rows, one to one."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.resolve.catalog.catalog import RelationInfo
from featsql.temporal import Clock

MULTIPLYING = (exp.Explode, exp.Unnest, exp.Columns)
CHANGING = {
    "group": "it groups rows",
    "distinct": "it removes duplicates",
    "limit": "it limits rows",
    "offset": "it skips rows",
    "qualify": "it filters by a window",
    "having": "it groups rows",
    "joins": "it joins relations",
    "laterals": "it joins relations",
    "sample": "it samples rows",
    "pivots": "it pivots rows",
}


class NotOneToOneError(Exception):
    """Why a model's rows are not its source's rows."""


class Passage(Struct, frozen=True):
    """What a query passes on: the relation, its columns by the query's folded names (with the names as
    written), and whether rows were filtered out."""

    relation: RelationInfo
    columns: Mapping[str, tuple[str, str]]
    filtered: bool


def inherit_clock(tree: exp.Query, relations: Mapping[str, RelationInfo]) -> Clock | str:
    """The source's clock in the model's own column names, or a sentence that says why there is none."""
    try:
        passage = follow(tree, relations, {})
    except NotOneToOneError as reason:
        return str(reason)
    clock = passage.relation.clock
    if clock is None:
        return f"{passage.relation.key.replace(':', ' ')} has no clock itself"
    if passage.filtered and clock.versioned:
        return "it filters the versions of a relation, which could bring back an older one"
    return rename(clock, passage)


def rename(clock: Clock, passage: Passage) -> Clock | str:
    """The clock with its columns under the names that the model gives them."""
    names: dict[str, str] = {}
    for source, output in passage.columns.values():
        names.setdefault(source.casefold(), output)
    lost = [name for name in clock.columns if name.casefold() not in names]
    if lost:
        return f"it drops or changes `{lost[0]}`, which the clock of its source needs"
    changes: dict[str, object] = {}
    for name in clock.__struct_fields__:
        value = getattr(clock, name)
        if name in {"unique_key", "tie_break"}:
            changes[name] = tuple(names[name.casefold()] for name in value)
        elif isinstance(value, str) and name not in {"kind", "delay", "why"}:
            changes[name] = names[value.casefold()]
    return replace(clock, **changes)


def follow(query: exp.Expr, relations: Mapping[str, RelationInfo], ctes: Mapping[str, exp.Query]) -> Passage:
    """Follow a query down to the one relation whose rows it passes on. Raises NotOneToOneError."""
    if not isinstance(query, exp.Select):
        raise NotOneToOneError("it combines several queries")
    clause = query.args.get("with_")
    if clause is not None:
        if clause.args.get("recursive"):
            raise NotOneToOneError("it is recursive")
        ctes = {**ctes, **{cte.alias.casefold(): cte.this for cte in clause.expressions}}
    for part, reason in CHANGING.items():
        if query.args.get(part):
            raise NotOneToOneError(reason)
    below = source_of(query, relations, ctes)
    return pass_on(query, below)


def source_of(query: exp.Select, relations: Mapping[str, RelationInfo], ctes: Mapping[str, exp.Query]) -> Passage:
    """What the FROM of a SELECT passes to it."""
    clause = query.args.get("from_")
    source = clause.this if clause is not None else None
    if source is not None and any(source.args.get(part) for part in ("joins", "laterals", "pivots", "sample")):
        raise NotOneToOneError("it joins relations")
    if isinstance(source, exp.Subquery) and not source.alias_column_names:
        return follow(source.this, relations, ctes)
    if isinstance(source, exp.Table) and not source.alias_column_names:
        key = str(source.meta.get("relation"))
        if key in relations:
            info = relations[key]
            return Passage(info, {name.casefold(): (name, name) for name in info.names}, False)
        if not source.db and source.name.casefold() in ctes:
            inner = {name: cte for name, cte in ctes.items() if name != source.name.casefold()}
            return follow(ctes[source.name.casefold()], relations, inner)
    raise NotOneToOneError("it does not read one relation of the project")


def pass_on(query: exp.Select, below: Passage) -> Passage:
    """What a SELECT passes on of what it reads."""
    columns: dict[str, tuple[str, str]] = {}
    for value in query.expressions:
        inner = value.unalias()
        if value.find(*MULTIPLYING):
            raise NotOneToOneError("it unnests rows")
        if value.find(exp.AggFunc, exp.AnonymousAggFunc) and not value.find(exp.Window):
            raise NotOneToOneError("it aggregates rows")
        if isinstance(inner, exp.Star) or (isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star)):
            columns |= starred(inner if isinstance(inner, exp.Star) else inner.this, below)
        elif isinstance(inner, exp.Column) and inner.name.casefold() in below.columns:
            output = value.alias_or_name
            columns[output.casefold()] = (below.columns[inner.name.casefold()][0], output)
    return Passage(below.relation, columns, below.filtered or bool(query.args.get("where")))


def starred(star: exp.Expr, below: Passage) -> dict[str, tuple[str, str]]:
    """The columns that a star passes on unchanged."""
    gone = {e.name.casefold() for e in star.args.get("except_") or ()}
    gone |= {e.alias_or_name.casefold() for e in star.args.get("replace") or ()}
    renamed = {e.this.name.casefold(): e.alias for e in star.args.get("rename") or ()}
    return {
        renamed.get(name, name).casefold(): (source, renamed.get(name, output))
        for name, (source, output) in below.columns.items()
        if name not in gone
    }
