"""FS604: the wall clock or chance in what a model reads that is evaluated at many instants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.lineage.lineage import ROWS, Lineage
from featsql.resolve.lineage.taint import Taint, Taints, TaintSource, TaintWalk, taints_read
from featsql.resolve.outcome import Spine, spine_of, taken
from featsql.resolve.qualify import Resolved
from featsql.resolve.subject import Subject, named

TAINT = "wall clock"
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
CALLS = (*CLOCKS, *CHANCE, exp.Anonymous)


def check(subject: Subject) -> Iterator[Diagnostic]:
    """A feature's value may depend on nothing but what was known, and on `as_of()`."""
    if not subject.as_of_model:
        return
    for node in subject.model.tree.find_all(*CALLS):
        found = read_by(node)
        if found is not None:
            yield subject.found("FS604", found[0], nearest(node), found[1])
    known = subject.taints[TAINT]
    for key, (column, taint) in taints_read(subject.model.name, subject.lineage, known).items():
        what = "the choice of its rows" if column == ROWS else f"`{column}`"
        message = f"{what} in {named(key)} depends on {taint.text}: it would be another on another day"
        yield subject.found(
            "FS604", message, subject.table_of(key), "do it in this model, by as_of() or hash() of a key"
        )
    spine = spine_of(subject) if subject.kind == "training_set" else None
    if spine is not None:
        yield from in_the_spine(subject, spine, known)


def in_the_spine(subject: Subject, spine: Spine, known: Mapping[str, Taints]) -> Iterator[Diagnostic]:
    """What labels leave to the wall clock or to chance, but for their choice of rows that are ripe by now."""
    taints = TaintWalk(spine.resolved, TaintSource(CALLS, tainted), known).taints()
    place = subject.table_of(spine.key)
    for column in taken(subject, spine):
        if column in taints and not spine.is_given(column):
            message = (
                f"`{column}` in {named(spine.key)} depends on {taints[column].text}: it is not what was known then"
            )
            yield subject.found("FS604", message, place, f"write `{spine.as_of}` in place of it")
    tree = spine.resolved.tree
    if tree is not None and any(is_chance(node) for node in tree.find_all(*CALLS)):
        message = f"the rows of {named(spine.key)} are left to chance: no second build has the same"
        yield subject.found("FS604", message, place, "choose by hash() of a key", "warning")


def read_by(node: exp.Expr) -> tuple[str, str] | None:
    """What is wrong with a call, and what would be right."""
    name = node.name.casefold() if isinstance(node, exp.Anonymous) else ""
    if isinstance(node, CLOCKS) or NAMES.get(name):
        message = "the wall clock is read: the value would be that of today, not of the instant asked about"
        return message, f"write {NAMES.get(name) or 'as_of()'}"
    if is_chance(node):
        message = "the value is left to chance: it would differ between training and serving"
        return message, "use hash() of a key, which always gives the same"
    return None


def is_chance(node: exp.Expr) -> bool:
    """Whether a call gives another value each time."""
    name = node.name.casefold() if isinstance(node, exp.Anonymous) else ""
    return isinstance(node, CHANCE) or (name in NAMES and NAMES[name] is None)


def taints(_: Resolved, __: Lineage) -> TaintSource:
    """What taints a call of the wall clock or of chance."""
    return TaintSource(CALLS, tainted)


def tainted(node: exp.Expr) -> Taint | None:
    """The taint of such a call."""
    if read_by(node) is None:
        return None
    return Taint("chance" if is_chance(node) else "the wall clock")


def nearest(node: exp.Expr) -> exp.Expr:
    """The closest node around one that knows its place in the text."""
    current: exp.Expr | None = node
    while current is not None and not any("start" in inner.meta for inner in current.walk()):
        current = current.parent
    return current if current is not None else node
