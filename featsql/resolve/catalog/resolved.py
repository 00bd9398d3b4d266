"""The noun of `qualify`: a model made ready for analysis."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from sqlglot import exp

from featsql.resolve.catalog.catalog import RelationInfo


class Resolved(Struct, frozen=True):
    """A model made ready for analysis.

    `tree` is None where its columns cannot be bound for certain; `why` then says so, and every
    analysis must assume the worst. `scans` gives the relation of each numbered table node
    (`meta['scan']`), `info` the model's own columns.
    """

    name: str
    info: RelationInfo
    scans: Mapping[int, RelationInfo]
    aggregates: frozenset[str]
    tree: exp.Query | None = None
    why: str | None = None
