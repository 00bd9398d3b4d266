"""What arrays are asked for."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

# A `quantile` lies between two values, where a `value` is one of them;
# `high` and `low` are sums of the halves of whole numbers of 64 bits; `squares` is of the differences from the mean.
Operation = Literal["count", "sum", "high", "low", "min", "max", "squares", "distinct", "list", "quantile", "value"]
# Further than any instant, in microseconds, and near enough for the difference of two to be counted.
FOREVER = 2**61
# The argument that is the instant of each row itself.
INSTANT = "instant"
# The names of the bounds where a range begins and ends; None where it has no beginning, or ends with what is seen last.
Span = tuple[str | None, str | None]


class RefusedError(Exception):
    """Values that arrays do not aggregate as the engine would."""


class Part(Struct, frozen=True):
    """One aggregate of every probe: of the values of `argument` that are there (None: of rows; `INSTANT`: of their
    own instants), of those rows whose
    `flags` all hold, in the span of that number. A list is of all rows, the earliest or (`latest`) the latest first,
    those of one instant by `order`, columns with whether they descend; of the first `limit` (None: of all). `share` is
    how many of the values come before a quantile, or before the value that stands for it."""

    operation: Operation
    argument: str | None
    flags: tuple[str, ...]
    span: int
    latest: bool = False
    order: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    share: float | None = None
