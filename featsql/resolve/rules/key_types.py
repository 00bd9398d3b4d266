"""FS612: keys are joined that are not of one type."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.lineage.clocked import scan_behind
from featsql.resolve.subject import Subject, named

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


def check(subject: Subject) -> Iterator[Diagnostic]:
    """The spine's keys and the features' must compare as what they are: '07' is not 7."""
    if subject.as_of_model and subject.resolved.tree is not None:
        yield from held_equal(subject, subject.resolved.tree)
    if subject.kind != "training_set":
        return
    reads = list(subject.reads)
    spines = [info for _, info in reads if subject.kind_of(info.key) == "labels"]
    for table, info in reads:
        if subject.kind_of(info.key) != "features" or not spines:
            continue
        model = subject.graph.models[info.key.partition(":")[2]]
        entities = subject.graph.project.entities
        for key in (key for name in model.config.entity if name in entities for key in entities[name].keys):
            mine, theirs = info.type_of(key), spines[0].type_of(key)
            if mine is not None and theirs is not None and family(mine) != family(theirs):
                message = f"`{key}` is {theirs} in {named(spines[0].key)}, but {mine} in {named(info.key)}"
                yield subject.found("FS612", message, table, "cast one of them in its model")


def held_equal(subject: Subject, tree: exp.Query) -> Iterator[Diagnostic]:
    """A text and a number that are joined, each column as its own relation has it."""
    for term in tree.find_all(exp.EQ):
        left, right = (scan_behind(side, subject.resolved) for side in (term.this, term.expression))
        if left is None or right is None or left[0].key == right[0].key:
            continue
        if {subject.kind_of(left[0].key), subject.kind_of(right[0].key)} == {"labels", "features"}:
            continue  # the keys of an entity are compared by name
        kinds = [info.type_of(name) or "" for info, name in (left, right)]
        if {family(kind) for kind in kinds} == {"number", "VARCHAR"}:
            first = f"`{left[1]}` is {kinds[0]} in {named(left[0].key)}"
            message = f"{first}, but `{right[1]}` is {kinds[1]} in {named(right[0].key)}"
            yield subject.found("FS612", message, subject.table_of(right[0].key), "cast one of them in its model")


def family(kind: str) -> str:
    """Types that compare without surprises."""
    return "number" if kind in NUMBERS else kind
