"""A compiler that is wrong in one way is caught by a law, soon: else the laws would prove little."""

from __future__ import annotations

from functools import cache

import pytest

from laws import trial
from laws.focus import Focus
from laws.laws import Trial, seeded
from laws.mutants import MUTANTS, Mutant

SEEDS = 150


@cache
def thought_out(seed: int, focus: Focus) -> Trial:
    """The random project of a seed, compiled once for all mutants."""
    subject = seeded(seed, focus)
    _ = subject.queries
    return subject


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_mutant_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert any(caught(mutant, thought_out(seed, mutant.focus), monkeypatch) for seed in range(SEEDS))


def caught(mutant: Mutant, subject: Trial, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a project shows that a compiler is wrong. What is the same query is not run again."""
    with monkeypatch.context() as patch:
        mutant.put(patch)
        queries = Trial(subject.case, subject.checked).queries
    for (name, way), text in queries.items():
        if text != subject.queries.get((name, way)):
            engine = trial.settle(subject.case)
            try:
                found = trial.answers(engine, text)
            except AssertionError:
                return True
            if not trial.same(found, subject.expected[name]):
                return True
    return False
