"""What a query answers for numbered rows, exactly, and whether two answers are the same."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlglot import exp

from featsql.engine import Column, Engine
from featsql.temporal import column

NUMBER = "__sample"
# Python's instants have no infinity, no nanoseconds and no years after 9999: such come as the engine's text.
INEXACT = re.compile(r"TIMESTAMP|DATE|TIME|INTERVAL")
TOLERANCE = 1e-12

Values = dict[str, Any]
Answers = Mapping[int, Values]


class RepeatedRowError(Exception):
    """One numbered row was answered twice: the number of that row."""

    def __init__(self, number: int) -> None:
        super().__init__(f"row {number} is answered more than once")
        self.number = number


class Question:
    """A query of numbered rows, bound once and asked as often as one likes, whatever changes underneath."""

    def __init__(self, query: exp.Query, engine: Engine, kinds: Sequence[Column] | None = None) -> None:
        kinds = engine.columns(query.sql("duckdb")) if kinds is None else kinds
        outputs = [
            exp.alias_(exp.cast(column(c.name), "varchar"), c.name, quoted=True)
            if INEXACT.search(c.type)
            else column(c.name)
            for c in kinds
        ]
        self.engine = engine
        self.names = [c.name for c in kinds]
        self.text = exp.select(*outputs).from_(query.subquery("answers")).sql("duckdb")

    def prepare(self, name: str) -> None:
        """Let the engine plan the query under a name, once for all that its parameters are going to be."""
        self.engine.execute(f"PREPARE {name} AS {self.text}")
        self.text = f"EXECUTE {name}"

    def answers(self, given: Sequence[str] = ()) -> Answers:
        """The rows by their number in the column `__sample`, instants as text; `given` are the parameters of a query
        that is prepared.

        Raises RepeatedRowError where a number is there twice.
        """
        found: dict[int, Values] = {}
        listed = ", ".join(exp.Literal.string(each).sql("duckdb") for each in given)
        for row in self.engine.rows(f"{self.text}({listed})" if given else self.text):
            values = dict(zip(self.names, row, strict=True))
            number = int(values.pop(NUMBER))
            if number in found:
                raise RepeatedRowError(number)
            found[number] = values
        return found


def answers(query: exp.Query, engine: Engine) -> Answers:
    """The rows of a query, asked once. Raises RepeatedRowError where a number is there twice."""
    return Question(query, engine).answers()


def same(mine: Any, theirs: Any) -> bool:
    """Whether two values are equal: NaN equals NaN, floats to 1e-12 of the greater one, inside of lists and
    structs too."""
    if isinstance(mine, float) and isinstance(theirs, float):
        if math.isnan(mine) or math.isnan(theirs):
            return math.isnan(mine) and math.isnan(theirs)
        return mine == theirs or math.isclose(mine, theirs, rel_tol=TOLERANCE, abs_tol=0.0)
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        return mine.keys() == theirs.keys() and all(same(mine[key], theirs[key]) for key in mine)
    if is_list(mine) and is_list(theirs):
        return len(mine) == len(theirs) and all(map(same, mine, theirs))
    return bool(mine == theirs)


def is_list(value: Any) -> bool:
    """Whether a value is a list of values."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def differences(mine: Answers, theirs: Answers, names: Sequence[str]) -> list[tuple[int, str]]:
    """The rows and columns in which two answers differ, in order; a row that only one of them has differs in
    the first column."""
    found = []
    for number in sorted(mine.keys() | theirs.keys()):
        if number not in mine or number not in theirs:
            found.append((number, names[0]))
            continue
        found += [(number, name) for name in names if not same(mine[number][name], theirs[number][name])]
    return found
