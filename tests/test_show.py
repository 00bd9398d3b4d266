"""A few rows of a training set are rows of it, and cost what they cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

import featsql
from featsql.cli.commands.init import init
from featsql.errors import FeatsqlError
from featsql.plan.plan import Plan
from featsql.result import Result
from featsql.show import cut

TRAINING = """{{{{ config(kind='training_set') }}}}
select l.*, spend.spend_30d{more}
from {{{{ ref('churn') }}}} as l
left join {{{{ ref('customer_spend') }}}} as spend using (customer_id)
{order}
"""
SEVERAL = """{{ config(kind='features', entity='customer') }}
select customer_id, amount from {{ source('shop', 'payments') }}
"""
NAMES = ("plain", "numbered", "ordered", "dearest", "renamed", "constant")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> featsql.Project:
    folder = tmp_path_factory.mktemp("show") / "shop"
    init(folder)
    for name, more, order in (
        ("plain", "", ""),
        ("numbered", ", count(*) over () as labels", ""),
        ("ordered", "", "order by l.asked_at desc, l.customer_id desc"),
        ("dearest", "", "order by spend.spend_30d desc nulls last, l.asked_at, l.customer_id"),
        ("renamed", ", l.customer_id % 7 as week", "order by week, l.asked_at, l.customer_id"),
        ("constant", "", "order by 1"),
    ):
        (folder / "models" / f"{name}.sql").write_text(TRAINING.format(more=more, order=order))
    (folder / "models" / "several.sql").write_text(SEVERAL)
    return featsql.load(folder)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("limit", [0, 5])
def test_few_rows_are_rows_of_the_whole(name: str, limit: int, project: featsql.Project) -> None:
    whole, few = project.show(name).rows(), project.show(name, limit=limit).rows()
    assert len(few) == limit < len(whole)
    assert set(few) <= set(whole)
    if name in {"ordered", "dearest", "renamed"}:
        assert few == whole[:limit]


def test_few_rows_ask_for_few_rows_of_the_labels(project: featsql.Project) -> None:
    plans = [plan for name in NAMES if isinstance(plan := project.compile().plans[name], Plan)]
    assert [plan.name for plan in plans if cut(plan, 5) is not plan] == ["plain", "ordered"]


@pytest.mark.parametrize(
    "ask",
    [Result.rows, lambda shown: shown.rows(3), Result.to_arrow, Result.to_polars],
    ids=["rows", "few rows", "arrow", "polars"],
)
def test_several_rows_of_one_entity_are_refused_however_they_are_asked_for(
    ask: Callable[[Result], Any], project: featsql.Project
) -> None:
    for given in ({}, {"as_of": "2099-01-01"}, {"as_of": "2099-01-01", "entities": [{"customer_id": 1}]}):
        with pytest.raises(FeatsqlError, match="more than one row for an entity: customer_id = ") as raised:
            ask(project.show("several", **given))
        (found,) = raised.value.diagnostics
        assert (found.code, found.place and found.place.path) == ("FS801", "models/several.sql")
    assert ask(project.show("customer_spend", as_of="2099-01-01")) is not None


def test_a_relation_of_several_rows_of_one_entity_is_refused(project: featsql.Project) -> None:
    with pytest.raises(FeatsqlError, match="FS801"):
        _ = project.show("several").relation


def test_an_instant_may_be_one_of_pythons_own(project: featsql.Project) -> None:
    found = [
        project.show("customer_spend", as_of=at).rows() for at in ("2024-02-01", datetime(2024, 2, 1), date(2024, 2, 1))
    ]
    assert found[0] == found[1] == found[2]
    with pytest.raises(FeatsqlError, match="FS725"):
        project.show("customer_spend", as_of=datetime(2024, 2, 1, tzinfo=timezone(timedelta(hours=2))))
    told = [
        project.why("customer_spend.spend_30d", keys={"customer_id": 1}, as_of=at)
        for at in ("2024-02-01", date(2024, 2, 1))
    ]
    assert told[0] == told[1]


def test_what_the_engine_refuses_is_said_however_it_is_asked_for(project: featsql.Project) -> None:
    wrong = project.show("select nope from {{ ref('customer_spend') }}")
    for ask in (lambda: wrong.columns, lambda: wrong.relation, wrong.rows):
        with pytest.raises(FeatsqlError, match="FS807"):
            ask()
