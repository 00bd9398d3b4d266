"""`featsql verify`: sound projects pass, known-wrong compilers are caught, and each catch is told as a story."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hospital import hospital
from laws import mutants
from program import run
from sqlglot import exp

import featsql
from featsql.engines.duckdb.lower import latest, lower, tables
from featsql.plan import names
from featsql.plan.plan import AsOf, Attach, Plan
from featsql.prove import perturbation as noise
from featsql.prove.answers import NUMBER, answers, differences, same
from featsql.prove.proof.proof import unrestricted
from featsql.prove.reference import visible_rows
from featsql.prove.scratch import Scratch, clocked
from featsql.prove.strata import number_spine, pick
from featsql.prove.verdict import Verdict, span
from featsql.prove.verify import FLOOR
from featsql.temporal import column

INSTANTS = [f"2024-01-01 {hour:02}:00:00" for hour in range(8, 18)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = hospital(tmp_path_factory.mktemp("hospital"))
    assert run("build", cwd=folder).code == 0
    return folder


@pytest.fixture(scope="module")
def verdict(built: Path) -> Verdict:
    """All rows of the sound project, verified."""
    (found,) = featsql.load(built).verify(seconds=60)
    return found


def ground(folder: Path) -> tuple[Plan, Scratch]:
    project = featsql.load(folder)
    plan = project.compile().plans["training"]
    assert isinstance(plan, Plan)
    project.workspace.prepare(["model:training"])
    return plan, Scratch(clocked(plan), project.compile(), project.workspace.engine)


def rows_of(scratch: Scratch, query: exp.Query) -> list[tuple[object, ...]]:
    return sorted(scratch.engine.rows(query.sql("duckdb")), key=repr)


def test_a_sound_training_set_is_verified(verdict: Verdict) -> None:
    assert verdict.ok
    assert verdict.finished
    assert (verdict.verified, verdict.sample, verdict.rows, verdict.spine_rows) == (41, 41, 41, 41)
    assert verdict.notes == ()
    names = [each.column for each in verdict.features]
    assert names == [
        *("visits", "x_3h", "least", "y", "ward", "bed", "until", "name", "twice", "stays", "all_visits"),
    ]
    assert all(each.proved for each in verdict.features)
    assert {each.column: each.rows for each in verdict.features if each.rows != 41} == {"all_visits": 0}
    assert verdict.features[-1].skipped


def test_rows_of_every_kind_are_taken(verdict: Verdict) -> None:
    assert verdict.strata["NULL keys or instants"] == 11
    assert {"first instants", "last instants", "ties: one instant, many rows", "chance"} <= set(verdict.strata)
    assert "the instant a row of source:s.visits became known" in verdict.strata
    assert "few facts in source:s.wards" in verdict.strata


def test_the_report_stands_beside_the_table(verdict: Verdict, built: Path) -> None:
    assert verdict.report == ("target/verify/training.json", "target/training.verify.json")
    texts = [(built / path).read_text() for path in verdict.report]
    assert texts[0] == texts[1]
    report = json.loads(texts[0])
    assert report["ok"] is True
    assert report["table"] == "of this code and these inputs"
    manifest = json.loads((built / "target/manifest.json").read_text())
    assert report["fingerprint"] == manifest["nodes"]["model.hospital.training"]["featsql"]["fingerprint"]
    assert "source:s.names is static: names stay" in report["trusted"]


def test_it_goes_on_from_where_it_was(tmp_path: Path) -> None:
    assert run("init", cwd=tmp_path).code == 0
    (first,) = featsql.load(tmp_path).verify(sample=3)
    assert (first.verified, first.resumed, first.finished) == (3, 0, True)
    (second,) = featsql.load(tmp_path).verify(sample=3)
    assert (second.verified, second.resumed, second.finished) == (3, 3, True)
    (other,) = featsql.load(tmp_path).verify(sample=3, seed=1)
    assert other.resumed == 0
    (payments,) = tmp_path.rglob("payments.csv")
    os.utime(payments, (1, 1))
    (changed,) = featsql.load(tmp_path).verify(sample=3, seed=1)
    assert changed.resumed == 0


def test_a_floor_of_rows_is_verified_whatever_the_time(tmp_path: Path) -> None:
    folder = hospital(tmp_path)
    (found,) = featsql.load(folder).verify(seconds=0)
    assert FLOOR <= found.verified < found.sample == found.wanted == 41
    assert (found.finished, found.rows, found.ok, found.enough) == (False, None, True, False)
    assert all(each.rows == found.verified for each in found.features if not each.skipped)
    few = run("verify", "--for", "0s", cwd=folder)
    assert few.code == 3
    share = 100 * found.verified // 41
    last = f"verified {found.verified} of 41 sampled rows ({share} %); time was up: run it again to go on"
    assert few.out.splitlines()[-1] == last
    told = run("verify", "--for", "0s", "--at-least", "20", "--json", cwd=folder)
    assert (told.code, told.data["ok"], told.data["enough"]) == (0, True, True)


def test_nothing_is_not_verified(tmp_path: Path) -> None:
    """A training set without labels holds no counter-example, and that is not a yes."""
    folder = hospital(tmp_path)
    labels = folder / "models" / "asked.sql"
    head, _, query = labels.read_text().partition("\n")
    labels.write_text(f"{head}\nselect * from ({query}) where false\n")
    ended = run("verify", cwd=folder)
    assert ended.code == 3
    assert ended.out.splitlines()[-1].startswith("verified 0 of 0 sampled rows (0 %); where there are no labels")
    (found,) = featsql.load(folder).verify()
    assert (found.ok, found.enough, found.finished) == (False, False, True)


@pytest.mark.parametrize(
    ("mutant", "column", "sentence"),
    [
        (mutants.duplicates_go_before_the_cut, "y", "which was known only "),
        (mutants.the_boundary_is_the_other_one, "ward", "The reference, which asks the model's own SQL"),
        (mutants.no_row_is_always_null, "visits", "`visits` is NULL"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_wrong_compiler_is_caught(
    mutant: Callable[[pytest.MonkeyPatch], None],
    column: str,
    sentence: str,
    built: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutant(monkeypatch)
    (found,) = featsql.load(built).verify(sample=6)
    assert not found.ok
    (caught,) = [each.counterexample for each in found.features if each.column == column]
    assert caught is not None
    assert sentence in caught.story


def test_what_the_query_lets_in_is_not_proved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.availability_is_forgotten(monkeypatch)
    (found,) = featsql.load(hospital(tmp_path)).verify(seconds=0, sample=2)
    unproved = {each.column for each in found.features if not each.proved}
    assert unproved == {each.column for each in found.features}
    (visits,) = [each for each in found.features if each.column == "visits"]
    assert "source:s.visits" in visits.objections[0]


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("same_instant", lambda mine, theirs: exp.true()),
        ("reached", lambda instant, at, boundary: exp.true()),
        ("known_from", lambda clock: column("ts")),
    ],
)
def test_an_as_of_join_is_proved_by_what_it_compares(
    part: str, wrong: Callable[..., exp.Expr], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = featsql.load(hospital(tmp_path))
    compiled = project.compile()
    plan = compiled.plans["training"]
    assert isinstance(plan, Plan)
    assert unrestricted(plan, compiled) == {}
    monkeypatch.setattr(latest, part, wrong)
    if part == "reached":
        monkeypatch.setattr(latest, "flipped", lambda comparison: comparison)
    assert list(unrestricted(plan, compiled)) == ["source:s.wards"]


def test_rows_that_no_join_pins_are_not_proved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twins of a met row let in through another column, or joined so that those beside no met row stay."""
    compiled = featsql.load(hospital(tmp_path)).compile()
    plan = compiled.plans["training"]
    assert isinstance(plan, Plan)
    settled, winners = latest.settled, latest.of_winners

    def other(features: AsOf, found: str, rows: str) -> exp.Select:
        query = settled(features, found, rows)
        for each in query.expressions:
            if each.name == names.KNOWN_FROM:
                each.replace(exp.alias_(exp.null(), names.KNOWN_FROM))
        return query

    def all_of_them(features: AsOf, found: str, settled: str) -> exp.Select:
        query = winners(features, found, settled)
        for join in query.find_all(exp.Join):
            join.set("side", "FULL")
        return query

    for name, wrong in (("settled", other), ("of_winners", all_of_them)):
        with monkeypatch.context() as patch:
            patch.setattr(lower, name, wrong)
            assert list(unrestricted(plan, compiled)) == ["source:s.wards"]


