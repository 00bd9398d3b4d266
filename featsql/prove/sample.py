"""Numbered rows of a training set, computed as a build does, of what is there or of what stands in its place."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlglot import exp

from featsql.engine import Engine
from featsql.engines.duckdb.columnar.precompute import precompute
from featsql.engines.duckdb.columnar.temporaries import Send, Temporaries, unmoved
from featsql.engines.duckdb.lower.lower import lower
from featsql.plan.plan import Plan
from featsql.prove.answers import NUMBER, Answers, Question
from featsql.temporal import column


class Sample(Struct):
    """The rows of a plan whose spine has the column `__sample`; `send` tells which relations its queries read."""

    plan: Plan
    engine: Engine
    send: Send = unmoved
    kept: dict[tuple[int, ...] | None, Question] = {}

    def answers(self, only: Sequence[int] | None = None) -> Answers:
        """The rows by number, or `only` some of them. Raises RepeatedRowError and EngineError."""
        key = None if only is None else tuple(only)
        if key in self.kept:
            return self.kept[key].answers()
        with Temporaries(self.engine, self.send) as temporaries:
            query = self.send(lower(precompute(self.plan, temporaries)))
            asked = Question(query if key is None else among(query, key), self.engine)
            if temporaries.empty:  # what lies there is as the relations stood, but a query alone can be asked again
                self.kept[key] = asked
            return asked.answers()


def among(query: exp.Query, numbers: Sequence[int]) -> exp.Select:
    """Those rows of a query that have one of the numbers."""
    listed = [exp.Literal.number(number) for number in numbers]
    rows = exp.select("*").from_(query.subquery("answers"))
    return rows.where(exp.In(this=column(NUMBER), expressions=listed))
