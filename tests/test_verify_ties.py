"""`featsql verify` and values that nothing settles: a tie is called one, and hides no counter-example."""

from __future__ import annotations

from pathlib import Path

import pytest
from laws import mutants
from program import run
from sqlglot import exp

import featsql
from featsql.engine import VERSION
from featsql.engines.duckdb.lower.lower import lower
from featsql.plan.plan import Plan
from featsql.prove import sample
from featsql.prove.ties import alike
from featsql.prove.verdict import Verdict

SOURCES = """
entities: [{name: customer, keys: [id]}]
sources:
  - name: s
    tables:
      - {name: payments, location: payments.csv, config: {time: {kind: events, event_time: ts, available_at: seen}}}
"""
# Of each customer and day three payments at midnight, known two days late; every amount is there once.
PAYMENTS = "id,amount,ts,seen\n" + "".join(
    f"{who},{31 * day + 7 * turn % 19 + who},2024-01-{day:02},2024-01-{day + 2:02}\n"
    for turn in range(3)
    for day in range(1, 9)
    for who in (1, 2)
)
FILES = {
    "featsql_project.yml": "name: shop\noutputs: {dev: {path: target/shop.duckdb}}\n",
    "models/sources.yml": SOURCES,
    "payments.csv": PAYMENTS,
    "models/paid.sql": """{{ config(kind='features', entity='customer') }}
select id, mode(amount) as usual, first(amount order by ts desc) + 1 as latest, count(*) as n, max(amount) as most
from {{ source('s', 'payments') }} group by id
""",
    "models/asked.sql": """{{ config(kind='labels', entity='customer', as_of='at') }}
select i % 2 + 1 as id, timestamp '2024-01-04 12:00' + i * interval 1 day as at from range(5) as r(i)
""",
    "models/training.sql": """{{ config(kind='training_set') }}
select a.*, p.* exclude (id) from {{ ref('asked') }} as a left join {{ ref('paid') }} as p using (id)
""",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def verified(folder: Path) -> Verdict:
    (found,) = featsql.load(folder).verify(sample=4)
    return found


def test_a_tie_is_no_counter_example(shop: Path) -> None:
    """However the file is put in order the laws hold, and what only its order settles is not proved."""
    head, *rows = PAYMENTS.splitlines()
    tied: set[str] = set()
    for lines in (sorted(rows), rows):
        (shop / "payments.csv").write_text("\n".join([head, *lines]))
        found = verified(shop)
        assert found.ok
        assert found.enough
        features = {each.column: each for each in found.features}
        assert not any(features[name].tie for name in ("n", "most"))
        for tie in found.ties:
            assert not features[tie.column].proved
            assert len(tie.values) > 1
        tied |= {tie.column for tie in found.ties}
    ended = run("verify", "--sample", "2", cwd=shop)
    assert ended.code == 0
    assert ("A tie: by the model's SQL it depends on the order in which the same rows lie" in ended.out) is bool(tied)
    assert ("ties: nothing settles which value it takes" in ended.out) is bool(tied)
    assert tied or VERSION < "2"  # in 1.5 the first of the rows that lie there is taken, whoever asks


def test_whichever_of_many_values_is_taken_is_a_tie(shop: Path) -> None:
    """Where each value is there once, any of them is the most frequent, in the engine's way or in ours."""
    names = {"usual", "latest"}
    for turned in (False, True):
        lines = "".join(f"1,{10 + place},2024-01-01,2024-01-03\n" for place in range(7))
        rows = lines.splitlines()[::-1] if turned else lines.splitlines()
        (shop / "payments.csv").write_text("\n".join(["id,amount,ts,seen", *rows]))
        found = verified(shop)
        assert found.ok
        assert {each.column for each in found.ties} <= names
        assert not found.notes


def test_a_tie_hides_no_leak(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rows are read too early, what they tie for is a counter-example, too."""
    mutants.availability_is_forgotten(monkeypatch)
    found = verified(shop)
    assert not found.ok
    assert {"n", "latest"} <= {each.column for each in found.counterexamples}


def test_a_tie_hides_no_wrong_value(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is none of the values that a tie can take is a counter-example."""
    right = lower

    def one_more(plan: Plan) -> exp.Query:
        query = right(plan)
        for added in [each for each in query.find_all(exp.Add) if each.expression == exp.Literal.number(1)]:
            added.set("expression", exp.Literal.number(2))
        return query

    monkeypatch.setattr(sample, "lower", one_more)
    found = verified(shop)
    assert {each.column: each.law for each in found.counterexamples} == {"latest": "all of the past"}
    assert "latest" not in {each.column for each in found.ties}


def test_a_list_in_no_order_is_a_tie_of_its_own_elements() -> None:
    assert alike([1, 2, 2], [2, 1, 2])
    assert alike("a, b", "b, a")
    assert not alike([1, 2, 2], [1, 1, 2])
    assert not alike([1, 2], [1, 2, 2])
    assert not alike("ab", "ac")
