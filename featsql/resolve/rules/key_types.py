"""FS612: a training set joins keys that are not of one type."""

from __future__ import annotations

from collections.abc import Iterator

from featsql.errors import Diagnostic
from featsql.resolve.subject import Subject, named

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


def check(subject: Subject) -> Iterator[Diagnostic]:
    """The spine's keys and the features' must compare as what they are: '07' is not 7."""
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


def family(kind: str) -> str:
    """Types that compare without surprises."""
    return "number" if kind in NUMBERS else kind
