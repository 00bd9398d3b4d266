"""What a training set's join holds equal: the entity's keys as expressions over the spine, or a whole condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from featsql.plan.training_set.joins import Joined
from featsql.plan.training_set.stars import Scope


def condition(joined: Joined, scope: Scope) -> exp.Expr:
    """The join's condition as one expression over the spine and the partner."""
    on = joined.join.args.get("on")
    if on is not None:
        return scope.rewrite(on)
    pairs = [
        exp.EQ(this=scope.column(name), expression=exp.column(name, table=joined.alias, quoted=True))
        for name in joined.using
    ]
    return exp.and_(*pairs) if pairs else exp.true()


def join_keys(
    joined: Joined, keys: Sequence[str], match_nulls: Sequence[bool], scope: Scope
) -> tuple[exp.Expr, ...] | str:
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
        if isinstance(term, exp.NullSafeEQ) and not match_nulls[list(wanted).index(pair[0])]:
            return (
                f"the condition `{term.sql('duckdb')}` matches NULL, which names no entity (`null_keys: match` lets it)"
            )
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
