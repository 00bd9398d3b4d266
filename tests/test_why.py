"""`featsql why`: the rows that made a value, those that could have, and those that could not be known."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hospital import hospital
from msgspec.structs import replace
from program import run

import featsql
from featsql.export.why import page
from featsql.prove.why.explanation import MEANINGS, Evidence, Explanation
from featsql.prove.why.influence import Trials
from featsql.prove.why.timeline import timeline


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> featsql.Project:
    return featsql.load(hospital(tmp_path_factory.mktemp("hospital")))


def only(found: Explanation) -> Evidence:
    (evidence,) = found.evidence
    return evidence


def shown(evidence: Evidence, part: str, column: str) -> list[str]:
    return [fact.row[column] for fact in evidence.facts if fact.part == part]


def test_rows_that_were_retracted_or_held_back(project: featsql.Project) -> None:
    """At 12:30 the visit of 11:00 is not told yet; at 16:00 it is, and that of 12:00 is retracted."""
    early = project.why("visited.visits", keys={"id": 1}, as_of="2024-01-01 12:30")
    assert early.value == 2
    assert only(early).counts == {"made": 2, "held back": 1}
    assert shown(only(early), "held back", "ts") == ["2024-01-01 11:00:00"]
    late = project.why("visited.visits", keys={"id": 1}, as_of="2024-01-01 16:00")
    assert late.value == 2
    assert only(late).counts == {"made": 2, "retracted": 1}
    assert only(late).keys == {"id": "1"}


def test_the_window_is_that_of_the_feature(project: featsql.Project) -> None:
    """The model as a whole looks back for ever; `x_3h` does not. On the edge of the window a row changes nothing."""
    found = project.why("training.x_3h", keys={"id": 1}, as_of="2024-01-01 14:00")
    assert found.value == 4.0
    assert only(found).since == "2024-01-01 11:00:00"
    assert only(found).counts == {"before the window": 1, "made": 1, "idle": 1}
    assert shown(only(found), "idle", "ts") == ["2024-01-01 11:00:00"]
    assert only(project.why("training.least", keys={"id": 1}, as_of="2024-01-01 14:00")).since is None


def test_rows_that_matter_only_together(project: featsql.Project, tmp_path: Path) -> None:
    folder = hospital(tmp_path)
    visits = folder / "data/visits.csv"
    visits.write_text(visits.read_text() + "2,2024-01-01 14:00:00,2024-01-01 14:00:00,,0.1\n")
    found = featsql.load(folder).why("visited.least", keys={"id": 2}, as_of="2024-01-01 15:00")
    assert found.value == 0.1
    assert shown(only(found), "made", "x") == []
    assert shown(only(found), "together", "x") == ["0.1", "0.1"]
    alone = project.why("visited.least", keys={"id": 2}, as_of="2024-01-01 15:00")
    assert shown(only(alone), "made", "x") == ["0.1"]


def test_versions(project: featsql.Project) -> None:
    found = project.why("tested.y", keys={"id": 2}, as_of="2024-01-01 15:00")
    assert found.value == 20
    assert only(found).counts == {"made": 1, "held back": 1}
    later = project.why("tested.y", keys={"id": 2}, as_of="2024-01-01 16:00")
    assert (shown(only(later), "made", "y"), shown(only(later), "superseded", "y")) == (["21"], ["20"])


def test_a_deletion_makes_a_value(project: featsql.Project) -> None:
    found = project.why("training.ward", keys={"id": 1}, as_of="2024-01-01 16:00")
    assert found.value is None
    assert shown(only(found), "made", "dead") == ["true"]
    assert only(found).counts == {"made": 1, "superseded": 2}


def test_a_period_that_is_over(project: featsql.Project) -> None:
    found = project.why("training.bed", keys={"id": 1}, as_of="2024-01-01 16:00")
    assert found.value is None
    assert only(found).counts == {"gone": 1}


def test_a_relation_that_the_training_set_joins(project: featsql.Project) -> None:
    found = project.why("training.name", keys={"id": 1}, as_of="2024-01-01 12:00")
    assert found.value == "South"
    assert only(found).relation == "source:s.wards"
    assert shown(only(found), "made", "ward") == ["B"]
    assert "source:s.names is static: names stay" in found.notes


def test_a_subquery_of_the_training_set(project: featsql.Project) -> None:
    found = project.why("training.stays", keys={"id": 1}, as_of="2024-01-01 11:00")
    assert found.value == 2
    assert only(found).relation == "source:s.stays"
    assert only(found).counts == {"made": 2}


def test_an_expression_over_features(project: featsql.Project) -> None:
    found = project.why("training.twice", keys={"id": 2}, as_of="2024-01-01 13:00")
    assert found.value == 6
    assert [step.model for step in found.steps] == ["training", "visited"]
    assert found.steps[1].place.startswith("models/visited.sql:4:")
    assert found.steps[1].sql == "count(*) AS visits"


def test_columns_of_the_labels_and_of_all_rows(project: featsql.Project) -> None:
    assert project.why("training.asked_at", row=1).evidence == ()
    assert "labels alone" in project.why("training.asked_at", row=1).notes[0]
    assert "this row alone" in project.why("training.all_visits", row=1).notes[0]


def test_a_row_by_number_is_that_by_keys(project: featsql.Project) -> None:
    """Four patients are asked about each hour from 8 on: the second of 13:00 is row 22. The last has no instant."""
    found = project.why("training.visits", row=22)
    assert (found.instant, found.row["id"]) == ("2024-01-01 13:00:00", "2")
    assert found == project.why("training.visits", keys={"ID": 2}, as_of="2024-01-01 13:00")
    assert project.why("training.visits", row=41).instant is None


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["training.visit", "--row", "1"], "FS752", "did you mean `visits`?"),
        (["trainin.visits", "--row", "1"], "FS752", "did you mean `training`?"),
        (["training", "--row", "1"], "FS752", "write it like"),
        (["training.visits", "--row", "42"], "FS753", "no such row"),
        (["training.visits", "--key", "id=1"], "FS753", "several rows"),
        (["training.visits", "--key", "i=1"], "FS753", "did you mean `id`?"),
        (["visited.visits", "--row", "1"], "FS753", "--key id="),
        (["visited.visits"], "FS726", "--entity id="),
        (["visited.visits", "--key", "id"], "FS902", "--key customer_id=7"),
    ],
)
def test_cells_that_there_are_not(arguments: list[str], code: str, word: str, project: featsql.Project) -> None:
    ended = run("why", *arguments, cwd=project.project.root)
    assert ended.code == 1
    assert code in ended.err
    assert word in ended.err


def test_json(project: featsql.Project) -> None:
    ended = run(
        *("why", "visited.visits", "--key", "id=1", "--as-of", "2024-01-01 12:30", "--json", "-n", "1"),
        cwd=project.project.root,
    )
    assert ended.code == 0
    assert ended.data["value"] == 2
    (evidence,) = ended.data["evidence"]
    assert sorted(fact["part"] for fact in evidence["facts"]) == ["held back", "made"]
    assert evidence["counts"] == {"made": 2, "held back": 1}
    assert set(evidence["counts"]) <= set(ended.data["meanings"])
    assert ended.data["meanings"] == dict(MEANINGS)


def test_leaving_out_by_halves() -> None:
    """Of 64 rows two matter: they are found in far fewer than 64 trials, and patience has an end."""
    asked = []

    def without(numbers: object) -> int:
        asked.append(numbers)
        return sum(each not in set(numbers) for each in (5, 40))  # type: ignore[call-overload]

    trials = Trials(without, 400, 60.0)
    parts = trials.run(range(64))
    assert [number for number, part in parts.items() if part == "made"] == [5, 40]
    assert {part for number, part in parts.items() if number not in {5, 40}} == {"idle"}
    assert trials.count == len(asked) - 1 < 32
    assert set(Trials(without, 1, 60.0).run(range(64)).values()) == {"untried"}


def test_a_time_line() -> None:
    ends, line = timeline("2024-01-01", "2024-01-03", [("*", "2024-01-02"), ("h", "2024-01-03"), ("o", "infinity")], 11)
    assert line == "(-----*----|]"
    assert ends.startswith("2024-01-01 00:00")
    assert timeline(None, "2024-01-03", []) == []
    assert timeline("2024-01-01", "infinity", [("*", "2024-01-02")]) == []


class Balance(HTMLParser):
    """Whether every element of a page ends where it should; `names` are all that there are."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_shows_rows_on_lines_of_time(project: featsql.Project, tmp_path: Path) -> None:
    arguments = ("visited.visits", "--key", "id=1", "--as-of", "2024-01-01 12:30", "--html", str(tmp_path / "why.html"))
    done = run("why", *arguments, "--project-dir", str(project.project.root))
    assert (done.code, done.out) == (0, f"Wrote {tmp_path / 'why.html'}\n")
    text = (tmp_path / "why.html").read_text(encoding="utf-8")
    parser = Balance()
    parser.feed(text)
    assert parser.open == []
    assert {"svg", "circle", "table", "pre"} <= parser.names
    assert "script" not in parser.names
    assert "visited.visits is 2" in text
    assert text.count('<g class="made">') == 2
    assert text.count('<g class="held">') == 1
    assert "held back: happened, but not yet known: 1" in text


def test_the_page_holds_text_and_no_secrets(project: featsql.Project) -> None:
    found = project.why("visited.visits", keys={"id": 1}, as_of="2024-01-01 12:30")
    marked = replace(found, column="<b>", value="a & 'pass", notes=("<script>alert(1)</script> p<w",))
    text = page(marked, {"'pass", "p<w"})
    assert "<b>" not in text
    assert "<script" not in text
    assert "pass" not in text
    assert "p&lt;w" not in text
    assert "a &amp; ***" in text


def test_a_page_that_cannot_be_written(project: featsql.Project, tmp_path: Path) -> None:
    arguments = ("visited.visits", "--key", "id=1", "--html", str(tmp_path))
    done = run("why", *arguments, "--project-dir", str(project.project.root))
    assert done.code == 1
    assert "FS731" in done.err
