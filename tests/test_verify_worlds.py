"""`featsql verify` looks at the worlds of many instants at once, and sees there what it sees in one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hospital import FILES, hospital
from laws import mutants

import featsql
from featsql.prove.examine import Examination
from featsql.prove.verdict import Verdict

COUNTED = "    (select count(*) from {{ source('s', 'stays') }}) as stays,\n"
TRAINING = FILES["models/training.sql"].replace(COUNTED, "")


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[object]]:
    """What came of each look at many worlds (`together`), and the instants that were looked at alone; without the
    reference."""
    found: dict[str, list[object]] = {"together": [], "alone": []}
    together, alone = Examination.same_in_worlds, Examination.nothing_from_the_future

    def at_once(self: Examination, *given: object) -> bool:
        same = together(self, *given)  # type: ignore[arg-type]  # what it was given is passed on
        found["together"].append(same)
        return same

    def one(self: Examination, *given: object) -> None:
        found["alone"].append(given[-1])
        alone(self, *given)  # type: ignore[arg-type]  # what it was given is passed on

    monkeypatch.setattr(Examination, "same_in_worlds", at_once)
    monkeypatch.setattr(Examination, "nothing_from_the_future", one)
    monkeypatch.setattr(Examination, "all_of_the_past", lambda *given: None)
    return found


def verified(folder: Path, sample: int = 24) -> Verdict:
    (found,) = featsql.load(folder).verify(sample=sample)
    return found


def test_a_sound_project_is_the_same_in_all_worlds(tmp_path: Path, looked: dict[str, list[object]]) -> None:
    """Of many instants one is looked at alone, by the very query of a build."""
    assert "as stays" not in TRAINING
    found = verified(hospital(tmp_path, training=TRAINING), sample=41)
    assert found.ok
    assert looked["together"]
    assert all(looked["together"])
    assert len(looked["alone"]) == len(looked["together"])


@pytest.mark.parametrize(
    "mutant",
    [
        mutants.availability_is_forgotten,
        mutants.duplicates_go_before_the_cut,
        mutants.the_end_of_a_period_is_known_with_its_row,
    ],
    ids=lambda value: value.__name__,
)
def test_what_gets_in_too_early_changes_a_world(
    mutant: Callable[[pytest.MonkeyPatch], None],
    tmp_path: Path,
    looked: dict[str, list[object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutant(monkeypatch)
    found = verified(hospital(tmp_path, training=TRAINING))
    assert {each.law for each in found.counterexamples} == {"nothing from the future"}
    assert looked["together"][0] is False
    assert len(looked["alone"]) > 1
