"""A compiler that is wrong in one way is caught by a law, soon: else the laws would prove little."""

from __future__ import annotations

from functools import cache

import pytest

from laws import trial
from laws.focus import Focus
from laws.laws import Trial, seeded
from laws.mutants import MUTANTS, Mutant

SEEDS = 150
# Which random project showed what is wrong when it was last looked for: that is tried first, then all from the first on.
SHOWN_BY = {
    "a_tie_break_counts_the_wrong_way": 117,
    "a_windows_left_end_is_always_closed": 50,
    "a_windows_rows_are_known_when_they_happen": 6,
    "an_as_of_join_misses_its_own_instant": 10,
    "an_empty_sum_of_cases_is_nothing": 70,
    "cells_lie_in_every_window": 26,
    "deletions_are_forgotten": 6,
    "empty_windows_hold_the_rows_of_their_instant": 53,
    "keys_are_pushed_through_any_group": 6,
    "keys_are_pushed_through_any_window": 6,
    "keys_are_pushed_to_the_side_that_may_be_null": 16,
    "late_rows_are_taken_as_prompt": 6,
    "late_rows_are_taken_to_be_in_order": 93,
    "null_keys_always_match": 12,
    "null_keys_are_one_entity": 7,
    "retraction_is_forgotten": 27,
    "the_end_of_a_period_is_known_with_its_row": 6,
    "the_filter_of_a_state_goes_before_its_versions": 8,
    "the_lookback_is_a_notch_too_narrow": 10,
    "the_narrowest_of_several_windows_is_the_lookback": 10,
    "the_narrowest_window_prunes_the_rows": 40,
    "the_oldest_bucket_is_forgotten": 10,
    "twins_are_left_to_chance": 32,
    "versions_end_late": 32,
    "versions_that_were_never_newest_stay": 7,
    "what_was_retracted_has_no_older_version": 27,
}


@cache
def thought_out(seed: int, focus: Focus) -> Trial:
    """The random project of a seed, compiled once for all mutants."""
    subject = seeded(seed, focus)
    _ = subject.queries
    return subject


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_mutant_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = (SHOWN_BY.get(mutant.name, 0), *range(SEEDS))
    assert any(caught(mutant, thought_out(seed, mutant.focus), monkeypatch) for seed in seeds)


def test_what_is_remembered_is_a_mutant() -> None:
    assert SHOWN_BY.keys() <= {mutant.name for mutant in MUTANTS}


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
