"""The catalogue: models that leak, each with the smallest change that makes it sound: all found, no twin accused."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from featsql.codes import titles
from featsql.engine import Engine
from featsql.errors import Diagnostic, FeatsqlError
from featsql.read.load import load
from featsql.read.parse import parse
from featsql.read.render import render
from featsql.resolve import check as checker
from featsql.resolve.catalog.describe import Scratch, describe
from featsql.resolve.graph import Graph
from featsql.resolve.lineage.trace import trace
from featsql.resolve.link import link
from featsql.resolve.qualify import qualify
from featsql.sources.locations import open_sources, source_columns

FOLDER = Path(__file__).parent / "catalogue"
FILES = sorted(path for path in FOLDER.glob("*.yml") if path.name != "sources.yml")
HEADERS = {
    "payments": "payment_id,customer_id,merchant_id,amount,status,country,paid_at,loaded_at\n"
    "p1,1,1,10.5,paid,NP,2024-01-01 10:00:00,2024-01-01 10:10:00\n",
    "visits": "visit_id,customer_id,page,visited_at\n1,1,home,2024-01-01 10:00:00\n",
    "items": "item_id,payment_id,product,price,sold_at\n1,p1,tea,2.5,2024-01-01 10:00:00\n",
    "customers": "change_id,customer_id,city,plan,is_active,changed_at\n1,1,Patan,basic,true,2024-01-01 10:00:00\n",
    "merchants": "change_id,merchant_id,sector,changed_at\n1,1,food,2024-01-01 10:00:00\n",
    "countries": "country,currency\nNP,NPR\n",
    "requests": "request_id,customer_id,merchant_id,asked_at,answered_at,outcome,split_name\n"
    "1,1,1,2024-01-01 10:00:00,2024-02-01 10:00:00,true,train\n",
    "zoned": "customer_id,at,x\n1,2024-01-01 10:00:00+00,1\n",
}
DEFAULTS = {
    "asked": "{{ config(kind='labels', entity='customer', as_of='asked_at', horizon='30 days', label='outcome') }}\n"
    "select request_id, customer_id, merchant_id, asked_at, outcome from {{ source('shop', 'requests') }}\n",
}


@dataclass(frozen=True)
class Case:
    """One leak: the models that have it, those that differ in its sound twin, and what must be found."""

    name: str
    code: str
    severity: str
    known_from: str
    leak: Mapping[str, str]
    sound: Mapping[str, str]
    project: Mapping[str, Any]
    sound_project: Mapping[str, Any]


def read_cases() -> list[Case]:
    """Every entry of every file of the catalogue."""
    found = []
    for path in FILES:
        for name, entry in yaml.safe_load(path.read_text("utf-8")).items():
            leak = {key: value for key, value in entry["leak"].items() if key != "project"}
            sound = {key: value for key, value in entry["sound"].items() if key != "project"}
            project = entry["leak"].get("project", {})
            found.append(
                Case(
                    f"{path.stem}/{name}",
                    entry["code"],
                    entry.get("severity", "error"),
                    entry["from"],
                    leak,
                    leak | sound,
                    project,
                    project | entry["sound"].get("project", {}),
                )
            )
    return found


CASES = read_cases()
RULES = checker.all_rules()
ORDINARY: dict[str, dict[str, str]] = yaml.safe_load((FOLDER / "ordinary/models.yml").read_text("utf-8"))


class Compiler:
    """Compiles one project after another, as far as the rules, in one folder and with one scratch database."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.properties = yaml.safe_load((FOLDER / "sources.yml").read_text("utf-8"))
        self.tables = {table["name"]: table for table in self.properties["sources"][0]["tables"]}
        for name, text in HEADERS.items():
            path = root / "data" / f"{name}.csv"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self.engine = Engine.memory()
        self.write({name: f"select * from {{{{ source('shop', '{name}') }}}}" for name in self.tables}, {})
        graph = self.graph()
        open_sources(self.engine, graph.project, {})
        self.columns = source_columns(graph, self.engine)
        self.scratch = Scratch(graph.project.target)

    def write(self, models: Mapping[str, str], project: Mapping[str, Any]) -> None:
        """The files of a project, with the sources that its models name."""
        texts = DEFAULTS | dict(models)
        shutil.rmtree(self.root / "models", ignore_errors=True)
        (self.root / "models").mkdir()
        clocks = project.get("clocks", {})
        tables = [
            table | ({"config": {"time": clocks[name]}} if name in clocks else {})
            for name, table in self.tables.items()
            if any(f"'{name}'" in text for text in texts.values())
        ]
        properties = self.properties | {"sources": [{"name": "shop", "tables": tables}]}
        (self.root / "models/sources.yml").write_text(json.dumps(properties))
        settings = {key: value for key, value in project.items() if key != "clocks"}
        (self.root / "featsql_project.yml").write_text(json.dumps({"name": "catalogue"} | settings))
        for name, sql in texts.items():
            (self.root / "models" / f"{name}.sql").write_text(sql)

    def graph(self) -> Graph:
        """The project in the folder, read and linked."""
        loaded = load(self.root)
        return link(parse(render(loaded), loaded, self.engine.syntax_error), loaded)

    def diagnostics(self, models: Mapping[str, str], project: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
        """What the rules say of a project. Other errors than theirs fail the test."""
        self.write(models, project)
        try:
            graph = self.graph()
            catalog = describe(graph, {key: self.columns[key] for key in graph.sources}, self.scratch)
            resolved = {name: qualify(model, catalog) for name, model in graph.models.items()}
            return checker.check(graph, catalog, trace(resolved, graph, catalog), resolved)[0]
        except FeatsqlError as error:
            raise AssertionError(str(error)) from error


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    return Compiler(tmp_path_factory.mktemp("catalogue"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_leak_is_found(case: Case, compiler: Compiler) -> None:
    found = compiler.diagnostics(case.leak, case.project)
    said = {(each.code, each.severity) for each in found if each.code not in QUIET - {case.code}}
    assert (case.code, case.severity) in said, "\n".join(each.render() for each in found) or "nothing is said"
    assert {code for code, _ in said} == {case.code}, "\n".join(each.render() for each in found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_twin_is_not_accused(case: Case, compiler: Compiler) -> None:
    assert case.sound != case.leak or case.sound_project != case.project
    found = compiler.diagnostics(case.sound, case.sound_project)
    said = [each.render() for each in found if each.code not in QUIET or each.code == case.code]
    assert said == []


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_models_are_not_accused(name: str, compiler: Compiler) -> None:
    found = compiler.diagnostics(ORDINARY[name], {})
    assert [each.render() for each in found if each.code not in QUIET] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.__module__).rpartition(".")[2])
def test_without_its_rule_a_leak_is_not_found(
    rule: checker.Rule, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every rule has a leak that no other finds."""
    (code,) = re.findall(r"FS\d{3}", (sys.modules[rule.__module__].__doc__ or "").partition(":")[0])
    case = next(case for case in CASES if case.code == code)
    others = tuple(each for each in RULES if each is not rule)
    monkeypatch.setattr(checker, "all_rules", lambda: others)
    assert code not in {each.code for each in compiler.diagnostics(case.leak, case.project)}


# A notice that a relation is static is no accusation.
QUIET = {"FS610"}


def test_the_catalogue_is_large_and_says_where_each_is_from() -> None:
    assert len(CASES) >= 60
    assert all(case.known_from and case.code in titles() for case in CASES)
    assert len({(str(sorted(case.leak.items())), str(case.project)) for case in CASES}) == len(CASES)