def test_a_warning_of_the_checker_is_an_objection(tmp_path: Path) -> None:
    text = (
        "{{ config(kind='features', entity='patient') }}\nselect id, any_value(y) as y from {{ source('s', 'tests') }}"
    )
    (found,) = featsql.load(hospital(tmp_path, tested=text + " group by id")).verify(seconds=0, sample=2)
    (warned,) = [each for each in found.features if each.column == "y"]
    assert not warned.proved
    assert warned.objections[0].startswith("FS611")


def test_a_warning_about_a_plain_model_is_an_objection_to_what_is_made_of_it(tmp_path: Path) -> None:
    tested = (
        "{{ config(kind='features', entity='patient') }}\nselect id, max(page) as y from {{ ref('paged') }} group by id"
    )
    paged = (
        "{{ config(time={'kind': 'events', 'event_time': 'ts', 'delay': '9 hours'}) }}\n"
        "select id, ts, (select count(*) from {{ source('s', 'visits') }}) as page from {{ source('s', 'visits') }}"
    )
    (found,) = featsql.load(hospital(tmp_path, tested=tested, paged=paged)).verify(seconds=0, sample=2)
    (warned,) = [each for each in found.features if each.column == "y"]
    assert not warned.proved
    assert warned.objections[0].startswith("FS614")


