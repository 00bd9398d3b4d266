"""Loading: what a folder becomes, and everything that can be wrong with its configuration, by place."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from featsql.errors import Diagnostic, FeatsqlError
from featsql.read.load import load
from featsql.read.project import Project, lines_of

PROJECT = "name: shop\n"
PAYMENTS = """
    sources:
      - name: shop
        location: "data/{name}.parquet"
        tables:
          - name: payments
            config: {time: {kind: events, event_time: paid_at, available_at: loaded_at}}
    entities:
      - {name: customer, keys: customer_id}
"""


def project(folder: Path, files: Mapping[str, str], **options: Any) -> Project:
    """The project of these files."""
    for name, text in {"featsql_project.yml": PROJECT, "models/m.sql": "select 1 as x\n", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return load(folder, environment={}, **options)


def wrong(folder: Path, files: Mapping[str, str], **options: Any) -> list[tuple[str, str, str]]:
    """The code, the place and the text that the place points at of everything that is wrong."""
    with pytest.raises(FeatsqlError) as caught:
        project(folder, files, **options)
    return [told(each) for each in caught.value.diagnostics]


def told(diagnostic: Diagnostic) -> tuple[str, str, str]:
    place = diagnostic.place
    assert place is not None
    text = place.text[place.column - 1 :] if place.text and place.column else ""
    return diagnostic.code, f"{place.path}:{place.line}", text


def test_a_folder_with_nothing_but_a_name(tmp_path: Path) -> None:
    found = project(tmp_path, {})
    assert found.name == "shop"
    assert [file.name for file in found.models] == ["m"]
    assert found.target.name == "dev"
    assert found.target.path == str(tmp_path / "target/shop.duckdb")


def test_sources_and_entities(tmp_path: Path) -> None:
    found = project(tmp_path, {"models/shop.yml": PAYMENTS})
    source = found.sources["shop.payments"]
    assert source.location == "data/payments.parquet"
    assert source.clock is not None
    assert (source.clock.event_time, source.clock.available_at) == ("paid_at", "loaded_at")
    assert found.entities["customer"].keys == ("customer_id",)


def test_configuration_is_inherited_by_folder(tmp_path: Path) -> None:
    files = {
        "featsql_project.yml": """
            name: shop
            models:
              +tags: [all]
              shop:
                staging: {+materialized: view, +tags: [staging]}
        """,
        "models/staging/stg.sql": "select 1 as x",
    }
    found = project(tmp_path, files)
    values = found.properties["stg"]
    assert values.values["materialized"] == "view"
    assert sorted(values.values["tags"]) == ["all", "staging"]
    assert sorted(found.properties["m"].values["tags"]) == ["all"]


def test_variables_given_win(tmp_path: Path) -> None:
    files = {"featsql_project.yml": "name: shop\nvars: {days: 7, region: north}\n"}
    assert project(tmp_path, files, variables={"days": 30}).variables == {"days": 30, "region": "north"}


def test_the_target_asked_for_wins(tmp_path: Path) -> None:
    files = {
        "featsql_project.yml": """
            name: shop
            target: dev
            outputs: {dev: {path: a.duckdb}, prod: {path: b.duckdb, threads: 2}}
        """
    }
    assert project(tmp_path, files).target.name == "dev"
    assert project(tmp_path, files, target="prod").target.threads == 2


CLOCK = "sources: [{name: s, location: x, tables: [{name: t, config: {time: {"
CLOSED = "}}}]}]\n"

WRONG = {
    "not YAML": ({"featsql_project.yml": "name: shop\nvars: [1, 2\n"}, ("FS101", "featsql_project.yml:3", "")),
    "an alias in itself": (
        {"featsql_project.yml": "name: shop\nvars: &all {days: *all}\n"},
        ("FS101", "featsql_project.yml:2", "&all {days: *all}"),
    ),
    "aliases of aliases": (
        {"models/a.yml": "a: &a [1, 1]\n" + "".join(f"b{i}: &a [*a, *a]\n" for i in range(60))},
        ("FS101", "models/a.yml:2", "&a [*a, *a]"),
    ),
    "too deep": ({"models/a.yml": "a:\n  " + "[" * 5000 + "]" * 5000}, ("FS101", "models/a.yml:1", "a:")),
    "a day that is none": (
        {"featsql_project.yml": "name: shop\nvars: {since: 2024-02-30}\n"},
        ("FS101", "featsql_project.yml:2", "2024-02-30}"),
    ),
    "a number that is none": (
        {"featsql_project.yml": "name: shop\nvars: {days: !!int many}\n"},
        ("FS101", "featsql_project.yml:2", "!!int many}"),
    ),
    "an unknown key": (
        {"featsql_project.yml": "name: shop\nmodel-path: [x]\n"},
        ("FS102", "featsql_project.yml:2", "model-path: [x]"),
    ),
    "a wrong type": (
        {"featsql_project.yml": "name: shop\noutputs:\n  dev: {path: x.duckdb, threads: many}\n"},
        ("FS103", "featsql_project.yml:3", "many}"),
    ),
    "a folder of models that is not there": (
        {"featsql_project.yml": "name: shop\nmodel-paths: [models, more]\n", "models/a.sql": "select 1"},
        ("FS103", "featsql_project.yml:2", "more]"),
    ),
    "a folder that is not the project's": (
        {"featsql_project.yml": "name: shop\nmacro-paths: [/macros]\n"},
        ("FS103", "featsql_project.yml:2", "/macros]"),
    ),
    "a folder that is not there": (
        {
            "featsql_project.yml": "name: shop\nmodels:\n  shop: {staging: {dayly: {+tags: [x]}}}\n",
            "models/staging/daily/a.sql": "select 1",
        },
        ("FS116", "featsql_project.yml:3", "dayly: {+tags: [x]}}}"),
    ),
    "a project that is another": (
        {
            "featsql_project.yml": "name: shop\nmodels:\n  shop: {a: {+tags: [x]}}\n  stop: {+tags: [y]}\n",
            "models/a.sql": "select 1",
        },
        ("FS116", "featsql_project.yml:4", "stop: {+tags: [y]}"),
    ),
    "a rule that is no mapping": (
        {"featsql_project.yml": "name: shop\nrules: {look-ahead: off}\n"},
        ("FS103", "featsql_project.yml:2", "off}"),
    ),
    "an empty file": ({"featsql_project.yml": ""}, ("FS103", "featsql_project.yml:1", "")),
    "not a mapping": ({"models/a.yml": "- x\n"}, ("FS103", "models/a.yml:1", "- x")),
    "a missing key": (
        {"models/a.yml": "entities:\n  - name: customer\n"},
        ("FS104", "models/a.yml:2", "name: customer"),
    ),
    "a key given twice": (
        {"featsql_project.yml": "name: shop\nname: store\n"},
        ("FS105", "featsql_project.yml:2", "name: store"),
    ),
    "an unknown target": (
        {"featsql_project.yml": "name: shop\ntarget: pord\noutputs: {prod: {path: x}}\n"},
        ("FS107", "featsql_project.yml:2", "pord"),
    ),
    "an entity described twice": (
        {"models/a.yml": "entities: [{name: c, keys: [i]}]\n", "models/b.yml": "entities: [{name: c, keys: [j]}]\n"},
        ("FS108", "models/b.yml:1", "c, keys: [j]}]"),
    ),
    "a source without a location": (
        {"models/a.yml": "sources:\n  - name: shop\n    tables: [{name: payments}]\n"},
        ("FS109", "models/a.yml:3", "payments}]"),
    ),
    "a clock without a kind": (
        {"models/a.yml": CLOCK + "event_time: a" + CLOSED},
        ("FS110", "models/a.yml:1", "time: {event_time: a" + CLOSED.rstrip()),
    ),
    "a column that the kind does not know": (
        {"models/a.yml": CLOCK + "kind: static, why: w, event_time: a" + CLOSED},
        ("FS111", "models/a.yml:1", "event_time: a" + CLOSED.rstrip()),
    ),
    "a state without a key": (
        {"models/a.yml": CLOCK + "kind: state, event_time: a, delay: 1 hour" + CLOSED},
        ("FS112", "models/a.yml:1", "kind: state, event_time: a, delay: 1 hour" + CLOSED.rstrip()),
    ),
    "no availability": (
        {"models/a.yml": CLOCK + "kind: events, event_time: a" + CLOSED},
        ("FS113", "models/a.yml:1", "kind: events, event_time: a" + CLOSED.rstrip()),
    ),
    "two availabilities": (
        {"models/a.yml": CLOCK + "kind: events, event_time: a, available_at: b, delay: 1 hour" + CLOSED},
        ("FS114", "models/a.yml:1", "delay: 1 hour" + CLOSED.rstrip()),
    ),
    "a delay that is no span": (
        {"featsql_project.yml": "name: shop\ntime: {delay: soon}\n"},
        ("FS115", "featsql_project.yml:2", "soon}"),
    ),
    "a negative delay": (
        {"featsql_project.yml": "name: shop\ntime: {delay: -1 hour}\n"},
        ("FS115", "featsql_project.yml:2", "-1 hour}"),
    ),
    "a model that is not there": ({"models/a.yml": "models: [{name: n}]\n"}, ("FS116", "models/a.yml:1", "n}]")),
}


@pytest.mark.parametrize(("files", "expected"), WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_has_its_place(files: dict[str, str], expected: tuple[str, str, str], tmp_path: Path) -> None:
    assert wrong(tmp_path, files) == [expected]


def test_a_link_to_nothing_is_no_model_less(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("a.sql", "b.yml", ".#hidden.sql"):
        (tmp_path / "models" / name).symlink_to("nowhere")
    found = wrong(tmp_path, {"models/c.sql": "select 1"})
    assert [(code, place) for code, place, _ in found] == [("FS106", "models/a.sql:1"), ("FS106", "models/b.yml:1")]


def test_files_are_found_in_a_fixed_order_and_what_is_hidden_is_not(tmp_path: Path) -> None:
    names = ["b.sql", "a/z.sql", "a-b/c.sql", "a/deep/x.SQL", ".git/h.sql", "a/.tmp.sql", "notes.txt"]
    found = project(tmp_path, {f"models/{name}": "select 1 as x" for name in names})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "models/linked").symlink_to(tmp_path / "elsewhere")
    read = ["a/deep/x.SQL", "a/z.sql", "a-b/c.sql", "b.sql", "m.sql"]
    assert [file.path for file in found.models] == [f"models/{name}" for name in read]
    assert [file.path for file in project(tmp_path, {}).models] == [f"models/{name}" for name in read]


def test_lines_end_in_a_newline_however_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/w.sql").write_bytes(b"\xef\xbb\xbfselect 1 as a,\r\n  2 as b\r")
    assert [file.text for file in project(tmp_path, {}).models] == ["select 1 as x\n", "select 1 as a,\n  2 as b\n"]


def test_a_long_file_of_properties_takes_as_much_longer_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def counted(text: str) -> tuple[str, ...]:
        nonlocal looks
        looks += len(text)
        return lines(text)

    lines = lines_of.__wrapped__
    monkeypatch.setattr("featsql.read.project.lines_of", lru_cache(counted))

    def looked_at(models: int) -> int:
        nonlocal looks
        looks = 0
        one = "config: {tags: [t], meta: {b: 2}}, columns: [{name: x, description: what it is, meta: {a: 1}}]"
        said = "\n".join(["models:", *(f"  - {{name: m{i}, {one}}}" for i in range(models))])
        files = {f"models/m{i}.sql": "select 1 as x" for i in range(models)}
        assert len(project(tmp_path / str(models), {**files, "models/all.yml": said}).models) == models + 1
        return looks

    assert looked_at(200) < 3 * looked_at(100)


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    files = {
        "models/a.yml": "entities:\n  - name: customer\n",
        "models/b.yml": "models: [{name: none_such, nonsense: 1}]\n",
    }
    assert {code for code, _, _ in wrong(tmp_path, files)} >= {"FS102", "FS104"}


def test_a_near_name_is_offered(tmp_path: Path) -> None:
    with pytest.raises(FeatsqlError, match="did you mean `model-paths`"):
        project(tmp_path, {"featsql_project.yml": "name: shop\nmodel-path: [x]\n"})


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(FeatsqlError, match="FS100"):
        load(tmp_path)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/bad.sql").write_bytes("select 'é' as x".encode("latin-1"))
    assert [code for code, _, _ in wrong(tmp_path, {})] == ["FS106"]


def test_what_the_environment_gave_is_a_secret(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "featsql_project.yml").write_text("name: shop\noutputs: {dev: {path: \"{{ env_var('DB') }}\"}}\n")
    found = load(tmp_path, environment={"DB": "hidden.duckdb"})
    assert found.target.path == str(tmp_path / "hidden.duckdb")
    assert "hidden.duckdb" in found.secrets
