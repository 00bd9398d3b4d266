"""The newest rows of a state that arrays can find: what is read for them, and where they stand.

The rows come as they lie, each with the number of its keys; which of them a probe meets is told by `featsql.arrays`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct
from sqlglot import exp

from featsql.engines.duckdb.columnar.encode import FLOATS, INSTANTS, SMALL, decimal
from featsql.engines.duckdb.columnar.parts import KEPT
from featsql.engines.duckdb.columnar.questions import GROUP
from featsql.engines.duckdb.lower.latest import rows_known
from featsql.engines.duckdb.lower.over import LAST
from featsql.plan import names
from featsql.plan.microseconds import happened, kind_of, last_visible
from featsql.plan.plan import AsOf, Met
from featsql.temporal import Boundary, column

ROW = "__row"
# Types whose values come back from Arrow as they went.
PLAIN = SMALL | FLOATS | INSTANTS | {"BIGINT", "UBIGINT", "BOOLEAN", "VARCHAR"}


def findable(features: AsOf, as_of_type: str) -> bool:
    """Whether arrays can find the newest rows of a state: its instants are whole microseconds, like those that are
    asked for, and its columns can be handed over."""
    kinds = [features.relation.type_of(name) or "" for name in features.needed]
    instants = {kind_of(features.relation).upper(), as_of_type.upper()}
    return features.in_order and instants <= INSTANTS and all(k in PLAIN or decimal(k)[0] for k in kinds)


class Newest(Struct, frozen=True, dict=True):
    """What is asked of a state, the node at a `position`; `timed`, if it is also asked since when each row was known,
    which only tells twins."""

    position: int
    features: AsOf
    boundary: Boundary
    timed: bool = False

    @property
    def last(self) -> str:
        """The column of a spine's row that says what it sees last."""
        return names.part(LAST.strip("_"), self.position)

    @property
    def hit(self) -> str:
        """The column of a spine's row that says whether it met a row."""
        return names.part("hit", self.position)

    @cached_property
    def values(self) -> Mapping[str, str]:
        """For each column of the relation that is needed, the name by which it is handed over."""
        wanted = [*self.features.needed, *([names.KNOWN_FROM] if self.timed else [])]
        return {name: names.part(f"value_{i}", self.position) + KEPT for i, name in enumerate(wanted)}

    def asked(self, below: exp.Select) -> exp.Select:
        """The rows of a spine with the last instant whose rows each sees."""
        last = last_visible(self.features.relation, column(names.AS_OF), self.boundary)
        return exp.select(exp.Star(), exp.alias_(last, self.last)).from_(below.subquery(copy=False), copy=False)

    def rows(self, groups: exp.Table) -> exp.Select:
        """The rows of the keys that are asked for, as they lie: their group, when they happened, and what is needed."""
        query = exp.select(column(GROUP, GROUP), exp.alias_(column(names.HAPPENED, ROW), names.HAPPENED))
        query = query.select(*(exp.alias_(column(name, ROW), value) for name, value in self.values.items()), copy=False)
        rows = rows_known(self.features).select(
            exp.alias_(happened(self.features.relation), names.HAPPENED), copy=False
        )
        query = query.from_(rows.subquery(ROW), copy=False)
        same = [
            exp.EQ(this=column(name, ROW), expression=column(names.key(i), GROUP))
            for i, name in enumerate(self.features.key_columns)
        ]
        query.append("joins", exp.Join(this=exp.alias_(groups.copy(), GROUP, table=True), on=exp.and_(*same)))
        return query


def given(features: AsOf, precomputed: Met) -> dict[str, exp.Expr]:
    """Of the row that a spine's row met the columns that are needed and the instant from which it is known, by name,
    over the columns of the spine's row."""
    found: dict[str, exp.Expr] = {}
    # that a row was met is all that the instant from which it is known has to tell, unless it has twins
    for name, value in {names.KNOWN_FROM: precomputed.hit, **precomputed.columns}.items():
        kind = features.relation.type_of(name)
        found[name] = exp.cast(column(value), kind, dialect="duckdb") if kind else column(value)
    return found
