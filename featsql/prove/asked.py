"""What the reference says of rows, one instant after the other: its query is made once, and run for each instant."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from featsql.engine import Engine, EngineError
from featsql.plan.plan import Plan
from featsql.prove.answers import NUMBER, Answers, Question
from featsql.prove.expected import expected
from featsql.prove.reference import Reference
from featsql.resolve.catalog.describe import three_part
from featsql.resolve.nanoseconds import data_type
from featsql.temporal import column

ROWS, NAME = three_part("temp", "main", "__asked"), "__expected"
# Types of instants that text tells whole.
PLAIN = frozenset({"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"})


class WhicheverInstant(Reference):
    """The reference at an instant that is given when its query is run."""

    def instant(self, as_of: object) -> exp.Expr:
        """The instant that is given, and none that is known now."""
        assert as_of is None
        return exp.Cast(this=exp.Parameter(this=exp.Literal.number(1)), to=data_type(self.as_of_type))


class Asked:
    """The reference, asked about some numbered `rows` of a spine in a session of its own."""

    def __init__(self, plan: Plan, reference: Reference, rows: exp.Select, engine: Engine) -> None:
        self.plan = plan
        self.reference = Reference(reference.checked, engine, reference.boundary, reference.as_of_type)
        self.engine = engine
        self.question: Question | None = None
        self.prepares = reference.as_of_type in PLAIN
        engine.create_as("OR REPLACE TEMP TABLE", ROWS, rows.sql("duckdb"))

    def answers(self, instant: str | None, numbers: Sequence[int]) -> Answers:
        """The answers for all rows of one instant, which have these numbers. Raises RepeatedRowError, EngineError."""
        if instant is not None and self.prepares:
            try:
                if self.question is None:
                    self.question = self.prepared(instant, numbers)
                return self.question.answers([instant])
            except EngineError:
                self.prepares = False  # not every query can be told its instant so late
        return Question(self.at(instant, numbers), self.engine).answers()

    def at(self, instant: str | None, numbers: Sequence[int]) -> exp.Select:
        """The query of some rows, all of one instant."""
        listed = [exp.Literal.number(number) for number in numbers]
        rows = exp.select(exp.Star()).from_(ROWS.copy()).where(exp.In(this=column(NUMBER), expressions=listed))
        return expected(self.plan, self.reference, instant, rows)

    def prepared(self, instant: str, numbers: Sequence[int]) -> Question:
        """The query of the rows of whichever instant is given; its columns are those that it has at one."""
        known = self.reference
        whichever = WhicheverInstant(known.checked, self.engine, known.boundary, known.as_of_type)
        at = whichever.instant(None)
        rows = exp.select(exp.Star()).from_(ROWS.copy())
        rows = rows.where(exp.EQ(this=column(self.plan.spine.as_of), expression=at))
        kinds = self.engine.columns(self.at(instant, numbers).sql("duckdb"))
        question = Question(expected(self.plan, whichever, None, rows), self.engine, kinds)
        question.prepare(NAME)
        return question
