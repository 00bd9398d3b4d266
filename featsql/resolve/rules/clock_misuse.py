"""FS620: a features model counts by when rows became known, in place of when they happened."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.lineage.clocked import scan_behind
from featsql.resolve.subject import Subject, named

WHERE = (exp.Where, exp.Group, exp.Join, exp.Window, exp.Having, exp.Qualify, exp.Filter)
HOW = {
    exp.Where: "filters",
    exp.Group: "groups",
    exp.Join: "joins",
    exp.Window: "orders a window",
    exp.Having: "filters",
    exp.Qualify: "filters",
    exp.Filter: "filters",
}


def check(subject: Subject) -> Iterator[Diagnostic]:
    """When a row was loaded depends on our machines: a reload moves all of history to one day."""
    tree = subject.resolved.tree
    if subject.kind != "features" or tree is None:
        return
    seen: set[tuple[str, str]] = set()
    for column in tree.find_all(exp.Column):
        clause = column.find_ancestor(*WHERE)
        found = scan_behind(column, subject.resolved)
        if clause is None or found is None:
            continue
        info, name = found
        clock = info.clock
        if clock is None or not clock.available_at or clock.available_at.casefold() != name:
            continue
        if clock.start.casefold() == name or (info.key, type(clause).__name__) in seen:
            continue
        seen.add((info.key, type(clause).__name__))
        message = f"the model {HOW[type(clause)]} by `{name}`, when rows of {named(info.key)} became known"
        hint = f"use `{clock.start}`, when they happened: what was not known at the instant is left out anyway"
        yield subject.found("FS620", message, subject.table_of(info.key), hint, "warning")
