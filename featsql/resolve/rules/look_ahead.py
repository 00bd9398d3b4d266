"""FS613: a feature reads a column for which a plain model looked at rows after its own row's instant."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.clocked import is_instant_of
from featsql.resolve.frames import sight
from featsql.resolve.lineage import ROWS
from featsql.resolve.marks import Mark, Marker, marked, marks_read
from featsql.resolve.qualify import Resolved
from featsql.resolve.subject import Subject, named


def check(subject: Subject) -> Iterator[Diagnostic]:
    """A row is visible from its own instant on, and then all of its columns are."""
    if not subject.as_of_model or not any(subject.kind_of(info.key) == "plain" for _, info in subject.reads):
        return
    known = marked(subject.graph, subject.others, looks_ahead)
    for key, (column, mark) in marks_read(subject.model.name, subject.lineage, known).items():
        what = f"the rows of {named(key)} are chosen" if column == ROWS else f"`{column}` of {named(key)} is computed"
        if mark.certain:
            message = f"{what} from rows that happened later: {mark.text}"
            hint = "look back instead (lag, a frame that ends at the current row), or do it in this model"
            yield subject.found("FS613", message, subject.table_of(key), hint)
        else:
            message = f"cannot show that {what} from earlier rows alone: {mark.text}"
            hint = "order the window by the column of instants, ascending"
            yield subject.found("FS613", message, subject.table_of(key), hint, "warning")


def looks_ahead(model: Resolved) -> Marker:
    """What marks a window that sees later rows."""

    def marker(node: exp.Expr) -> Mark | None:
        if not isinstance(node, exp.Window):
            return None
        seen = sight(node, lambda column: is_instant_of(column, model))
        return None if seen == "past" else Mark(f"`{node.sql('duckdb')}`", seen == "ahead")

    return marker
