"""How the sources of one SELECT meet: which of them keep their rows, and whose columns are held equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, field
from sqlglot import exp

from featsql.resolve.qualify import Resolved
from featsql.resolve.scope import conjuncts, joins, sources, type_of, where

# A column of a source, as (alias, name), folded.
Owned = tuple[str, str]
METHODS = frozenset({"", "ASOF"})
KINDS = frozenset({"", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"})


class Meeting(Struct):
    """The sources of a SELECT by alias, those whose rows no join makes up out of NULLs (`kept`), and
    for each column those that may be held to a value once it is held to that value itself.

    Rows of `chosen` sources are picked by an as-of join: they cannot be held to anything that the
    join's own condition does not ask for.
    """

    nodes: dict[str, exp.Expr]
    kept: set[str]
    follows: dict[Owned, set[Owned]] = {}
    chosen: set[str] = field(default_factory=set)

    def let(self, leader: Owned, follower: Owned) -> None:
        """Let a column follow another."""
        self.follows.setdefault(leader, set()).add(follower)

    def spread(self, held: Mapping[Owned, Iterable[int]]) -> dict[Owned, set[int]]:
        """Everything that may be held to what `held` says."""
        found = {owner: set(positions) for owner, positions in held.items()}
        waiting = list(found)
        while waiting:
            leader = waiting.pop()
            for follower in self.follows.get(leader, ()):
                new = found[leader] - found.get(follower, set())
                if new:
                    found.setdefault(follower, set()).update(new)
                    waiting.append(follower)
        return found


def meeting(select: exp.Select, resolved: Resolved) -> Meeting | None:
    """How the sources of a SELECT meet, or None where nothing can be said."""
    clause, joined = select.args.get("from_"), joins(select)
    nodes = sources(select)
    if clause is None or select.args.get("laterals") or len(nodes) != 1 + len(joined):
        return None
    found = Meeting(nodes, {clause.this.alias_or_name.casefold()})
    for join in joined:
        if join.method not in METHODS or join.kind not in KINDS:
            return None
        add(found, join, equalities(conjuncts(join.args.get("on")), select, resolved))
    for one, other in equalities(where(select), select, resolved):
        both_ways(found, one, other)
    return found


def add(found: Meeting, join: exp.Join, equal: list[tuple[Owned, Owned]]) -> None:
    """Add one join to those before it.

    The rows of an optional side that fail its condition are never seen, so that its columns may
    follow; a preserved side shows all of its rows, and follows nothing.
    """
    alias = join.this.alias_or_name.casefold()
    if join.side == "FULL":
        found.kept.clear()
    elif join.side == "RIGHT":
        found.kept = {alias}
        for one, other in directed(equal, alias):
            if other[0] not in found.chosen:
                found.let(one, other)
    elif join.side or join.method or join.kind in {"SEMI", "ANTI"}:
        for one, other in directed(equal, alias):
            found.let(other, one)
        if join.method:
            found.chosen.add(alias)
    else:
        found.kept.add(alias)
        for one, other in equal:
            both_ways(found, one, other)


def both_ways(found: Meeting, one: Owned, other: Owned) -> None:
    """Every row that fails the equality is dropped, so that either column may follow the other."""
    for leader, follower in ((one, other), (other, one)):
        if follower[0] not in found.chosen:
            found.let(leader, follower)


def directed(equal: list[tuple[Owned, Owned]], alias: str) -> list[tuple[Owned, Owned]]:
    """The equalities between a source and others, its own column first."""
    turned = [(one, other) if one[0] == alias else (other, one) for one, other in equal]
    return [(one, other) for one, other in turned if one[0] == alias != other[0]]


def equalities(terms: list[exp.Expr], select: exp.Select, resolved: Resolved) -> list[tuple[Owned, Owned]]:
    """The pairs of columns of two sources and of one type that terms hold equal."""
    found: list[tuple[Owned, Owned]] = []
    for term in terms:
        left, right = term.args.get("this"), term.args.get("expression")
        if not isinstance(term, exp.EQ) or not isinstance(left, exp.Column) or not isinstance(right, exp.Column):
            continue
        kind = type_of(left, select, resolved)
        if kind is not None and kind == type_of(right, select, resolved) and left.table != right.table:
            found.append((owned(left), owned(right)))
    return found


def owned(column: exp.Column) -> Owned:
    """A bound column as (alias, name), folded."""
    return column.table.casefold(), column.name.casefold()


def plain_column(value: exp.Expr | None, found: Meeting) -> Owned | None:
    """The one column that an output is: itself, or what USING makes of columns that are equal to it
    wherever they are there."""
    if isinstance(value, exp.Paren):
        return plain_column(value.this, found)
    if isinstance(value, exp.Column):
        return owned(value)
    if not isinstance(value, exp.Coalesce):
        return None
    arguments = [value.this, *value.expressions]
    columns = [owned(each) for each in arguments if isinstance(each, exp.Column)]
    if len(columns) != len(arguments):
        return None
    leaders = (c for c in columns if all(o == c or o in found.follows.get(c, ()) for o in columns))
    return next(leaders, None)
