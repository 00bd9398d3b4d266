"""`featsql verify` looks at the worlds of many instants at once, and sees there what it sees in one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hospital import FILES, hospital
from laws import mutants
from sqlglot import exp

import featsql
from featsql.prove.examine import Examination
from featsql.prove.findings import DOUBT
from featsql.prove.scratch import table
from featsql.prove.verdict import Verdict
from featsql.prove.worlds.made import ManyWorlds

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


def windowed(folder: Path) -> Path:
    """The hospital, where visits are late but never taken back: they are looked at in windows over one sort."""
    made = hospital(folder, training=TRAINING)
    sources = made / "models" / "sources.yml"
    sources.write_text(sources.read_text().replace(", retracted_at: gone", ""))
    return made


def verified(folder: Path, sample: int = 24) -> Verdict:
    (found,) = featsql.load(folder).verify(sample=sample)
    return found


def test_a_sound_project_is_the_same_in_all_worlds(tmp_path: Path, looked: dict[str, list[object]]) -> None:
    """Of many instants two are looked at alone, by the very query of a build."""
    assert "as stays" not in TRAINING
    found = verified(hospital(tmp_path, training=TRAINING), sample=41)
    assert found.ok
    assert looked["together"]
    assert all(looked["together"])
    assert len(looked["alone"]) == 2 * len(looked["together"])


@pytest.mark.parametrize(
    "mutant",
    [
        mutants.availability_is_forgotten,
        pytest.param(mutants.duplicates_go_before_the_cut, marks=pytest.mark.slow, id="duplicates_go_before_the_cut"),
        pytest.param(
            mutants.the_end_of_a_period_is_known_with_its_row,
            marks=pytest.mark.slow,
            id="the_end_of_a_period_is_known_with_its_row",
        ),
        pytest.param(
            mutants.when_an_end_was_learnt_is_forgotten,
            marks=pytest.mark.slow,
            id="when_an_end_was_learnt_is_forgotten",
        ),
        pytest.param(
            mutants.a_delay_is_forgotten_by_an_as_of_join,
            marks=pytest.mark.slow,
            id="a_delay_is_forgotten_by_an_as_of_join",
        ),
        mutants.a_windows_rows_are_known_when_they_happen,
    ],
    ids=lambda value: value.__name__,
)
def test_what_gets_in_too_early_changes_a_world(
    mutant: Callable[[pytest.MonkeyPatch], None],
    tmp_path: Path,
    looked: dict[str, list[object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = windowed(tmp_path)
    right = featsql.load(folder).stage("training", "sql")
    mutant(monkeypatch)
    assert featsql.load(folder).stage("training", "sql") != right  # else there is nothing to be seen
    found = verified(folder, sample=12)
    assert {each.law for each in found.counterexamples} == {"nothing from the future"}
    assert looked["together"][0] is False
    assert len(looked["alone"]) > 2


def test_what_only_worlds_together_show_is_noted(
    tmp_path: Path, looked: dict[str, list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worlds that are made wrong accuse nobody, and are not passed over in silence."""
    monkeypatch.setattr(ManyWorlds, "of_use", lambda *given: exp.false())
    found = verified(windowed(tmp_path), sample=12)
    assert found.ok
    assert looked["together"][0] is False
    assert len(looked["alone"]) > 2
    assert any(note.startswith("visits: ") and note.endswith(DOUBT) for note in found.notes)


def test_what_may_still_be_learnt_of_old_rows_is_in_their_world(
    tmp_path: Path, looked: dict[str, list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A known row before all windows is left out, but not where a retraction is to come that must not be seen."""
    there: list[set[tuple[object, ...]]] = []
    make = ManyWorlds.make

    def made(self: ManyWorlds, spine: exp.Select, *, made_up: bool) -> None:
        make(self, spine, made_up=made_up)
        (place,) = (i for i, copy in enumerate(self.copies) if copy.info.key.endswith("visits"))
        rows = table(f"world_{place}").sql("duckdb")
        old = f"select ts::varchar, gone is null from {rows} where ts < __world - interval 90 minutes"
        there.append(set(self.scratch.engine.rows(old)))

    monkeypatch.setattr(ManyWorlds, "make", made)
    recent = "{{ config(kind='features', entity='patient') }}\n"
    recent += "select id, count(*) as visits, sum(x) as x_3h, min(x) as least\n"
    recent += "from {{ source('s', 'visits') }} where ts > as_of() - interval 1 hour group by id\n"
    assert verified(hospital(tmp_path, training=TRAINING, visited=recent)).ok
    left_out, made_up = there[:2]
    assert ("2024-01-01 12:00:00", True) in left_out
    assert ("2024-01-01 12:00:00", False) in made_up
