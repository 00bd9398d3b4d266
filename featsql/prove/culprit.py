"""Which source row got in too early: found by letting later rows in, half by half, until the answer changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlglot import exp

from featsql.plan.names import PLACE
from featsql.plan.plan import Plan
from featsql.prove.answers import NUMBER, same
from featsql.prove.perturbation import arrived, clock_of, past, past_and, perturbed
from featsql.prove.sample import Sample
from featsql.prove.scratch import ID, Copy, Scratch, sampled, table
from featsql.prove.verdict import Culprit
from featsql.prove.why.uses import narrowed
from featsql.temporal import available_at, column

QUEUE = "queue"


class Search:
    """One cell of a training set, asked again and again while the relations behind it change."""

    def __init__(self, plan: Plan, scratch: Scratch, spine: exp.Table, number: int, cell: str, at: exp.Expr) -> None:
        self.plan = plan
        self.scratch = scratch
        self.number = number
        self.cell = cell
        self.at = at
        one = exp.select("*").from_(spine.copy()).where(exp.column(NUMBER).eq(number))
        expression = next(value for value in plan.select.expressions if value.alias_or_name == cell)
        rows = sampled(narrowed(plan, expression), one.subquery("one"), [cell])
        self.sample = Sample(rows, scratch.engine, scratch.redirected)

    def value(self) -> Any:
        """The cell as the relations stand now."""
        return self.sample.answers()[self.number][self.cell]

    def forget(self) -> None:
        """Let every relation be what it showed at the instant, and no more."""
        for copy in self.scratch.copies.values():
            self.scratch.stand(copy, past(copy, self.at, self.plan.boundary))

    def culprit(self) -> Culprit | None:
        """The row without which the cell would be another, if there is one that was not known at the instant."""
        self.forget()
        honest = self.value()
        for copy in self.scratch.copies.values():
            self.scratch.stand(copy, self.scratch.everything(copy))
            if not same(self.value(), honest):
                found = self.first_that_matters(copy, honest)
                return None if found is None else self.told(copy, found)
            self.scratch.stand(copy, past(copy, self.at, self.plan.boundary))
        return None

    def relation_made_up(self, at: exp.Expr, keep: Collection[str], seed: int) -> Culprit | None:
        """The relation whose made-up rows, unknown at `at`, change the cell."""
        self.forget()
        honest = self.value()
        for copy in self.scratch.copies.values():
            self.scratch.stand(copy, perturbed(copy, at, self.plan.boundary, keep, seed))
            if not same(self.value(), honest):
                return Culprit(copy.info.key.replace(":", " "), {}, None, None, None)
            self.scratch.stand(copy, past(copy, self.at, self.plan.boundary))
        return None

    def first_that_matters(self, copy: Copy, honest: Any) -> int | None:
        """The number of the first later row, in the order in which they became known, that changes the cell."""
        low, high = 0, self.line_up(copy)
        if not high or not self.changes(copy, high, honest):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.changes(copy, middle, honest) else (middle, high)
        found = exp.select(column(ID)).from_(table(QUEUE)).where(exp.column(PLACE).eq(high))
        return int(self.scratch.engine.rows(found.sql("duckdb"))[0][0])

    def line_up(self, copy: Copy) -> int:
        """Put the rows that were not known at the instant in the order in which they became known; gives their
        number."""
        clock = clock_of(copy)
        order = exp.Order(
            expressions=[exp.Ordered(this=term) for term in (available_at(clock), column(clock.start), column(ID))]
        )
        place = exp.alias_(exp.Window(this=exp.RowNumber(), order=order), PLACE)
        rows = exp.select(column(ID), place).from_(copy.rows.copy())
        self.scratch.create(table(QUEUE), rows.where(exp.not_(arrived(copy, self.at, self.plan.boundary))))
        return self.scratch.engine.count(table(QUEUE))

    def changes(self, copy: Copy, places: int, honest: Any) -> bool:
        """Whether the cell changes when the first later rows are let in."""
        first = exp.LTE(this=exp.column(PLACE), expression=exp.Literal.number(places))
        among = exp.In(this=column(ID), query=exp.select(column(ID)).from_(table(QUEUE)).where(first).subquery())
        self.scratch.stand(copy, past_and(copy, self.at, self.plan.boundary, among))
        return not same(self.value(), honest)

    def told(self, copy: Copy, number: int) -> Culprit:
        """A row as the story tells it."""
        row = whole_row(copy, number, self.scratch, self.at)
        happened, known, later = row.pop("__happened"), row.pop("__known"), row.pop("__later")
        return Culprit(copy.info.key.replace(":", " "), row, happened, known, later)


def whole_row(copy: Copy, number: int, scratch: Scratch, at: exp.Expr) -> dict[str, Any]:
    """One row of a relation with its two instants as text, and the seconds from `at` until it was known."""
    clock = clock_of(copy)
    known = available_at(clock)
    if clock.kind != "periods":
        known = exp.Greatest(this=column(clock.start), expressions=[known])
    seconds = exp.Sub(this=epoch(known), expression=epoch(at))
    query = exp.select(
        *(exp.alias_(exp.cast(column(name), "varchar"), name, quoted=True) for name in copy.info.names),
        exp.alias_(exp.cast(column(clock.start), "varchar"), "__happened"),
        exp.alias_(exp.cast(known.copy(), "varchar"), "__known"),
        exp.alias_(exp.cast(seconds, "double"), "__later"),
    )
    query = query.from_(copy.rows.copy()).where(exp.column(ID).eq(number))
    names = [*copy.info.names, "__happened", "__known", "__later"]
    (row,) = scratch.engine.rows(query.sql("duckdb"))
    found: Mapping[str, Any] = dict(zip(names, row, strict=True))
    return dict(found)


def epoch(instant: exp.Expr) -> exp.Expr:
    """An instant as seconds."""
    return exp.Anonymous(this="epoch", expressions=[instant.copy()])
