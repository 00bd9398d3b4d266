"""FS604: the wall clock or chance inside a model that is evaluated at many instants."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.subject import Subject

CLOCKS = (
    exp.CurrentTimestamp,
    exp.CurrentDate,
    exp.CurrentTime,
    exp.CurrentDatetime,
    exp.Localtimestamp,
    exp.Localtime,
)
CHANCE = (exp.Rand, exp.Randn, exp.Uuid)
NAMES = {
    "now": "as_of()",
    "today": "as_of()::date",
    "get_current_timestamp": "as_of()",
    "get_current_time": "as_of()",
    "transaction_timestamp": "as_of()",
    "current_localtimestamp": "as_of()",
    "current_localtime": "as_of()",
    "random": None,
    "setseed": None,
    "uuid": None,
    "gen_random_uuid": None,
    "uuidv4": None,
    "uuidv7": None,
    "nextval": None,
    "currval": None,
}


def check(subject: Subject) -> Iterator[Diagnostic]:
    """A feature's value may depend on nothing but what was known, and on `as_of()`."""
    if not subject.as_of_model:
        return
    for node in subject.model.tree.walk():
        name = node.name.casefold() if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, CLOCKS) or NAMES.get(name):
            message = "the wall clock is read: the value would be that of today, not of the instant asked about"
            yield subject.found("FS604", message, nearest(node), f"write {NAMES.get(name) or 'as_of()'}")
        elif isinstance(node, CHANCE) or name in NAMES:
            message = "the value is left to chance: it would differ between training and serving"
            yield subject.found("FS604", message, nearest(node), "use hash() of a key, which always gives the same")


def nearest(node: exp.Expr) -> exp.Expr:
    """The closest node around one that knows its place in the text."""
    current: exp.Expr | None = node
    while current is not None and not any("start" in inner.meta for inner in current.walk()):
        current = current.parent
    return current if current is not None else node
