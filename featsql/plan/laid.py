"""What was computed before the query, and lies in tables of the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp


@dataclass(frozen=True, slots=True)
class Laid:
    """Measures that have been computed and lie in a table: `asking` is the table of the numbered probes, `values` that
    of what was found for each number, `measures` each measure by its position, over the columns of that."""

    asking: exp.Table
    values: exp.Table
    measures: Mapping[int, exp.Expr]


@dataclass(frozen=True, slots=True)
class Met:
    """The newest rows that have been found and lie in a table: `asking` is the table of the numbered probes, `values`
    that of the row that each met, `columns` what stands there for the columns of the relation, by their names; `tied`
    tells whether another row could have been met instead."""

    asking: exp.Table
    values: exp.Table
    columns: Mapping[str, str]
    tied: bool
