"""What a features model says on a spine, by the words of the meaning alone: the standard library, DuckDB, the author's text.

Nothing of featsql is imported, nor of what its other tests are made of, so that a mistake would have to be made twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

AS_OF = re.compile(r"\bas_of\(\)", re.IGNORECASE)


@dataclass(frozen=True)
class Relation:
    """A relation: the file of its rows, and the clock as a property file would say it."""

    file: str
    clock: Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """A features model as its author wrote it, relations by name, with what the author would say of missing rows.

    `nothing` is the model's text over no rows at all, without its groups and filters: its one row is what an entity is
    told of whom nothing is known. `groups` gives the keys of all groups, also of those that a filter leaves out. A model
    that does not group has neither.
    """

    text: str
    keys: tuple[str, ...]
    nothing: str | None = None
    groups: str | None = None


@dataclass(frozen=True)
class Answer:
    """What a model says in the rows of a spine, in their order: the columns' names and a row of values for each."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


class World:
    """Relations as they are at one instant after another."""

    def __init__(self, relations: Mapping[str, Relation], *, exclusive: bool = False, zoned: bool = False) -> None:
        self.relations = relations
        self.comparison = "<" if exclusive else "<="
        self.type = "timestamptz" if zoned else "timestamp"
        self.literal = f"cast(null as {self.type})"
        self.engine = duckdb.connect(config={"threads": 1})
        self.engine.execute("set timezone = 'UTC'")
        for name, relation in relations.items():
            self.engine.execute(f"create table every_{name} as from '{relation.file}'")

    def close(self) -> None:
        """Let go of the engine."""
        self.engine.close()

    def move(self, instant: datetime | None) -> None:
        """Let every relation be what it is at an instant."""
        self.literal = f"{self.type} '{instant.isoformat(' ')}'" if instant else f"cast(null as {self.type})"
        for name, relation in self.relations.items():
            self.engine.execute(f"create or replace table {name} as {self.visible(name, relation.clock)}")

    def past(self, instant: str) -> str:
        """A condition: an instant has come."""
        return f"coalesce({instant} {self.comparison} {self.literal}, false)"

    def visible(self, name: str, clock: Mapping[str, Any]) -> str:
        """The rows of a relation at the instant, as SQL."""
        if clock["kind"] == "static":
            return f"from every_{name}"
        start = clock["valid_from"] if clock["kind"] == "periods" else clock["event_time"]
        delay = f"interval '{clock.get('delay', '0 seconds')}'"
        available = clock.get("available_at") or f"({start} + {delay})"
        where = [self.past(start), self.past(available)]
        if clock.get("retracted_at"):
            where.append(f"not {self.past(clock['retracted_at'])}")
        known = f"select * from every_{name} where {' and '.join(where)}"
        if clock["kind"] == "periods":
            return self.holding(known, clock, delay)
        if not clock.get("unique_key"):
            return known
        order = [start, available] if clock["kind"] == "state" else [available, start]
        newest = ", ".join(f"{each} desc nulls last" for each in [*order, *clock.get("tie_break", [])])
        latest = f"{known} qualify row_number() over (partition by {clock['unique_key']} order by {newest}) = 1"
        gone = f" where {clock['deleted']} is not true" if clock.get("deleted") else ""
        return f"from ({latest}){gone}"

    def holding(self, known: str, clock: Mapping[str, Any], delay: str) -> str:
        """Of known periods those that hold, as SQL: an end that is not known yet is none."""
        end = clock["valid_to"]
        learnt = clock.get("valid_to_available_at") or clock.get("available_at") or f"({end} + {delay})"
        seen = f"select * replace (case when {self.past(learnt)} then {end} end as {end}) from ({known})"
        return f"from ({seen}) where not {self.past(end)}"

    def run(self, text: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """The columns and rows of a SELECT at the instant."""
        found = self.engine.execute(AS_OF.sub(self.literal, text))
        return tuple(column[0] for column in found.description or ()), found.fetchall()

    def at(self, question: Question, entities: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """What a model says of each of some entities at the instant: the model's own keys, then its features."""
        columns, rows = self.run(question.text)
        places = [columns.index(key) for key in question.keys]
        others = [i for i in range(len(columns)) if i not in places]
        said: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        for row in rows:
            key = tuple(row[i] for i in places)
            if None not in key:
                assert key not in said, f"two rows for {key}"
                said[key] = tuple(row[i] for i in others)
        nobody = (None,) * len(places)
        nulls = unknown = (None,) * len(others)
        groups: set[tuple[Any, ...]] = set()
        if question.nothing is not None and any(entity not in said for entity in entities):
            assert question.groups is not None
            groups = set(self.run(question.groups)[1])
            names, ((*values,),) = self.run(question.nothing)
            unknown = tuple(values[names.index(columns[i])] for i in others)
        for entity in entities:
            if entity in said:
                yield (*entity, *said[entity])
            else:
                yield (*nobody, *(nulls if None not in entity and entity in groups else unknown))

    def columns(self, question: Question) -> tuple[str, ...]:
        """The columns of a model, its keys first."""
        columns = self.run(question.text)[0]
        return (*question.keys, *(name for name in columns if name not in question.keys))


def answers(
    world: World, questions: Mapping[str, Question], spine: Sequence[Mapping[str, Any]], as_of: str
) -> dict[str, Answer]:
    """What each of some models says in each row of a spine."""
    instants: dict[datetime | None, list[int]] = {}
    for number, row in enumerate(spine):
        instants.setdefault(row[as_of], []).append(number)
    said: dict[str, dict[int, tuple[Any, ...]]] = {name: {} for name in questions}
    for instant, numbers in instants.items():
        world.move(instant)
        for name, question in questions.items():
            entities = [tuple(spine[number][key] for key in question.keys) for number in numbers]
            said[name] |= dict(zip(numbers, world.at(question, entities), strict=True))
    return {
        name: Answer(world.columns(question), tuple(said[name][i] for i in range(len(spine))))
        for name, question in questions.items()
    }


def same(wanted: Any, found: Any) -> bool:
    """Whether two values are one: numbers to 1e-9 of their size, NaN is NaN, lists in order, structs by name."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return list(wanted) == list(found) and all(same(wanted[name], found[name]) for name in wanted)
    if isinstance(wanted, list | tuple) and isinstance(found, list | tuple):
        return len(wanted) == len(found) and all(map(same, wanted, found))
    if isinstance(wanted, bool) or isinstance(found, bool) or not (is_number(wanted) and is_number(found)):
        return type(wanted) is type(found) and bool(wanted == found)
    one, other = float(wanted), float(found)
    return one == other or (one != one and other != other) or abs(one - other) <= 1e-9 * max(abs(one), abs(other))


def is_number(value: Any) -> bool:
    """Whether a value is a number of any kind."""
    return hasattr(value, "__float__")
