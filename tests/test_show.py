"""A few rows of a training set are rows of it, and cost what they cost."""

from __future__ import annotations

import pytest

import featsql
from featsql.cli.commands.init import init
from featsql.plan.plan import Plan
from featsql.show import cut

TRAINING = """{{{{ config(kind='training_set') }}}}
select l.*, spend.spend_30d{more}
from {{{{ ref('churn') }}}} as l
left join {{{{ ref('customer_spend') }}}} as spend using (customer_id)
{order}
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
