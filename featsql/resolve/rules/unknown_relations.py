"""FS607: an as-of model reads something that is no relation of the project, and so has no clock."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.subject import Subject

# Table functions whose rows come from their arguments alone.
TIMELESS = (exp.Unnest, exp.GenerateSeries)
TIMELESS_NAMES = frozenset({"range", "generate_series", "unnest", "generate_subscripts", "repeat_row", "as_of"})


def check(subject: Subject) -> Iterator[Diagnostic]:
    """Files, table functions and unknown tables cannot be put back to an instant."""
    if not subject.as_of_model:
        return
    names = {cte.alias.casefold() for cte in subject.model.tree.find_all(exp.CTE)}
    for table in subject.model.tree.find_all(exp.Table):
        if "relation" in table.meta:
            continue
        inner = table.this
        if isinstance(inner, exp.Identifier):
            if not table.db and table.name.casefold() in names:
                continue
            what = f"`{table.name}` is no relation of the project"
        elif isinstance(inner, TIMELESS) or inner.name.casefold() in TIMELESS_NAMES:
            continue
        else:
            what = f"the table function `{inner.sql('duckdb')}` has no clock"
        hint = "declare it as a source with a clock, and read it by source()"
        yield subject.found("FS607", f"{what}: when could its rows be known?", table, hint)
