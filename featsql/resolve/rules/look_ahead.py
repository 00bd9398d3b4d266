"""FS613: a feature reads a column for which a plain model looked at rows after its own row's instant."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.lineage.clocked import is_instant_of
from featsql.resolve.lineage.frames import sight
from featsql.resolve.lineage.lineage import ROWS, Lineage
from featsql.resolve.lineage.taint import Taint, TaintSource, taints_read
from featsql.resolve.qualify import Resolved
from featsql.resolve.subject import Subject, named

TAINT = "look ahead"
# What may look ahead: a window, and a subquery in an expression.
LOOKS = (exp.Window, exp.Query, exp.Exists)


def check(subject: Subject) -> Iterator[Diagnostic]:
    """A row is visible from its own instant on, and then all of its columns are."""
    if not subject.as_of_model or not any(subject.kind_of(info.key) == "plain" for _, info in subject.reads):
        return
    known, coarse = subject.taints[TAINT], subject.lineage.coarse.get(subject.model.name)
    for key, (column, taint) in taints_read(subject.model.name, subject.lineage, known).items():
        what = f"the rows of {named(key)} are chosen" if column == ROWS else f"`{column}` of {named(key)} is computed"
        if taint.certain and coarse is None:
            message = f"{what} from rows that happened later: {taint.text}"
            hint = "look back instead (lag, a frame that ends at the current row), or do it in this model"
            yield subject.found("FS613", message, subject.table_of(key), hint)
        else:
            message = f"cannot show that {what} from earlier rows alone: {taint.text}"
            hint = "order the window by the column of instants, ascending"
            yield subject.found("FS613", message, subject.table_of(key), hint, "warning")


def taints(model: Resolved, lineage: Lineage) -> TaintSource:
    """What taints a window, or a subquery in an expression, that sees later rows."""

    def taint(node: exp.Expr) -> Taint | None:
        if isinstance(node, exp.Subquery | exp.Exists) or (
            isinstance(node, exp.Query) and isinstance(node.parent, exp.In)
        ):
            return of_subquery(node, model, lineage)
        if not isinstance(node, exp.Window):
            return None
        seen = sight(node, lambda column: is_instant_of(column, model))
        return None if seen == "past" else Taint(f"`{node.sql('duckdb')}`", seen == "ahead")

    return TaintSource(LOOKS, taint)


def of_subquery(node: exp.Expr, model: Resolved, lineage: Lineage) -> Taint | None:
    """The taint of a subquery whose rows are not bounded by the row's own instant; a model that declares a clock
    is held to it by another rule."""
    clock = model.info.clock
    if clock is None or clock.kind == "static" or model.info.key in lineage.promised:
        return None
    scans = [model.scans[table.meta["scan"]] for table in node.find_all(exp.Table) if "scan" in table.meta]
    timed = {info.key for info in scans if info.clock is not None and info.clock.kind != "static"}
    ahead = [e.span for e in lineage.edges.get(model.name, ()) if e.relation in timed and e.span.upper > 0]
    inside = {source.alias_or_name.casefold() for source in node.find_all(exp.Table, exp.Subquery)}
    alone = all(column.table.casefold() in inside for column in node.find_all(exp.Column))
    known = any(span.lower > -inf and not span.is_empty for span in ahead)
    return Taint(f"`{node.sql('duckdb')}`", alone or known) if ahead else None
