"""The nouns of `verify`: what was found of each feature of a training set, and the counter-example as a story."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from featsql.data import plain
from featsql.prove.answers import same

Law = Literal["nothing from the future", "all of the past", "the spine is sacred"]
SCHEMA_VERSION = "featsql/verify/v1"


class Culprit(Struct, frozen=True):
    """A source row that got in too early, or only the relation that it is in (`row` is empty then).

    Instants are text, `later` the seconds from the row's instant to when it was known (None where
    that is not told).
    """

    relation: str
    row: Mapping[str, Any]
    happened: str | None
    known: str | None
    later: float | None


class Counterexample(Struct, frozen=True):
    """One cell that breaks a law: which row of the spine (its number is that of `featsql why --row`), at which instant,
    what it is and what it should be; `made_up` where it only shows among made-up rows: `should` is the value
    that these give it."""

    law: Law
    number: int
    row: Mapping[str, Any]
    instant: str | None
    column: str
    got: Any
    should: Any
    culprit: Culprit | None = None
    note: str | None = None
    made_up: bool = False

    @property
    def story(self) -> str:
        """What happened, in a few sentences."""
        who = ", ".join(f"{name}={text(value)}" for name, value in self.row.items())
        lines = [f"The row of {who}, asked at {self.instant}: `{self.column}` is {text(self.got)}."]
        if self.made_up:
            lines.append(f"Once rows are made up that are not known at that instant, it is {text(self.should)}.")
        elif self.law == "nothing from the future":
            lines.append(f"From what was known at that instant alone it is {text(self.should)}.")
        elif self.law == "all of the past":
            lines.append(f"The reference, which asks the model's own SQL at that instant, says {text(self.should)}.")
        else:
            lines.append(f"It should be there {text(self.should)}.")
        if self.culprit is not None:
            lines.append(told(self.culprit))
        return "\n".join([*lines, *([self.note] if self.note else [])])


def told(culprit: Culprit) -> str:
    """The sentence about the row that got in."""
    if not culprit.row:
        return f"It reads rows of {culprit.relation} that are not known at that instant."
    row = ", ".join(f"{name}={text(value)}" for name, value in culprit.row.items())
    when = f"happened at {culprit.happened}, and was first known at {culprit.known}"
    late = "never" if culprit.known is None else f"only {span(culprit.later)} later" if culprit.later else "later"
    return f"It read this row of {culprit.relation}, which was known {late}: {row} ({when})."


def text(value: Any) -> str:
    """A value in a sentence."""
    return "NULL" if value is None else str(value)


def span(seconds: float | None) -> str:
    """A stretch of time as a person says it: '3 hours', '2 days 4 hours'."""
    if seconds is None:
        return "some time"
    rest, parts = abs(seconds), []
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count, rest = int(rest // size), rest % size
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    if not parts:
        return f"{rest:g} second{'' if rest == 1 else 's'}"
    return " ".join(parts[:2])


class Tie(Struct, frozen=True):
    """One cell whose value the model's SQL leaves to the engine: which row of the spine, at which instant, what it is,
    and what the reference has said of it while the same rows lay in other orders."""

    number: int
    row: Mapping[str, Any]
    instant: str | None
    column: str
    got: Any
    values: tuple[Any, ...]

    @property
    def story(self) -> str:
        """What nothing settles, in a sentence or two."""
        who = ", ".join(f"{name}={text(value)}" for name, value in self.row.items())
        others = " or ".join(text(value) for value in self.values if not same(value, self.got))
        return (
            f"The row of {who}, asked at {self.instant}: `{self.column}` is {text(self.got)}, and might be {others}.\n"
            "A tie: by the model's SQL it depends on the order in which the same rows lie, which nothing settles."
        )


class FeatureVerdict(Struct, frozen=True):
    """One column of a training set. `proved`: the compiled query reads only visible rows for it and the checker has
    no warning, unless `objections` say why not; `rows` is the number of rows on which it was verified, but for those of
    which each is a `tie`."""

    column: str
    proved: bool
    rows: int
    objections: tuple[str, ...] = ()
    counterexample: Counterexample | None = None
    skipped: str | None = None
    tie: Tie | None = None


class Verdict(Struct, frozen=True):
    """One training set. `finished` tells whether the whole sample was seen before time was up, `wanted` how many rows
    would have been enough; `spine_rows` and `rows` count the labels and the training set (None: not counted); `trusted`
    is what nobody can check; `table` tells whether the table that was built last is of this code and these inputs."""

    name: str
    features: tuple[FeatureVerdict, ...]
    seed: int
    sample: int
    verified: int
    wanted: int
    resumed: int
    finished: bool
    seconds: float
    spine_rows: int
    rows: int | None
    strata: Mapping[str, int] = {}
    trusted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fingerprint: str = ""
    table: str = ""
    report: tuple[str, ...] = ()

    @property
    def counterexamples(self) -> tuple[Counterexample, ...]:
        return tuple(each.counterexample for each in self.features if each.counterexample is not None)

    @property
    def ties(self) -> tuple[Tie, ...]:
        return tuple(each.tie for each in self.features if each.tie is not None)

    @property
    def ok(self) -> bool:
        """Whether rows were looked at, and nothing was found against any."""
        return self.verified > 0 and not self.broken

    @property
    def broken(self) -> bool:
        """Whether a law is."""
        return bool(self.counterexamples) or self.rows not in (None, self.spine_rows)

    @property
    def enough(self) -> bool:
        """Whether as many rows were looked at as were wanted, and any at all."""
        return self.verified >= max(self.wanted, 1)

    def as_data(self) -> dict[str, Any]:
        """The verdict for a machine."""
        data = plain(self)
        for mine, each in zip(data["features"], self.features, strict=True):
            if each.counterexample is not None:
                mine["counterexample"]["story"] = each.counterexample.story
            if each.tie is not None:
                mine["tie"]["story"] = each.tie.story
        return {"featsql_schema_version": SCHEMA_VERSION, "ok": self.ok, "enough": self.enough, **data}
