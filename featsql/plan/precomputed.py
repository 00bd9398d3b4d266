"""What was computed before the query, and stands beside the columns of the spine's rows."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from sqlglot import exp


class Precomputed(Struct, frozen=True):
    """Measures that have been computed: `columns` are those of the spine's rows that hold them, `measures` each measure
    by its position, over these."""

    columns: tuple[str, ...]
    measures: Mapping[int, exp.Expr]


class Met(Struct, frozen=True):
    """The newest rows that have been found: the column `hit` of a spine's row tells whether it met one, `columns` what
    holds the columns of that, by their names; `tied` tells whether another row could have been met instead."""

    hit: str
    columns: Mapping[str, str]
    tied: bool
