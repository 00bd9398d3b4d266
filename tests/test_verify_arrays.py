"""`featsql verify` asks its rows as a build computes them: by arrays, where a build takes them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import featsql
from featsql.engines.duckdb.arrays.aggregates import ranges
from featsql.engines.duckdb.arrays.aggregates.ranges import Ranges
from featsql.engines.duckdb.arrays.aggregates.spans import extremes
from featsql.engines.duckdb.columnar.compute import Computation
from featsql.plan.plan import Plan
from featsql.prove import examine
from featsql.prove.verdict import Verdict

PAYMENTS = """
select i % 7 as id, timestamp '2024-01-01' + (i * 37 % 500) * interval 1 hour as paid_at,
    timestamp '2024-01-01' + (i * 37 % 500 + if(i % 5 = 0, i % 40, 0)) * interval 1 hour as seen_at, i::double / 8 as x
from range(400) r(i)
"""
ASKED = "select i % 8 as id, timestamp '2024-01-03' + i * interval 7 hours as asked_at from range(60) r(i)"
FILES = {
    "featsql_project.yml": "name: shop\noutputs: {dev: {path: target/shop.duckdb}}\n",
    "models/sources.yml": """
entities: [{name: customer, keys: [id]}]
sources:
  - name: s
    tables:
      - name: payments
        location: payments.parquet
        config: {time: {kind: events, event_time: paid_at, available_at: seen_at}}
""",
    "models/paying.sql": """{{ config(kind='features', entity='customer') }}
select id, sum(x) filter (where paid_at > as_of() - interval 3 days) as x_3d, count(*) as n, max(x) as most
from {{ source('s', 'payments') }}
where paid_at > as_of() - interval 10 days
group by id
""",
    "models/asked.sql": "{{ config(kind='labels', entity='customer', as_of='asked_at') }}\n" + ASKED,
    "models/training.sql": """{{ config(kind='training_set') }}
select a.id, a.asked_at, p.x_3d, p.n, p.most from {{ ref('asked') }} as a left join {{ ref('paying') }} as p using (id)
""",
}


@pytest.fixture(autouse=True)
def however_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays are used however few rows there are."""
    monkeypatch.setattr("featsql.engines.duckdb.columnar.chosen.LEAST", 0)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    duckdb.execute(f"copy ({PAYMENTS}) to '{tmp_path / 'payments.parquet'}'").fetchall()
    return tmp_path


def verified(folder: Path) -> Verdict:
    (found,) = featsql.load(folder).verify(sample=8)
    return found


def test_rows_are_asked_by_arrays(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precomputed: list[str] = []
    lay = Computation.precomputed

    def counted(self: Computation) -> Plan:
        precomputed.append(self.plan.name)
        return lay(self)

    monkeypatch.setattr(Computation, "precomputed", counted)
    assert verified(shop).ok
    assert (
        len(precomputed) == 7
    )  # once for the rows themselves, twice for all worlds at once, and twice for each of two


def late_rows_are_seen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ranges, "late", lambda self: None)


def the_greatest_is_the_least(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ranges, "extremes", lambda which, *given: extremes("min", *given))


@pytest.mark.parametrize("mutant", [late_rows_are_seen, the_greatest_is_the_least])
def test_wrong_arrays_are_caught(mutant: object, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(mutant)
    mutant(monkeypatch)
    assert not verified(shop).ok


def test_what_is_left_of_the_future_is_found_by_arrays(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 1 alone: without the reference a late row that is seen is found by leaving it out."""
    late_rows_are_seen(monkeypatch)
    monkeypatch.setattr(examine.Examination, "all_of_the_past", lambda *given: None)
    found = verified(shop)
    caught = [each.counterexample for each in found.features if each.counterexample]
    assert {each.law for each in caught} == {"nothing from the future"}
