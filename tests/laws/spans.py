"""Change one source row at a time, and see whether what changes lies where the lineage says it can."""

from __future__ import annotations

from collections.abc import Iterator
from math import isinf
from random import Random
from typing import Any

from featsql.resolve.lineage import ROWS, Lineage
from featsql.resolve.reach import Span
from featsql.resolve.trace import trace
from laws import trial
from laws.dice import Dice
from laws.focus import Focus
from laws.instants import SECOND
from laws.projects import Case, compiled, random_case
from laws.tables import Row, fill

OTHER = {"n": 17, "x": 64.25, "m": "another", "id": 99}


def outliers(seed: int, focus: Focus, most: int = 6) -> Iterator[str]:
    """What acted from outside of its interval or off the edges, in one random project."""
    dice = Dice(Random(seed))
    case = random_case(dice, focus, rows=12, spine=6)
    checked = compiled(case)
    lineage = trace(checked.resolved, checked.graph, checked.catalog)
    engine = trial.settle(case)
    queries = {}
    for text in case.models:
        query, features = trial.query(text.name, checked, case, general=True)
        queries[text.name] = (query.sql("duckdb"), features.features)
    before = {name: trial.answers(engine, sql) for name, (sql, _) in queries.items()}
    for source, column, row, rows in chosen(list(changes(case, dice)), dice, most):
        fill(engine, f"sources.s.{source}", case.columns, rows, case.zoned)
        for name, (sql, outputs) in queries.items():
            after = trial.answers(engine, sql)
            yield from beyond(case, lineage, name, outputs, source, column, row, before[name], after)
        fill(engine, f"sources.s.{source}", case.columns, case.rows[source], case.zoned)


def changes(case: Case, dice: Dice) -> Iterator[tuple[str, str, Row, list[Row]]]:
    """Each source row left out, or with one value changed: the source, the column, the row, and the
    rows as they then are."""
    for source, clock in case.clocks.items():
        free = [name for name in OTHER if name not in clock.columns]
        for place, row in enumerate(case.rows[source]):
            rest = case.rows[source][:place], case.rows[source][place + 1 :]
            yield source, ROWS, row, [*rest[0], *rest[1]]
            name = dice.one(free)
            yield source, name, row, [*rest[0], {**row, name: OTHER[name]}, *rest[1]]


def beyond(
    case: Case,
    lineage: Lineage,
    model: str,
    outputs: tuple[str, ...],
    source: str,
    column: str,
    row: Row,
    before: trial.Answers | str,
    after: trial.Answers | str,
) -> Iterator[str]:
    """The outputs that changed though the lineage says that they cannot."""
    if isinstance(before, str) or isinstance(after, str):
        return
    clock = case.clocks[source]
    for asked, old, new in zip(sorted(case.spine, key=lambda r: r["row"]), before, after, strict=True):
        for output, one, two in zip(outputs, old, new, strict=True):
            if one == two:
                continue
            span = lineage.reach(model, output).get((f"source:s.{source}", column))
            where = f"{model}.{output} of {source}.{column} {span}\n{row}\n{asked}\n{one} {two}\n{case}"
            if span is None:
                yield f"off the edges: {where}"
            elif clock.kind != "static" and not is_within(span, row[clock.start], asked["as_of"]):
                yield f"outside: {where}"


def is_within(span: Span, start: Any, instant: Any) -> bool:
    """Whether a row that happened at `start` may act at an instant; what never ends is everywhere."""
    if start is None or instant is None or isinf(start) or isinf(instant):
        return True
    return span.contains((start - instant) / SECOND)


def chosen(
    found: list[tuple[str, str, Row, list[Row]]], dice: Dice, most: int
) -> list[tuple[str, str, Row, list[Row]]]:
    """A few of the changes."""
    return [dice.one(found) for _ in range(most)] if found else []
