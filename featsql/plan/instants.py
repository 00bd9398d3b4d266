"""At which instant a row of a spine asks a features model: its own, or the microsecond that shows the same."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace
from sqlglot import exp

from featsql.plan.plan import AsOf, Features, Lifted, Outcome
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.nanoseconds import asks_exactly, is_fine, of_type, whole
from featsql.temporal import Boundary, column


def needs_nanoseconds(relations: Iterable[RelationInfo], kind: str, boundary: Boundary) -> bool:
    """Whether a spine's instants of a type are asked as they are of some relations."""
    return asks_exactly(kind, fine=any(info.is_fine for info in relations), boundary=boundary)


def asked_exactly(features: Features, kind: str) -> Features | None:
    """A features model as it is asked at nanoseconds; None where only the general rule can be."""
    if isinstance(features, AsOf):
        clock = features.relation.clock
        assert clock is not None
        fine = all(is_fine(features.relation.type_of(name) or "") for name in clock.instants)
        return replace(features, as_of_type=kind) if fine else None
    return features if isinstance(features, Lifted) else None


def asked_instant(features: Features, spine: Outcome, boundary: Boundary) -> exp.Expr:
    """The instant at which a row of a spine asks a features model."""
    at = of_type(column(spine.as_of, spine.alias), spine.as_of_type)
    return at if needs_nanoseconds(features.relations, spine.as_of_type, boundary) else whole(at)
