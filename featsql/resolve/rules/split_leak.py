"""FS623: rows on both sides of a training set's split know of each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.names import did_you_mean
from featsql.read.project import Split
from featsql.resolve.lineage.span import lengths
from featsql.resolve.outcome import Spine, roots, spine_of
from featsql.resolve.scope import Leaf, leaf, output
from featsql.resolve.subject import Subject
from featsql.temporal import interval


def check(subject: Subject) -> Iterator[Diagnostic]:
    """What a model is tested on must not have been known, in part, when it was trained."""
    split = subject.model.config.split
    spine = spine_of(subject) if subject.kind == "training_set" else None
    if split is None or spine is None:
        return
    if split.by is not None:
        yield from parted_by_column(subject, split.by, spine)
    if split.train_until is not None or split.test_from is not None:
        yield from parted_by_time(subject, split, spine)
    elif split.by is None:
        yield said(
            subject,
            "the split does not say where it parts",
            "split: {train_until: ..., test_from: ...} or {by: column}",
        )


def parted_by_time(subject: Subject, split: Split, spine: Spine) -> Iterator[Diagnostic]:
    """The outcomes of training rows must be known before the first test row is asked about."""
    ends = [instant(text) for text in (split.train_until, split.test_from or split.train_until)]
    if ends[0] is None or ends[1] is None:
        hint = "split: {train_until: '2024-01-01', test_from: '2024-02-01'}"
        yield said(subject, "the split does not say when training ends and when testing begins", hint)
        return
    horizon = spine.model.config.horizon
    found = lengths(interval(horizon)) if horizon else None
    if ends[1] < ends[0]:
        yield said(subject, "testing begins before training ends", "let `test_from` be later than `train_until`")
    elif found is not None and (ends[1] - ends[0]).total_seconds() < found[1]:
        least = (ends[0] + timedelta(seconds=found[1])).isoformat(sep=" ")
        message = f"the outcomes of the last training rows are known {horizon} later, when testing has begun"
        yield said(subject, message, f"leave a gap as long as the horizon: `test_from: '{least}'`")
    elif found is None and spine.label is not None:
        message = "cannot show that outcomes of training rows are known before testing begins: there is no horizon"
        yield said(subject, message, "declare the labels' `horizon`", certain=False)


def parted_by_column(subject: Subject, column: str, spine: Spine) -> Iterator[Diagnostic]:
    """All rows of an entity must be on one side."""
    names = subject.resolved.info.names
    if column.casefold() not in {name.casefold() for name in names}:
        hint = did_you_mean(column, names) or "name an output of the training set"
        yield said(subject, f"the training set has no column `{column}` to be split by", hint)
        return
    tree = subject.resolved.tree
    value = output(tree, column) if isinstance(tree, exp.Select) else None
    origins = {below.column for below in leaves(value, tree)} if value is not None else set()
    if spine.label is not None and spine.label in origins:
        yield said(
            subject, f"the split by `{column}` is made by the label `{spine.label}`", "split by the entity, or by time"
        )
        return
    given = frozenset().union(*(roots(spine, key, subject) for key in spine.keys)) if spine.keys else frozenset()
    needed = frozenset().union(*(roots(spine, each, subject) for each in origins)) if origins else frozenset()
    if not origins <= spine.keys and not (needed and needed <= given):
        keys = ", ".join(sorted(spine.keys)) or "the entity"
        message = f"cannot show that all rows of one entity are on one side of `{column}`"
        yield said(subject, message, f"compute it from {keys} alone: `hash({keys}) % 10 < 8`", certain=False)


def leaves(value: exp.Expr, tree: exp.Expr | None) -> Iterator[Leaf]:
    """The columns of scans that an expression reads."""
    for column in value.find_all(exp.Column):
        found = leaf(column, tree) if isinstance(tree, exp.Select) else None
        if found is not None:
            yield found


def instant(text: str | None) -> datetime | None:
    """An instant as text; None where it is none."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=None) if found is not None else None


def said(subject: Subject, message: str, hint: str, *, certain: bool = True) -> Diagnostic:
    """A diagnostic about the split."""
    return subject.found("FS623", message, subject.model.tree, hint, "error" if certain else "warning")
