"""How strictly rules are taken: what is let pass, by whom, and what the manifest keeps of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from program import run

PROJECT = """
name: strict
outputs: {{dev: {{path: target/db.duckdb}}}}
rules: {rules}
models: {{strict: {{folder: {folder}}}}}
"""
SOURCES = """
entities: [{name: customer, keys: [customer_id]}]
sources:
  - name: shop
    tables:
      - name: payments
        location: data/payments.csv
        config: {time: {kind: events, event_time: paid_at, delay: 1 hour}}
"""
MODEL = """{{{{ config(kind='features', entity='customer', tags=['daily']{config}) }}}}
select customer_id, any_value(amount) as some_amount from {{{{ source('shop', 'payments') }}}} group by 1
"""
OFF = {"unordered-choice": {"severity": "off", "reason": "all are equal"}}


def write(root: Path, rules: Any = None, folder: Any = None, config: str = "") -> None:
    files = {
        "featsql_project.yml": PROJECT.format(rules=json.dumps(rules or {}), folder=json.dumps(folder or {})),
        "models/sources.yml": SOURCES,
        "models/folder/some.sql": MODEL.format(config=config),
        "data/payments.csv": "customer_id,amount,paid_at\n1,10,2024-01-01 00:00:00\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def severities(root: Path) -> list[str]:
    """How severe each finding is in the end."""
    return [each["severity"] for each in run("compile", "--json", cwd=root).data["diagnostics"]]


@pytest.mark.parametrize(
    ("selectors", "applies"),
    [
        ({}, True),
        ({"models": "some"}, True),
        ({"models": ["tag:daily"]}, True),
        ({"models": ["tag:daily,some"]}, True),
        ({"paths": "models/folder"}, True),
        ({"paths": ["models/*/so*.sql"]}, True),
        ({"paths": ["models/fold"]}, False),
        ({"models": "some", "paths": "models/other"}, False),
    ],
)
def test_a_setting_is_for_the_models_that_it_names(selectors: dict[str, Any], applies: bool, tmp_path: Path) -> None:
    write(tmp_path, {"FS611": {"severity": "notice", "reason": "all are equal", **selectors}})
    assert severities(tmp_path) == (["notice"] if applies else ["warning"])


def test_a_selector_that_names_nothing_is_told_of(tmp_path: Path) -> None:
    write(tmp_path, {"FS611": {"severity": "off", "reason": "all are equal", "models": "sone"}})
    said = run("compile", cwd=tmp_path)
    assert said.code == 1
    assert "featsql_project.yml:4" in said.err
    assert "sone" in said.err


def test_a_rule_can_be_made_to_stop_the_build(tmp_path: Path) -> None:
    write(tmp_path, {"unordered-choice": {"severity": "error"}})
    assert run("compile", cwd=tmp_path).code == 1
    assert run("build", cwd=tmp_path).code == 1


def test_the_nearest_setting_counts(tmp_path: Path) -> None:
    strict = {"unordered-choice": {"severity": "error"}}
    write(tmp_path, strict, {"+rules": OFF})
    assert severities(tmp_path) == []
    write(tmp_path, OFF, {"+rules": strict})
    assert run("compile", cwd=tmp_path).code == 1
    write(tmp_path, strict, {"+rules": strict}, ", rules={'FS611': {'severity': 'notice', 'reason': 'of one day'}}")
    assert severities(tmp_path) == ["notice"]


def test_the_manifest_keeps_the_reason_with_what_was_let_pass(tmp_path: Path) -> None:
    write(tmp_path, OFF)
    assert run("build", cwd=tmp_path).code == 0
    (passed,) = json.loads((tmp_path / "target/manifest.json").read_text())["rules"]
    assert passed["rule"] == "unordered-choice"
    assert (passed["model"], passed["found"], passed["severity"]) == ("some", "warning", "off")
    assert passed["reason"] == "all are equal"
    assert passed["place"].startswith("models/folder/some.sql:2:")


def test_what_is_raised_is_not_let_pass(tmp_path: Path) -> None:
    write(tmp_path, {"look-ahead": {"severity": "warning", "reason": "there is none"}})
    assert run("build", cwd=tmp_path).code == 0
    assert json.loads((tmp_path / "target/manifest.json").read_text())["rules"] == []


def test_a_property_file_sets_a_rule_of_its_model(tmp_path: Path) -> None:
    write(tmp_path)
    words = {"version": 2, "models": [{"name": "some", "config": {"rules": OFF}}]}
    (tmp_path / "models/words.yml").write_text(json.dumps(words))
    assert severities(tmp_path) == []
