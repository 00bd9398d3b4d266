"""Change one source row at a time, and see whether what changes lies where the lineage says it can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import isinf
from random import Random
from typing import Any

from featsql.plan.features import plan_features
from featsql.resolve.checked import Checked
from featsql.resolve.lineage.lineage import ROWS, Lineage
from featsql.resolve.lineage.reach import Span
from featsql.resolve.lineage.trace import trace
from laws import trial
from laws.dice import Dice
from laws.focus import Focus
from laws.instants import SECOND, instant
from laws.projects import Case, compiled, random_case
from laws.tables import Row, fill

OTHER = {"n": 17, "x": 64.25, "m": "another", "id": 99}


@dataclass(frozen=True)
class Effect:
    """What a change of one row did to one output at one instant."""

    source: str
    column: str
    row: Row
    model: str
    output: str
    asked: Row
    values: tuple[str, str]


@dataclass(frozen=True)
class Observed:
    """A random project and what some changes of it do."""

    case: Case
    checked: Checked
    effects: tuple[Effect, ...]


@cache
def observed(seed: int, focus: Focus) -> Observed:
    """One random project, observed without asking what its lineage says, so that right and wrong lineages are judged
    by the same facts."""
    dice = Dice(Random(seed))
    case = random_case(dice, focus, rows=12)
    case = replace(case, spine=everyone(dice))
    checked = compiled(case)
    return Observed(case, checked, tuple(effects(case, checked, dice)))


def outliers(found: Observed) -> Iterator[str]:
    """What acted from outside of its interval or off the edges."""
    lineage = trace(found.checked.resolved, found.checked.graph, found.checked.catalog)
    for effect in found.effects:
        said = beyond(found.case, lineage, effect)
        if said is not None:
            yield f"{said}\n{effect}\n{found.case}"


def everyone(dice: Dice) -> list[Row]:
    """A spine that leaves no key out at any of a few instants, so that little goes by unseen."""
    keys = [{"k": k, "c": c} for k in (1, 2, 3) for c in ("a", "b")]
    moments = [instant(dice, missing=0, infinite=0) for _ in range(8)]
    asked = [{**key, "as_of": moment} for moment in moments for key in keys]
    return [{"row": number, **row} for number, row in enumerate(asked)]


def effects(case: Case, checked: Checked, dice: Dice, most: int = 8) -> Iterator[Effect]:
    """What a few changes do."""
    engine = trial.settle(case)
    queries = {}
    for text in case.models:
        features = plan_features(text.name, checked, general=True)
        queries[text.name] = (trial.query(features, checked, case).sql("duckdb"), features.features)
    before = {name: trial.answers(engine, sql) for name, (sql, _) in queries.items()}
    answered = {name: found for name, found in before.items() if not isinstance(found, str)}
    for source, column, row, rows in chosen(list(changes(case, dice)), dice, most) if answered else ():
        fill(engine, f"sources.s.{source}", case.columns, rows, case.zoned)
        for name, old in answered.items():
            sql, outputs = queries[name]
            new = trial.answers(engine, sql)
            for asked, one, two in zip(case.spine, old, new, strict=True) if not isinstance(new, str) else ():
                for output, was, now in zip(outputs, one, two, strict=True):
                    if was != now:
                        yield Effect(source, column, row, name, output, asked, (was, now))
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


def beyond(case: Case, lineage: Lineage, effect: Effect) -> str | None:
    """Why the lineage says that there can be no such effect; None where it allows for it."""
    clock = case.clocks[effect.source]
    span = lineage.reach(effect.model, effect.output).get((f"source:s.{effect.source}", effect.column))
    if span is None:
        return "off the edges"
    if clock.kind == "static" or is_within(span, effect.row[clock.start], effect.asked["as_of"]):
        return None
    return f"outside of {span.text}"


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
