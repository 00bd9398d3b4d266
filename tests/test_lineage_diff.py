"""What a change touches: edits of a small project, against a git revision, a saved document and a manifest."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from program import run

from featsql.api import load
from featsql.errors import FeatsqlError
from featsql.export.diff.compare import as_text, compare
from featsql.export.diff.impact import Impact
from featsql.export.excerpt import excerpt
from featsql.export.formats import save

SPEND = """{{ config(kind='features', entity='customer') }}
select
    customer_id,
    sum(amount) filter (where paid_at > as_of() - interval 30 days) as spend,
    count(*) as payments
from {{ ref('paid') }}
where amount > 0
group by customer_id
"""
FILES = {
    "featsql_project.yml": "name: shop\noutputs: {dev: {path: target/x.duckdb}}\nvars: {least: 5}\n",
    "models/paid.sql": "select * from {{ source('shop', 'payments') }}",
    "models/spend.sql": SPEND,
    "models/visits.sql": "{{ config(kind='features', entity='customer') }}\n"
    "select customer_id, max(amount) as most from {{ ref('paid') }} where amount > {{ var('least') }}\n"
    "and paid_at > as_of() - interval 30 days group by all",
    "models/daily.sql": "{{ config(materialized='incremental', unique_key='customer_id') }}\n"
    "select customer_id, amount from {{ ref('paid') }} {% if is_incremental() %}where paid_at > now(){% endif %}",
    "models/named.sql": "{{ config(materialized='table') }}\nselect * from {{ ref('countries') }}",
    "models/asked.sql": "{{ config(kind='labels', entity='customer', as_of='asked_at') }}\n"
    "select 7 as customer_id, timestamp '2024-01-01' as asked_at, 1 as weight",
    "models/training.sql": "{{ config(kind='training_set') }}\n"
    "select l.*, s.spend, s.payments, v.most, s.spend / l.weight as share from {{ ref('asked') }} as l "
    "left join {{ ref('spend') }} as s using (customer_id) left join {{ ref('visits') }} as v using (customer_id)",
    "models/shop.yml": "entities: [{name: customer, keys: [customer_id]}]\nsources:\n- name: shop\n  tables:\n"
    "  - name: payments\n    location: data/payments.csv\n"
    "    config: {time: {kind: events, event_time: paid_at, delay: 1 hour}}\n",
    "data/payments.csv": "customer_id,amount,paid_at\n7,1.5,2023-12-31 00:00:00\n",
    "seeds/countries.csv": "name,code\nNepal,NP\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document of the project before any change."""
    folder = write(tmp_path_factory.mktemp("before"), FILES)
    (path,) = save(excerpt(load(folder).compile()), "json", folder / "lineage.json")
    return path


@pytest.fixture
def changed(before: Path, tmp_path: Path) -> Callable[..., Impact]:
    """What a change of some files does."""

    def apply(**files: str) -> Impact:
        paths = {path.rpartition("/")[2].rpartition(".")[0]: path for path in FILES}
        new = {paths.get(name, f"models/{name}.sql"): text for name, text in files.items()}
        write(tmp_path, FILES | new)
        return compare(load(tmp_path).compile(), str(before), None, {})

    return apply


def told(found: Impact) -> dict[str, Any]:
    return {
        "changed": {each.key.partition(":")[2]: dict(each.columns) for each in found.changes},
        "touched": {each.key.partition(":")[2]: set(each.columns) for each in found.touched},
        "rebuild": [each.name for each in found.rebuild],
    }


def test_comments_and_layout_are_no_change(changed: Callable[..., Impact]) -> None:
    found = changed(spend=SPEND.replace("\n    ", " ").replace("select", "select -- really\n", 1))
    assert told(found) == {"changed": {}, "touched": {}, "rebuild": []}
    assert as_text(found).startswith("Nothing has changed")


def test_one_feature(changed: Callable[..., Impact]) -> None:
    assert told(changed(spend=SPEND.replace("30 days", "60 days"))) == {
        "changed": {"spend": {"spend": "changed"}},
        "touched": {"spend": {"spend"}, "training": {"spend", "share"}},
        "rebuild": ["training"],
    }


