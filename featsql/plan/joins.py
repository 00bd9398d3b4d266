"""How a training set's join names its partner: the entity's keys as expressions over the spine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from featsql.resolve.catalog import RelationInfo

if TYPE_CHECKING:
    from featsql.plan.stars import Scope


@dataclass(frozen=True, slots=True)
class Joined:
    """One join of a training set: the node, the partner's alias, and the partner as a relation."""

    join: exp.Join
    alias: str
    info: RelationInfo

    @property
    def using(self) -> tuple[str, ...]:
        return tuple(identifier.name for identifier in self.join.args.get("using") or ())

    def condition(self, scope: Scope) -> exp.Expr:
        """The join's condition as one expression over the spine and the partner."""
        on = self.join.args.get("on")
        if on is not None:
            return scope.rewrite(on)
        pairs = [
            exp.EQ(this=scope.column(name), expression=exp.column(name, table=self.alias, quoted=True))
            for name in self.using
        ]
        return exp.and_(*pairs) if pairs else exp.true()


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


def join_keys(joined: Joined, keys: Sequence[str], scope: Scope) -> tuple[exp.Expr, ...] | str:
    """For each entity key the spine's expression that it must equal, or what is wrong with the join."""
    wanted = {key.casefold(): key for key in keys}
    found: dict[str, exp.Expr] = {}
    for name in joined.using:
        if name.casefold() not in wanted:
            return f"`{name}` is not a key of the features' entity"
        found[name.casefold()] = scope.column(name)
    on = joined.join.args.get("on")
    for term in conjuncts(on):
        pair = key_pair(term, joined.alias, wanted, scope)
        if pair is None:
            return f"the condition `{term.sql('duckdb')}` is not an equality of an entity key and the spine"
        found[pair[0]] = pair[1]
    missing = [key for folded, key in wanted.items() if folded not in found]
    if missing:
        return f"the join does not give the entity key `{missing[0]}`"
    return tuple(found[folded] for folded in wanted)


def conjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    """The terms of a conjunction; `true` has none."""
    if condition is None:
        return []
    terms = list(condition.flatten()) if isinstance(condition, exp.And) else [condition]
    flat = [inner for term in terms for inner in (conjuncts(term.this) if isinstance(term, exp.Paren) else [term])]
    return [term for term in flat if not (isinstance(term, exp.Boolean) and term.this)]


def key_pair(term: exp.Expr, alias: str, wanted: Mapping[str, str], scope: Scope) -> tuple[str, exp.Expr] | None:
    """The entity key (folded) and the spine's expression that a term holds equal."""
    if not isinstance(term, exp.EQ | exp.NullSafeEQ):
        return None
    for mine, theirs in ((term.this, term.expression), (term.expression, term.this)):
        if not isinstance(mine, exp.Column) or mine.name.casefold() not in wanted:
            continue
        owned = mine.table.casefold() == alias.casefold() or (not mine.table and not scope.has(mine.name))
        if owned and scope.over_spine(theirs):
            return mine.name.casefold(), scope.rewrite(theirs)
    return None
