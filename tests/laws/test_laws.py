"""The three laws hold of random projects, random SQL and random data."""

from __future__ import annotations

import os
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laws.dice import Dice
from laws.focus import IN_ORDER, RECENT
from laws.laws import all_of_the_past, nothing_from_the_future, the_spine_is_sacred, tried
from laws.projects import random_case

THOROUGH = os.environ.get("FEATSQL_LAWS") == "thorough"


def examples(count: int) -> settings:
    """So many examples, always the same ones; many more and new ones where FEATSQL_LAWS=thorough."""
    return settings(
        max_examples=count * 50 if THOROUGH else count,
        derandomize=not THOROUGH,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


dice = st.randoms(use_true_random=False, note_method_calls=False)


@examples(50)
@given(dice)
def test_all_of_the_past(random: Random) -> None:
    all_of_the_past(tried(random_case(Dice(random))))


@examples(28)
@given(dice)
def test_windows_of_events(random: Random) -> None:
    """Near the models that one sort serves, where both of the laws are told at once."""
    subject = tried(random_case(Dice(random), RECENT))
    all_of_the_past(subject)
    nothing_from_the_future(subject, Dice(random).number(0, 1000))


@examples(40)
@given(dice)
def test_states_that_become_known_in_order(random: Random) -> None:
    """Near the models that are one as-of join with the rows themselves."""
    subject = tried(random_case(Dice(random), IN_ORDER))
    all_of_the_past(subject)
    nothing_from_the_future(subject, Dice(random).number(0, 1000))


@examples(32)
@given(dice)
def test_nothing_from_the_future(random: Random) -> None:
    subject = tried(random_case(Dice(random)))
    nothing_from_the_future(subject, Dice(random).number(0, 1000))


@examples(14)
@given(dice)
def test_the_spine_is_sacred(random: Random) -> None:
    the_spine_is_sacred(tried(random_case(Dice(random))))
