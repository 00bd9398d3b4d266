"""The noun of `describe`: the columns of every relation, typed as the engine itself binds them, and its clock."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from featsql.engine import Column
from featsql.resolve.nanoseconds import is_fine
from featsql.temporal import Clock


class RelationInfo(Struct, frozen=True):
    """One relation: its key, columns in order, and its clock (None when it declares none and inherits none).

    `why_no_clock` says, for people, why a plain model has not inherited one.
    """

    key: str
    columns: tuple[Column, ...]
    clock: Clock | None = None
    why_no_clock: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def type_of(self, name: str) -> str | None:
        """The type of a column, by its name without regard to case; None when there is none."""
        return next((c.type for c in self.columns if c.name.casefold() == name.casefold()), None)

    @property
    def is_fine(self) -> bool:
        """Whether any of its clock's instants tells nanoseconds apart."""
        return self.clock is not None and any(is_fine(self.type_of(name) or "") for name in self.clock.instants)

    @property
    def coarse(self) -> frozenset[str]:
        """The columns of its clock's instants, folded, that do not tell nanoseconds apart beside some that do."""
        names = self.clock.instants if self.clock is not None and self.is_fine else ()
        return frozenset(name.casefold() for name in names if not is_fine(self.type_of(name) or ""))


class Catalog(Struct, frozen=True):
    """Every relation by key, and the names of the engine's aggregate functions."""

    relations: Mapping[str, RelationInfo]
    aggregates: frozenset[str] = field(default_factory=frozenset)
