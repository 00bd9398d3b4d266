"""No source row acts from outside of the interval that lineage gives it, or off the edges."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from featsql.resolve.lineage import span, timing
from featsql.resolve.lineage.flow import Acts, Output
from featsql.resolve.lineage.lineage import Influence
from featsql.resolve.lineage.reach import PAST
from laws.focus import ANYTHING, FLOWING, WINDOWS
from laws.spans import Observed, observed, outliers

Patch = pytest.MonkeyPatch


# How many random projects of each kind are looked at.
MANY = {"anything": (ANYTHING, 8), "flowing": (FLOWING, 8), "windows": (WINDOWS, 20)}


def projects(name: str) -> list[Observed]:
    """The random projects of one kind."""
    focus, many = MANY[name]
    return [observed(seed, focus) for seed in range(many)]


@pytest.mark.parametrize("name", MANY)
def test_nothing_acts_from_outside(name: str) -> None:
    for each in projects(name):
        assert not list(outliers(each))


def hours_too_long(patch: Patch) -> None:
    """An hour taken for half an hour."""
    patch.setitem(span.LONGEST, "HOUR", 1800)


def forgotten_filters(patch: Patch) -> None:
    """Conditions that leave no edge."""
    real = Output.decide

    def decide(self: Output, acts: Acts, how: Influence) -> None:
        if how != "filter":
            real(self, acts, how)

    patch.setattr(Output, "decide", decide)


def early_end(patch: Patch) -> None:
    """The visible taken to end an hour before the instant."""
    patch.setattr(timing, "PAST", replace(PAST, upper=-3600.0))


@pytest.mark.parametrize("mutant", [hours_too_long, forgotten_filters, early_end])
def test_a_wrong_interval_is_caught(mutant: Callable[[Patch], None], monkeypatch: Patch) -> None:
    facts = [each for name in MANY for each in projects(name)]
    mutant(monkeypatch)
    assert any(list(outliers(each)) for each in facts)
