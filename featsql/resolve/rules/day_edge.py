"""FS621: a date stands for its first instant, and a wall clock's reading for an instant."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.lineage.span import lengths
from featsql.resolve.nanoseconds import is_zoned
from featsql.resolve.qualify import Resolved
from featsql.resolve.scope import select_around, type_of
from featsql.resolve.subject import Subject, named
from featsql.temporal import interval

DAY = 86400.0
COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)


def check(subject: Subject) -> Iterator[Diagnostic]:
    """Days are compared with instants, or known at their own midnight."""
    if subject.kind == "features":
        yield from known_at_midnight(subject)
    if subject.resolved.tree is not None and (subject.as_of_model or subject.kind == "labels"):
        yield from compared(subject, subject.resolved.tree)


def known_at_midnight(subject: Subject) -> Iterator[Diagnostic]:
    """A relation whose rows happen on a date, and are known in the first instant of that day."""
    for key in dict.fromkeys(info.key for _, info in subject.reads):
        info = subject.catalog.relations[key]
        clock = info.clock
        if clock is None or clock.kind == "static" or clock.available_at or made_of_others(key, subject):
            continue
        waits = lengths(interval(clock.delay)) if clock.delay else (0.0, 0.0)
        if (info.type_of(clock.start) or "").upper() == "DATE" and (waits is None or waits[1] < DAY):
            message = (
                f"cannot show that rows of {named(key)} were known at the midnight that `{clock.start}` begins with"
            )
            hint = "a row of a day is known when the day is over: `delay: 1 day`, or name the column in `available_at`"
            yield subject.found("FS621", message, subject.table_of(key), hint, "warning")


def made_of_others(key: str, subject: Subject) -> bool:
    """Whether a relation is made of others that have a clock, against which its own is held already."""
    clocks = (subject.catalog.relations[parent].clock for parent in subject.graph.parents.get(key, ()))
    return any(clock is not None and clock.kind != "static" for clock in clocks)


def compared(subject: Subject, tree: exp.Query) -> Iterator[Diagnostic]:
    """Comparisons of a date with an instant, and of a naive instant with a zoned one."""
    for node in tree.find_all(*COMPARISONS):
        others = [node.args["low"], node.args["high"]] if isinstance(node, exp.Between) else [node.expression]
        left = sort_of(node.this, subject.resolved)
        found = [each for other in others if (each := clash(left, sort_of(other, subject.resolved), node)) is not None]
        if found:
            message = f"`{node.sql('duckdb')}` {found[0][0]}"
            yield subject.found("FS621", message, subject.model.tree, found[0][1], "warning")


def clash(left: str | None, right: str | None, node: exp.Expr) -> tuple[str, str] | None:
    """What is wrong with comparing two sorts of instants, and what would be right."""
    sorts = {left, right}
    if sorts == {"naive", "zoned"}:
        hint = "make both zoned: `x at time zone '<zone>'` reads a wall clock's time as an instant"
        return "compares a wall clock's reading with an instant", hint
    if "date" not in sorts or not sorts & {"naive", "zoned"}:
        return None
    hint = "cut the instant to its day first (`x::date`), or add a day to the end: `< day + interval 1 day`"
    if isinstance(node, exp.EQ):
        return "is only true at midnight", hint
    upper = isinstance(node, exp.Between) or (isinstance(node, exp.LTE) and right == "date")
    upper = upper or (isinstance(node, exp.GTE) and left == "date")
    return ("leaves out the last day but for its midnight", hint) if upper else None


def sort_of(node: exp.Expr, model: Resolved) -> str | None:
    """Whether an expression is a date, a naive instant or a zoned one; None where that is not known."""
    node = node.unnest()
    kind: str | None = None
    if isinstance(node, exp.Column):
        select = select_around(node, node.table.casefold())
        kind = type_of(node, select, model) if select is not None else None
    elif isinstance(node, exp.Cast):
        kind = node.to.sql("duckdb")
    elif isinstance(node, exp.Date):
        kind = "DATE"
    name = (kind or "").upper()
    if name == "DATE":
        return "date"
    if not name.startswith("TIMESTAMP"):
        return None
    return "zoned" if is_zoned(name) else "naive"
