"""What arrays are asked about the rows of a spine: of each row its columns, and for each node the number of its keys
and the instants at which its windows begin and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol

from msgspec import Struct
from sqlglot import exp

from featsql.plan import names
from featsql.plan.plan import Plan
from featsql.resolve.nanoseconds import of_type, whole
from featsql.temporal import column

GROUP = "__group"
BELOW = "__below"
# The number of a row of the spine: the engine keeps no order of what it joins.
LINE = "__line"


class Node(Protocol):
    """What is asked of one node, which has a position among all; its columns of a spine row are named by that."""

    @property
    def position(self) -> int:
        """Its place among all."""

    def asked(self, below: exp.Select) -> exp.Select:
        """The rows of a spine with what the node is asked for at the instant of each."""


class Asking(Struct, dict=True):
    """The queries that ask a spine for some nodes, each with its keys over the spine."""

    plan: Plan
    nodes: Sequence[tuple[Sequence[exp.Expr], Node]]

    @cached_property
    def signatures(self) -> Mapping[str, Sequence[exp.Expr]]:
        """The keys that nodes are asked for, each once, by their text."""
        return {signature(keys): keys for keys, _ in self.nodes}

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of the spine that are needed."""
        return needed(self.plan)

    def place(self, keys: Sequence[exp.Expr]) -> int:
        """Which of the signatures some keys have."""
        return list(self.signatures).index(signature(keys))

    def below(self) -> exp.Select:
        """The rows of the spine with the instant of each, its keys, and all that the nodes are asked for."""
        spine = self.plan.spine
        source = exp.alias_(spine.source.copy(), spine.alias, quoted=True, table=True)
        query = exp.select(*(column(name, spine.alias) for name in self.columns)).from_(source, copy=False)
        at = whole(of_type(column(spine.as_of, spine.alias), spine.as_of_type))  # nodes need no more
        query = query.select(exp.alias_(at, names.AS_OF), copy=False)
        query = query.select(exp.alias_(exp.Window(this=exp.RowNumber()), LINE), copy=False)
        for s, keys in enumerate(self.signatures.values()):
            for i, key in enumerate(keys):
                query = query.select(exp.alias_(key.copy(), of_signature(names.key(i), s)), copy=False)
        for _, node in self.nodes:
            query = node.asked(query)
        return query

    def groups(self, keys: Sequence[exp.Expr]) -> exp.Select:
        """Each of some keys that is asked for, with a number from 0."""
        s = self.place(keys)
        own = [exp.alias_(column(of_signature(names.key(i), s)), names.key(i)) for i in range(len(keys))]
        query = exp.select(*(own or [exp.Literal.number(1)])).from_(self.below().subquery(BELOW), copy=False)
        return numbered_groups(query.distinct(copy=False) if own else query.limit(1, copy=False))

    def rows(self, groups: Mapping[str, exp.Table]) -> exp.Select:
        """The rows of the spine, of each the number of every signature's keys."""
        keyed = [
            of_signature(names.key(i), s) for s, keys in enumerate(self.signatures.values()) for i in range(len(keys))
        ]
        own = exp.Star(except_=[exp.to_identifier(name) for name in (names.AS_OF, *keyed)])
        query = exp.select(exp.Column(this=own, table=exp.to_identifier(BELOW)))
        query = query.from_(self.below().subquery(BELOW), copy=False)
        for s, (text, keys) in enumerate(self.signatures.items()):
            alias = of_signature(GROUP, s)
            query = query.select(exp.alias_(column(GROUP, alias), alias), copy=False)
            same = [
                exp.NullSafeEQ(
                    this=column(of_signature(names.key(i), s), BELOW), expression=column(names.key(i), alias)
                )
                for i in range(len(keys))
            ]
            table = exp.alias_(groups[text].copy(), alias, table=True)
            query.append("joins", exp.Join(this=table, on=exp.and_(exp.true(), *same)))
        return query


def signature(keys: Sequence[exp.Expr]) -> str:
    """Keys as a text that is the same for the same keys."""
    return ", ".join(key.sql("duckdb") for key in keys)


def of_signature(name: str, place: int) -> str:
    """The name of a column that belongs to one of the signatures."""
    return f"{name}_of_{place}"


def numbered_groups(keys: exp.Select) -> exp.Select:
    """Some keys, each with a number from 0."""
    counted = exp.Sub(this=exp.Window(this=exp.RowNumber()), expression=exp.Literal.number(1))
    number = exp.alias_(exp.cast(counted, "integer"), GROUP)
    return exp.select(exp.Star(), number).from_(keys.subquery("__keys"), copy=False)


def with_oldest(groups: exp.Table, first: exp.Table) -> exp.Select:
    """Groups with what is said of each by its number: the first microsecond that is seen of it."""
    same = exp.EQ(this=column(GROUP, "__first"), expression=column(GROUP, "__groups"))
    query = exp.select(
        exp.Column(this=exp.Star(), table=exp.to_identifier("__groups")), column(names.OLDEST, "__first")
    )
    query = query.from_(exp.alias_(groups.copy(), "__groups", table=True), copy=False)
    query.append("joins", exp.Join(this=exp.alias_(first.copy(), "__first", table=True), on=same))
    return query


def needed(plan: Plan) -> tuple[str, ...]:
    """The columns of the spine of which the rows of a training set are made, or seem to be: any that is called by its
    name."""
    trees = [plan.select, *(key for attach in plan.attachments for key in attach.keys)]
    trees += [read.on for read in plan.readings]
    said = {name.name.casefold() for tree in trees for name in tree.find_all(exp.Identifier)}
    known = [name for name in plan.spine.columns if name.casefold() in said or name == plan.spine.as_of]
    folded = {name.casefold() for name in known}
    own = (each for each in plan.select.find_all(exp.Column) if each.table.casefold() == plan.spine.alias.casefold())
    return (*known, *dict.fromkeys(each.name for each in own if each.name.casefold() not in folded))