def test_which_rows_a_feature_sees(changed: Callable[..., Impact]) -> None:
    found = changed(spend=SPEND.replace("amount > 0", "amount > 1"))
    (change,) = found.changes
    assert change.rows
    assert told(found)["touched"] == {
        "spend": {"customer_id", "spend", "payments"},
        "training": {"spend", "payments", "share"},
    }, "the labels' own columns, and other features, stay as they are"


def test_a_variable_is_code(changed: Callable[..., Impact]) -> None:
    found = changed(featsql_project=FILES["featsql_project.yml"].replace("least: 5", "least: 6"))
    assert told(found)["touched"] == {"visits": {"customer_id", "most"}, "training": {"most"}}


def test_how_far_back(changed: Callable[..., Impact]) -> None:
    visits = FILES["models/visits.sql"]
    found = changed(visits=visits.replace("30 days", "60 days"))
    (reach,) = found.reaches
    assert (reach.relation, reach.before, reach.now) == ("model:paid", "(-30d, -1h]", "(-60d, -1h]")
    assert "reads paid in (-60d, -1h] (was (-30d, -1h]) for customer_id, most" in as_text(found)


def test_the_instants_of_labels_touch_what_is_asked_at_them(changed: Callable[..., Impact]) -> None:
    found = changed(asked=FILES["models/asked.sql"].replace("2024-01-01", "2024-01-02"))
    assert told(found)["touched"] == {
        "asked": {"asked_at"},
        "training": {"asked_at", "spend", "payments", "most", "share"},
    }
    assert told(found)["rebuild"] == ["asked", "training"]


def test_a_clock_touches_everything_below(changed: Callable[..., Impact]) -> None:
    found = changed(shop=FILES["models/shop.yml"].replace("1 hour", "2 hours"))
    assert [(each.key, each.what) for each in found.changes] == [("source:shop.payments", "changed")]
    assert set(told(found)["touched"]) == {"shop.payments", "paid", "spend", "visits", "daily", "training"}
    assert told(found)["touched"]["training"] == {"spend", "payments", "most", "share"}
    assert {each.name: each.refresh for each in found.rebuild} == {"daily": True, "training": False}
    assert "featsql build --full-refresh --select daily training" in as_text(found)


def test_columns_that_come_and_go(changed: Callable[..., Impact]) -> None:
    found = changed(spend=SPEND.replace("count(*) as payments", "min(amount) as least"), training="""
        {{ config(kind='training_set') }} select l.*, s.spend, s.least from {{ ref('asked') }} as l
        left join {{ ref('spend') }} as s using (customer_id)""")  # fmt: skip
    assert told(found)["changed"]["spend"] == {"least": "added", "payments": "removed"}
    assert told(found)["changed"]["training"].items() >= {"least": "added", "share": "removed"}.items()
    assert told(found)["rebuild"] == ["training"]


def test_the_later_builds_of_an_incremental_model(changed: Callable[..., Impact]) -> None:
    found = changed(daily=FILES["models/daily.sql"].replace("> now()", ">= now()"))
    assert told(found)["changed"] == {"daily": {"customer_id": "changed", "amount": "changed"}}
    assert [(each.name, each.refresh) for each in found.rebuild] == [("daily", True)]


def test_another_target_is_no_change(changed: Callable[..., Impact]) -> None:
    moved = FILES["featsql_project.yml"].replace("target/x.duckdb", "target/y.duckdb, schema: features")
    assert changed(featsql_project=moved).changes == ()


def test_what_a_seed_holds(changed: Callable[..., Impact]) -> None:
    found = changed(countries="name,code\nNepal,NPL\n")
    assert set(told(found)["changed"]) == {"countries"}
    assert told(found)["rebuild"] == ["countries", "named"]
    wider = changed(countries="name,code,area\nNepal,NP,147\n")
    assert told(wider)["touched"]["named"] == {"name", "code", "area"}


