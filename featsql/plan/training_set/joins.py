"""The joins of a training set, and what a CTE in it merely passes on."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from sqlglot import exp

from featsql.resolve.catalog.catalog import RelationInfo


class Joined(Struct, frozen=True):
    """One join of a training set: the node, the partner's alias, and the partner as a relation."""

    join: exp.Join
    alias: str
    info: RelationInfo

    @property
    def using(self) -> tuple[str, ...]:
        return tuple(identifier.name for identifier in self.join.args.get("using") or ())


def passes_on(query: exp.Expr, imports: Mapping[str, str]) -> str | None:
    """The relation key that `select * from x` passes on unchanged; None for anything else."""
    if not isinstance(query, exp.Select):
        return None
    given = {part for part, value in query.args.items() if value}
    clause = query.args.get("from_")
    if given - {"kind", "expressions", "from_", "operation_modifiers"} or clause is None:
        return None
    stars = [isinstance(value, exp.Star) and not any(value.args.values()) for value in query.expressions]
    source = clause.this
    if stars != [True] or not isinstance(source, exp.Table) or any(source.args.get(p) for p in ("joins", "pivots")):
        return None
    key = source.meta.get("relation") or (imports.get(source.name.casefold()) if not source.db else None)
    return str(key) if key else None
