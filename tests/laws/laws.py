"""The three laws, each a function that raises AssertionError where a model of a project breaks it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from featsql.resolve.checked import Checked
from laws import future, trial
from laws.dice import Dice
from laws.focus import ANYTHING, Focus
from laws.instants import NIGHT
from laws.projects import Case, compiled, random_case


@dataclass
class Trial:
    """A random project, and what the reference says of it; thought out only once."""

    case: Case
    checked: Checked

    @cached_property
    def queries(self) -> dict[tuple[str, trial.Way], str]:
        """The text of every compiled query, by model and the way in which it is lowered."""
        return {
            (model.name, way): text
            for model in self.case.models
            for way, text in trial.queries(model.name, self.checked, self.case).items()
        }

    @cached_property
    def expected(self) -> dict[str, trial.Answers | str]:
        """The reference's answers by model."""
        engine = trial.settle(self.case)
        names = [model.name for model in self.case.models]
        return {name: trial.expected(name, self.checked, self.case, engine) for name in names}


def seeded(seed: int, focus: Focus = ANYTHING) -> Trial:
    """The random project of a seed."""
    return tried(random_case(Dice(Random(seed)), focus))


def tried(case: Case) -> Trial:
    """A project, compiled."""
    return Trial(case, compiled(case))


def all_of_the_past(subject: Trial) -> None:
    """Law 2: the plan's answers, in every way in which it can be lowered, are the reference's."""
    case, expected = subject.case, subject.expected
    engine = trial.settle(case)
    for (name, way), text in subject.queries.items():
        found = trial.answers(engine, text)
        assert trial.same(found, expected[name]), (
            f"{name}, {way}\n{case}\n{trial.difference(found, expected[name], case.spine)}"
        )


def nothing_from_the_future(subject: Trial, seed: int = 0) -> None:
    """Law 1: whatever comes after an instant, no answer as of that instant or before it changes."""
    case, dice = subject.case, Dice(Random(seed))
    moments = [row["as_of"] for row in case.spine if row["as_of"] is not None and abs(row["as_of"]) < 2 * NIGHT]
    t = dice.one([*moments, NIGHT])
    early = replace(case, spine=[row for row in case.spine if row["as_of"] is None or row["as_of"] <= t])
    before = every_answer(subject, early)
    for noise in (False, True):
        rows = {
            name: future.changed(rows, case.clocks[name], t, case.boundary, dice, noise=noise)
            for name, rows in case.rows.items()
        }
        other = replace(early, rows=rows)
        after = every_answer(subject, other)
        assert before == after, f"at {t}, noise={noise}\n{case}\n{before}\n{after}"


def every_answer(subject: Trial, case: Case) -> dict[str, trial.Answers | str]:
    """The plan's answers by model and way, for other rows and another spine; but for the general rule's."""
    engine = trial.settle(case)
    wanted = {name: text for name, text in subject.queries.items() if name[1] != "general"}
    return {f"{name} {way}": trial.answers(engine, text) for (name, way), text in wanted.items()}


def the_spine_is_sacred(subject: Trial) -> None:
    """Law 3: the rows of a training set are the spine's, each as often as it is there, and in their order."""
    engine = trial.settle(subject.case)
    spine = [row["row"] for row in subject.case.spine]
    for (name, _), text in subject.queries.items():
        found = trial.attempt(engine, text)
        assert isinstance(found, str) or [row[0] for row in found] == spine, f"{name}\n{subject.case}"
