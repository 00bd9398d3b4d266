"""Selectors: dbt's grammar over a small graph, and what is said of one that names nothing."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest
from sqlglot import exp

from featsql.errors import FeatsqlError
from featsql.read.model import Model, Rendered
from featsql.read.project import Config, File, ModelKind, Project, Source, Target
from featsql.resolve.graph import Graph
from featsql.resolve.selectors.select import select, select_keys

# (name, path, kind, materialized, tags, parents)
MODELS: tuple[tuple[str, str, ModelKind, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("stg_orders", "models/staging/stg_orders.sql", "plain", "view", ("daily",), ("source:shop.orders",)),
    ("stg_people", "models/staging/raw/stg_people.sql", "plain", "table", (), ("source:shop.people", "seed:towns")),
    ("spend", "models/features/spend.sql", "features", "view", ("daily", "money"), ("model:stg_orders",)),
    ("origin", "models/features/origin.sql", "features", "view", (), ("model:stg_people",)),
    ("churn", "models/labels/churn.sql", "labels", "view", ("money",), ("model:stg_orders",)),
    ("churn_set", "models/churn_set.sql", "training_set", "view", (), ("model:churn", "model:spend", "model:origin")),
)
ORDER = tuple(model[0] for model in MODELS)


def model(name: str, path: str, kind: ModelKind, materialized: str, tags: tuple[str, ...]) -> Model:
    config = Config(kind=kind, materialized=materialized, tags=tags, enabled=True)  # type: ignore[arg-type]  # from the table above
    return Model(Rendered(name, File(path, "select 1"), config, "select 1", (), ()), exp.select("1"))


@pytest.fixture(scope="module")
def graph() -> Graph:
    sources = {f"source:shop.{t}": Source("shop", t, f"data/{t}.parquet", tags=("raw",)) for t in ("orders", "people")}
    sources["seed:towns"] = Source("seeds", "towns", "seeds/towns.csv", format="csv")
    project = Project(
        root=Path(), name="shop_project", version="1", target=Target("dev", ":memory:", "x"), target_path="target",
        variables={}, boundary="inclusive", default_delay=None, entities={}, sources={}, seeds=(), models=(), macros=(),
        properties={},
    )  # fmt: skip
    models = {entry[0]: model(*entry[:5]) for entry in MODELS}
    parents = {f"model:{entry[0]}": entry[-1] for entry in MODELS} | dict.fromkeys(sources, ())
    return Graph(project, MappingProxyType(models), sources, parents)


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("spend", "spend"),
        ("+spend", "stg_orders spend"),
        ("spend+", "spend churn_set"),
        ("+spend+", "stg_orders spend churn_set"),
        ("1+churn_set", "spend origin churn churn_set"),
        ("2+churn_set", "stg_orders stg_people spend origin churn churn_set"),
        ("0+churn_set", "churn_set"),
        ("stg_orders+1", "stg_orders spend churn"),
        ("1+spend+1", "stg_orders spend churn_set"),
        ("@stg_people", "towns stg_orders stg_people spend origin churn churn_set"),
        ("@churn", "towns stg_orders stg_people spend origin churn churn_set"),
        ("@spend", "towns stg_orders stg_people spend origin churn churn_set"),
        ("tag:daily", "stg_orders spend"),
        ("tag:da*", "stg_orders spend"),
        ("tag:money+", "spend churn churn_set"),
        ("path:models/staging", "stg_orders stg_people"),
        ("path:models/staging/", "stg_orders stg_people"),
        ("models/staging", "stg_orders stg_people"),
        ("./models/staging/stg_orders.sql", "stg_orders"),
        ("models/staging/*.sql", "stg_orders"),
        ("models/**/*.sql", " ".join(ORDER)),
        ("models/*/raw", "stg_people"),
        ("seeds/towns.csv", "towns"),
        ("path:seeds+1", "towns stg_people"),
        ("stg_people.sql", "stg_people"),
        ("file:stg_people", "stg_people"),
        ("kind:features", "spend origin"),
        ("kind:plain", "stg_orders stg_people"),
        ("kind:seed", "towns"),
        ("kind:model", " ".join(ORDER)),
        ("resource_type:seed", "towns"),
        ("source:shop.orders+", "stg_orders spend churn churn_set"),
        ("source:shop.orders+1", "stg_orders"),
        ("source:shop.people", ""),
        ("source:shop+1", "stg_orders stg_people"),
        ("source:*.p*+1", "stg_people"),
        ("shop.orders+1", "stg_orders"),
        ("config.materialized:table", "stg_people"),
        ("config.tags:money", "spend churn"),
        ("config.enabled:true", " ".join(ORDER)),
        ("stg_*", "stg_orders stg_people"),
        ("+stg_*", "towns stg_orders stg_people"),
        ("*", "towns " + " ".join(ORDER)),
        ("staging", "stg_orders stg_people"),
        ("staging.stg_orders", "stg_orders"),
        ("staging.*", "stg_orders stg_people"),
        ("shop_project.models.staging.raw", "stg_people"),
        ("churn spend", "spend churn"),
        ("tag:daily,kind:features", "spend"),
        ("tag:money,+churn_set,kind:labels spend", "spend churn"),
        ("ch?rn", "churn"),
    ],
)
def test_include(graph: Graph, include: str, expected: str) -> None:
    assert select(graph, [include], []) == tuple(expected.split())


def test_nothing_asked_is_everything_in_build_order(graph: Graph) -> None:
    assert select(graph, [], []) == ("towns", *ORDER)


def test_several_options_are_a_union(graph: Graph) -> None:
    assert select(graph, ["churn", "spend origin"], []) == ("spend", "origin", "churn")


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ([], ["kind:features"], "towns stg_orders stg_people churn churn_set"),
        ([], ["kind:features", "stg_*"], "towns churn churn_set"),
        (["+churn_set"], ["+spend"], "towns stg_people origin churn churn_set"),
        (["spend"], ["tag:daily"], ""),
        ([], ["tag:daily,kind:features towns"], "stg_orders stg_people origin churn churn_set"),
    ],
)
def test_exclude(graph: Graph, include: list[str], exclude: list[str], expected: str) -> None:
    assert select(graph, include, exclude) == tuple(expected.split())


def test_sources_are_among_the_keys(graph: Graph) -> None:
    assert select_keys(graph, ["source:shop.orders"], []) == {"source:shop.orders"}
    assert select_keys(graph, ["tag:raw"], ["shop.people"]) == {"source:shop.orders"}


@pytest.mark.parametrize(
    ("include", "code", "message", "hint"),
    [
        ("spnd", "FS410", "the selector `spnd` names nothing in this project", "did you mean `spend`?"),
        ("+stg_order+", "FS410", "the selector `+stg_order+` names nothing", "did you mean `stg_orders`?"),
        ("tag:dialy", "FS410", "the selector `tag:dialy` names nothing", "did you mean `daily`?"),
        ("kind:feature", "FS410", "the selector `kind:feature` names nothing", "did you mean `features`?"),
        ("models/stagin", "FS410", "names nothing", "did you mean `models/staging`?"),
        ("source:shop.order", "FS410", "names nothing", "did you mean `shop.orders`?"),
        ("config.materialized:tabel", "FS410", "names nothing", "did you mean `table`?"),
        ("source:spend", "FS410", "names nothing", None),
        ("qqq", "FS410", "names nothing", "`featsql ls` lists what there is"),
        ("tag:daily,kind:labels", "FS410", "nothing is named by every part of `tag:daily,kind:labels`", "a comma"),
        ("tags:daily", "FS411", "there is no selector method `tags:`", "did you mean `tag`?"),
        ("config.materialised:table", "FS411", "there is no selector method `config.materialised:`", None),
        ("state:modified", "FS411", "there is no selector method `state:`", None),
        ("a,,b", "FS412", "`` is not a selector", None),
        ("+", "FS412", "`+` is not a selector", None),
        ("@spend+", "FS412", "`@spend+` has both @ and +", None),
        ("spend++", "FS412", "`spend++` is not a selector", None),
        ("tag:", "FS412", "`tag:` is not a selector", None),
        ("  ", "FS412", "a selector is empty", None),
    ],
)
def test_refused(graph: Graph, include: str, code: str, message: str, hint: str | None) -> None:
    with pytest.raises(FeatsqlError) as caught:
        select(graph, [include], [])
    diagnostic = next(d for d in caught.value.diagnostics if d.code == code and message in d.message)
    assert diagnostic.hint is not None
    assert hint is None or hint in diagnostic.hint
    with pytest.raises(FeatsqlError, match=code):
        select(graph, [], [include])


def test_all_that_is_wrong_is_said_together(graph: Graph) -> None:
    with pytest.raises(FeatsqlError) as caught:
        select(graph, ["spnd tags:x"], ["@a+"])
    assert [d.code for d in caught.value.diagnostics] == ["FS410", "FS411", "FS412"]
