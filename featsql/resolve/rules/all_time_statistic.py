"""FS616: a statistic over rows of all time, or over all rows of the spine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.read.lazy import Lazy
from featsql.resolve.lineage.frames import sight
from featsql.resolve.lineage.taint import Taint, Taints, TaintSource, TaintWalk
from featsql.resolve.outcome import Spine, reads_label, spine_of, taken
from featsql.resolve.qualify import Resolved
from featsql.resolve.rules.look_ahead import TAINT as LOOK_AHEAD
from featsql.resolve.scope import leaf
from featsql.resolve.subject import Subject, named

# Over a whole set of rows each has the same.
SHARED = (exp.Sum, exp.Count, exp.Avg, exp.Min, exp.Max)


def check(subject: Subject) -> Iterator[Diagnostic]:
    """What is fitted on all rows knows those that come after, and the row itself."""
    if subject.as_of_model:
        yield from frozen(subject)
    spine = spine_of(subject) if subject.kind == "training_set" else None
    if spine is not None:
        yield from over_the_spine(subject, spine)
        yield from in_the_spine(subject, spine)


def frozen(subject: Subject) -> Iterator[Diagnostic]:
    """A static model that was made of rows which have a clock."""
    for key in dict.fromkeys(info.key for _, info in subject.reads):
        clock = subject.catalog.relations[key].clock
        if subject.kind_of(key) != "plain" or clock is None or clock.kind != "static":
            continue
        for above in sorted(subject.graph.upstream([key])):
            other = subject.catalog.relations[above].clock
            if other is not None and other.kind != "static":
                message = f"{named(key)} is static, but made of {named(above)} of all time, later rows too"
                hint = f"read {named(above)} in this model, where it is as it was at the instant"
                yield subject.found("FS616", message, subject.table_of(key), hint)
                break


def over_the_spine(subject: Subject, spine: Spine) -> Iterator[Diagnostic]:
    """A window over the rows of a training set."""
    tree, taints = subject.resolved.tree, dict[str, Taint]()
    for value in tree.expressions if isinstance(tree, exp.Select) else ():
        for window in value.find_all(exp.Window):
            seen = sight(window, lambda column: is_now(column, subject.resolved, spine))
            bare = window is value.unalias() and not (window.args.get("partition_by") or window.args.get("order"))
            if bare and not window.args.get("alias") and isinstance(window.this, SHARED):
                continue  # a number that all rows share tells none from another
            if seen != "past" and not reads_label(window, subject.resolved, spine):
                taints[value.alias_or_name] = Taint(f"`{window.sql('duckdb')}`", seen == "ahead")
    yield from said(subject, taints, spine)


def in_the_spine(subject: Subject, spine: Spine) -> Iterator[Diagnostic]:
    """A window over the rows of the labels, of which a training set takes the result."""
    known = before_the_spine(subject.taints[LOOK_AHEAD])
    taints = TaintWalk(spine.resolved, looks_ahead(spine), known).taints()
    columns = (column for column in taken(subject, spine) if column in taints and not spine.is_given(column))
    yield from said(subject, {column: taints[column] for column in columns}, spine)


def before_the_spine(known: Mapping[str, Taints]) -> Mapping[str, Taints]:
    """The windows of plain models that labels read: they see rows after their own, which may still be before the
    instant."""
    return Lazy(known, lambda key: {name: Taint(taint.text, certain=False) for name, taint in known[key].items()})


def looks_ahead(spine: Spine) -> TaintSource:
    """What taints a window that sees rows of the spine that were asked about later."""

    def taint(node: exp.Expr) -> Taint | None:
        assert isinstance(node, exp.Window)
        seen = sight(node, lambda column: is_now(column, spine.resolved, spine))
        return None if seen == "past" else Taint(f"`{node.sql('duckdb')}`", seen == "ahead")

    return TaintSource((exp.Window,), taint)


def is_now(column: exp.Expr, model: Resolved, spine: Spine) -> bool:
    """Whether a column is the instant of the spine."""
    select = column.parent_select if isinstance(column, exp.Column) else None
    if not isinstance(select, exp.Select):
        return False
    if model.info.key == spine.key:
        tree = model.tree
        names = {
            value.alias_or_name.casefold()
            for value in (tree.expressions if isinstance(tree, exp.Select) else ())
            if value.unalias() == column
        }
        return spine.as_of in names
    found = leaf(column, select)
    return found is not None and model.scans[found.scan].key == spine.key and found.column == spine.as_of


def said(subject: Subject, taints: Mapping[str, Taint], spine: Spine) -> Iterator[Diagnostic]:
    """Windows over other rows of the spine, by column: the certain ones, and the others."""
    place = subject.table_of(spine.key)
    for certain in (True, False):
        names = [f"`{column}`" for column, taint in taints.items() if taint.certain == certain]
        if not names:
            continue
        text = next(taint.text for taint in taints.values() if taint.certain == certain)
        verb = "is" if len(names) == 1 else "are"
        if certain:
            message = f"{', '.join(names)} {verb} computed over other rows of the spine, later ones too: {text}"
            hint = "compute it in a features model, which sees what was known at the instant"
            yield subject.found("FS616", message, place, hint)
        else:
            message = f"cannot show that {', '.join(names)} {verb} computed from earlier rows alone: {text}"
            yield subject.found("FS616", message, place, f"order the window by `{spine.as_of}`, ascending", "warning")