def test_models_that_come_and_go(changed: Callable[..., Impact]) -> None:
    found = changed(
        extra="{{ config(materialized='table') }} select amount from {{ ref('paid') }}", named="select 1 as x"
    )
    assert {each.key: each.what for each in found.changes} == {"model:extra": "added", "model:named": "changed"}
    assert set(told(found)["rebuild"]) == {"named", "extra"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The project in a folder of a git repository."""
    folder = write(tmp_path / "a repository" / "shop", FILES)
    git(folder.parent, "init", "--quiet", "--initial-branch=main")
    git(folder.parent, "add", "--all")
    git(folder.parent, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "first")
    return folder


def git(folder: Path, *command: str) -> None:
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *command], cwd=folder, check=True, env=os.environ | quiet)


def test_against_a_revision(repository: Path) -> None:
    (repository / "models/spend.sql").write_text(SPEND.replace("30 days", "60 days"))
    (repository / "seeds/countries.csv").write_text("name,code\nNepal,NPL\n")
    (repository / "models/visits.sql").unlink()
    training = FILES["models/training.sql"].replace(", v.most", "").replace(
        "left join {{ ref('visits') }} as v using (customer_id)", ""
    )  # fmt: skip
    (repository / "models/training.sql").write_text(training)
    ended = run("lineage", "--diff", "main", cwd=repository)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "Changed\n"
        "  countries  seed, changed  seeds/countries.csv\n"
        "    which rows it has, or all of its columns\n"
        "    name: changed\n"
        "    code: changed\n"
        "  spend  features, changed  models/spend.sql\n"
        "    spend: changed\n"
        "    reads paid in (-60d, -1h] (was (-30d, -1h]) for spend\n"
        "  training  training set, changed  models/training.sql\n"
        "    which rows it has, or all of its columns\n"
        "    most: removed\n"
        "  visits  features, removed  models/visits.sql\n"
        "\n"
        "Touched by that\n"
        "  named  plain: all columns\n"
        "\n"
        "To be built again\n"
        "  countries: its code changed\n"
        "  named: what it reads changed\n"
        "  training: its code changed\n"
        "  $ featsql build --select countries named training\n"
    )
    chosen = run("lineage", "--diff", "HEAD", "--select", "kind:features", "--json", cwd=repository).data
    assert [each["key"] for each in chosen["changes"]] == ["model:spend"]
    assert chosen["command"] is None


def test_against_a_manifest(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    assert run("build", "--exclude", "kind:training_set", cwd=tmp_path).code == 0
    assert run("build", "--select", "daily", cwd=tmp_path).code == 0, "when the incremental model is there already"
    manifest = str(tmp_path / "target/manifest.json")
    assert compare(load(tmp_path).compile(), manifest, None, {}) == Impact((), (), (), ())
    (tmp_path / "models/spend.sql").write_text(SPEND.replace("30 days", "60 days"))
    found = compare(load(tmp_path).compile(), manifest, None, {})
    assert told(found)["touched"] == {"spend": {"spend"}, "training": {"spend", "share"}}


def test_nothing_to_compare_with(repository: Path, tmp_path: Path) -> None:
    compiled = load(repository).compile()
    for against, code in (("mian", "FS732"), ("--help", "FS732"), (str(repository / "models/spend.sql"), "FS734")):
        with pytest.raises(FeatsqlError, match=code):
            compare(compiled, against, None, {})
    for other in ('{"version": 7}', "[]", '{"version": 1, "tables": [], "edges": []}', '{"version": 2, "edges": []}'):
        (tmp_path / "other.json").write_text(other)
        with pytest.raises(FeatsqlError, match="FS734"):
            compare(compiled, str(tmp_path / "other.json"), None, {})
    assert run("lineage", "--diff", "main", "--format", "dot", cwd=repository).code == 2


def test_a_revision_that_does_not_compile(repository: Path) -> None:
    (repository / "models/spend.sql").write_text(SPEND.replace("amount)", "amout)"))
    git(repository, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--all", "--message", "second")
    (repository / "models/spend.sql").write_text(SPEND)
    with pytest.raises(FeatsqlError) as caught:
        compare(load(repository).compile(), "HEAD", None, {})
    first, second = caught.value.diagnostics
    assert first.code == "FS733"
    assert second.place is not None
    assert second.place.path == "HEAD:models/spend.sql"
