"""The newest rows of a state that arrays can find: what is read for them, and the table in which they lie.

The rows come as they lie, each with the number of its keys; which of them a probe meets is told by `featsql.arrays`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlglot import exp

from featsql.plan import names
from featsql.plan.arrays import GROUP, VALUES
from featsql.plan.encode import FLOATS, INSTANTS, SMALL, decimal
from featsql.plan.latest import rows_known
from featsql.plan.microseconds import happened, kind_of, last_visible
from featsql.plan.over import LAST
from featsql.plan.parts import KEPT
from featsql.plan.plan import AsOf, Met
from featsql.temporal import Boundary, column

ASKING, ROW = "__asking", "__row"
# Types whose values come back from Arrow as they went.
PLAIN = SMALL | FLOATS | INSTANTS | {"BIGINT", "UBIGINT", "BOOLEAN", "VARCHAR"}


def findable(features: AsOf, as_of_type: str) -> bool:
    """Whether arrays can find the newest rows of a state: its instants are whole microseconds, like those that are
    asked for, and its columns can be handed over."""
    kinds = [features.relation.type_of(name) or "" for name in features.needed]
    instants = {kind_of(features.relation).upper(), as_of_type.upper()}
    return features.in_order and instants <= INSTANTS and all(k in PLAIN or decimal(k)[0] for k in kinds)


@dataclass(frozen=True)
class Newest:
    """What is asked of a state, in the table `asking` of numbered instants and keys; `timed`, if it is also asked since
    when each row was known, which only tells twins."""

    features: AsOf
    asking: exp.Table
    boundary: Boundary
    timed: bool = False

    @property
    def keys(self) -> list[str]:
        """The columns of `asking` that hold the keys."""
        return [names.key(i) for i in range(len(self.features.keys))]

    @cached_property
    def values(self) -> Mapping[str, str]:
        """For each column of the relation that is needed, the name by which it is handed over."""
        wanted = [*self.features.needed, *([names.KNOWN_FROM] if self.timed else [])]
        return {name: names.part("value", i) + KEPT for i, name in enumerate(wanted)}

    def probes(self, groups: exp.Table) -> exp.Select:
        """The probes whose keys are known: their number and group, and the last instant whose rows they see."""
        last = last_visible(self.features.relation, column(names.AS_OF, ASKING), self.boundary)
        query = exp.select(column(names.NUMBER, ASKING), column(GROUP, GROUP), exp.alias_(last, LAST))
        query = query.from_(exp.alias_(self.asking.copy(), ASKING, table=True), copy=False)
        same = [exp.EQ(this=column(key, ASKING), expression=column(key, GROUP)) for key in self.keys]
        query.append("joins", exp.Join(this=exp.alias_(groups.copy(), GROUP, table=True), on=exp.and_(*same)))
        return query

    def rows(self, groups: exp.Table) -> exp.Select:
        """The rows of the keys that are asked for, as they lie: their group, when they happened, and what is needed."""
        query = exp.select(column(GROUP, GROUP), exp.alias_(column(names.HAPPENED, ROW), names.HAPPENED))
        query = query.select(*(exp.alias_(column(name, ROW), value) for name, value in self.values.items()), copy=False)
        rows = rows_known(self.features).select(
            exp.alias_(happened(self.features.relation), names.HAPPENED), copy=False
        )
        query = query.from_(rows.subquery(ROW), copy=False)
        pairs = zip(self.keys, self.features.key_columns, strict=True)
        same = [exp.EQ(this=column(name, ROW), expression=column(key, GROUP)) for key, name in pairs]
        query.append("joins", exp.Join(this=exp.alias_(groups.copy(), GROUP, table=True), on=exp.and_(*same)))
        return query


def given(features: AsOf, laid: Met) -> exp.Select:
    """For each probe its instant and keys, and of the row that it met the instant from which that is known and the
    columns that are needed."""
    keys = [names.key(i) for i in range(len(features.keys))]
    query = exp.select(*(column(name, ASKING) for name in (names.AS_OF, *keys)))
    # that a row was met is all that the instant from which it is known has to tell, unless it has twins
    for name, value in {names.KNOWN_FROM: names.HIT, **laid.columns}.items():
        kind = features.relation.type_of(name)
        found: exp.Expr = column(value, VALUES)
        found = exp.cast(found, kind, dialect="duckdb") if kind else found
        query = query.select(exp.alias_(found, name, quoted=True), copy=False)
    query = query.from_(exp.alias_(laid.asking.copy(), ASKING, table=True), copy=False)
    same = exp.EQ(this=column(names.NUMBER, VALUES), expression=column(names.NUMBER, ASKING))
    values = exp.alias_(laid.values.copy(), VALUES, table=True)
    query.append("joins", exp.Join(this=values, side="LEFT", on=same))
    return query
