"""FS618: a training set computes a feature from the label, or looks one up by it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.outcome import Spine, spine_of
from featsql.resolve.qualify import Resolved
from featsql.resolve.scope import joins, leaf
from featsql.resolve.subject import Subject, named


def check(subject: Subject) -> Iterator[Diagnostic]:
    """The label stands beside the features, and in none of them."""
    spine = spine_of(subject) if subject.kind == "training_set" else None
    tree = subject.resolved.tree
    if spine is None or spine.label is None or not isinstance(tree, exp.Select):
        return
    place = subject.table_of(spine.key)
    alone: list[str] = []
    for value in tree.expressions:
        columns = list(value.find_all(exp.Column))
        labels = [column for column in columns if is_label(column, subject.resolved, spine)]
        if not labels:
            continue
        if len(labels) == len(columns) and not value.find(exp.Window):
            alone.append(value.alias_or_name)
            continue
        how = "over other rows" if value.find(exp.Window) else "with other columns"
        message = f"`{value.alias_or_name}` is computed from the label `{spine.label}` {how}"
        yield subject.found("FS618", message, place, "compute it from what was known at the instant")
    for name in alone[1:]:
        message = f"`{alone[0]}` and `{name}` both tell the label `{spine.label}`: one of them would pass for a feature"
        yield subject.found("FS618", message, place, f"keep one: `l.* exclude ({spine.label})`")
    for join in joins(tree):
        on = join.args.get("on")
        if on is not None and any(is_label(column, subject.resolved, spine) for column in on.find_all(exp.Column)):
            message = f"{named(join.this.alias_or_name)} is looked up by the label `{spine.label}`"
            yield subject.found("FS618", message, place, "join by what was known at the instant")


def is_label(column: exp.Column, model: Resolved, spine: Spine) -> bool:
    """Whether a bound column is the label of the labels."""
    select = column.parent_select
    found = leaf(column, select) if isinstance(select, exp.Select) else None
    return found is not None and model.scans[found.scan].key == spine.key and found.column == spine.label