def test_a_lost_row_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attached = lower.attached

    def inner(group: Sequence[Attach], plan: Plan, parts: tables.Parts) -> Iterator[exp.Join]:
        known = [exp.not_(exp.Is(this=key.copy(), expression=exp.null())) for key in group[0].keys]
        for join in attached(group, plan, parts):
            yield exp.Join(this=join.this, on=exp.and_(join.args["on"], *known))

    monkeypatch.setattr(lower, "attached", inner)
    (found,) = featsql.load(hospital(tmp_path)).verify(sample=12)
    assert not found.ok
    assert {each.law for each in found.counterexamples} == {"the spine is sacred"}
    assert (found.rows, found.spine_rows) == (31, 41)


def test_the_story_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.availability_is_forgotten(monkeypatch)
    ended = run("verify", "training", "--sample", "4", cwd=hospital(tmp_path))
    assert ended.code == 1
    assert "COUNTER-EXAMPLE: nothing from the future" in ended.out
    told = [line for line in ended.out.splitlines() if line.startswith("It read this row of source s.wards")]
    row = r"id=\d, ts=2024-01-01 (\d\d):00:00, dead=(?:true|false), ward=\w"
    instants = r"\(happened at 2024-01-01 \1:00:00, and was first known at 2024-01-01 \d\d:00:00\)\."
    assert re.fullmatch(
        rf"It read this row of source s\.wards, which was known only 1 hour later: {row} {instants}", told[0]
    )
    assert "More: featsql why training.ward --row " in ended.out


def test_json_on_the_command_line(built: Path) -> None:
    ended = run("verify", "--json", "--sample", "3", "--for", "1m", cwd=built)
    assert ended.code == 0
    assert ended.data["ok"] is True
    (told,) = ended.data["training_sets"]
    assert (told["name"], told["verified"]) == ("training", 3)
    assert told["featsql_schema_version"] == "featsql/verify/v1"


@pytest.mark.parametrize("text", ["soon", "-1s", ""])
def test_a_span_that_is_none(text: str, built: Path) -> None:
    ended = run("verify", f"--for={text}", cwd=built)
    assert ended.code == 2
    assert "60s" in ended.err


def test_nothing_to_verify(built: Path) -> None:
    ended = run("verify", "visited", cwd=built)
    assert ended.code == 1
    assert "FS751" in ended.err


def test_noise_leaves_what_was_visible(built: Path) -> None:
    """Whatever comes later, each relation is at the instant what it was; and much comes later."""
    _, scratch = ground(built)
    for instant in INSTANTS:
        at = exp.cast(exp.Literal.string(instant), "timestamp")
        for copy in scratch.copies.values():
            worlds = [
                scratch.everything(copy),
                noise.past(copy, at, "inclusive"),
                noise.perturbed(copy, at, "inclusive", {"id"}, 0),
            ]
            seen = [visible_rows(copy.info, world.subquery("world"), at, "inclusive") for world in worlds]
            # the column of a retraction shows it before it has come: noise moves it
            told = [column(name) for name in copy.info.names if name != "gone"]
            rows = [rows_of(scratch, exp.select(*told).from_(each.subquery("seen"))) for each in seen]
            assert rows[0] == rows[1] == rows[2], (copy.info.key, instant)
            assert rows_of(scratch, worlds[0]) != rows_of(scratch, worlds[2])


def test_the_same_seed_takes_the_same_rows(built: Path) -> None:
    plan, scratch = ground(built)
    spine = number_spine(plan, scratch)
    taken = [[each.number for each in pick(plan, spine, scratch, 20, seed)] for seed in (3, 3, 4)]
    assert taken[0] == taken[1] != taken[2]
    assert len(set(taken[0])) == 20


def test_floats_are_compared_to_twelve_digits() -> None:
    assert same(1.0, 1.0 + 1e-13)
    assert not same(1.0, 1.0 + 1e-11)
    assert same(float("nan"), float("nan"))
    assert not same(float("nan"), 1.0)
    assert not same(0.0, None)
    assert same([1.0, {"a": 0.1 + 0.2}], [1.0, {"a": 0.3}])
    assert not same([1.0], [1.0, 2.0])
    assert differences({1: {"a": 1}}, {1: {"a": 1}, 2: {"a": 1}}, ["a"]) == [(2, "a")]


def test_a_row_that_comes_twice_is_an_error(built: Path) -> None:
    _, scratch = ground(built)
    one = exp.select(exp.alias_(exp.Literal.number(1), NUMBER))
    with pytest.raises(Exception, match="row 1 is answered more than once"):
        answers(exp.union(one, one.copy(), distinct=False), scratch.engine)
    assert column(NUMBER).name == NUMBER


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(10800, "3 hours"), (1, "1 second"), (0.5, "0.5 seconds"), (187200, "2 days 4 hours"), (None, "some time")],
)
def test_spans_as_a_person_says_them(seconds: float | None, words: str) -> None:
    assert span(seconds) == words
