"""What the pages of docs/ say is so: commands and Python run, every YAML and SQL is read, every table is complete."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import PAGES, README, ROOT, blocks, commands, run

import featsql
from featsql.cli.app import app
from featsql.read.load import load

SHOP = """
sources:
  - name: shop
    tables:
      - name: payments
        location: payments.csv
        config: {time: {kind: events, event_time: paid_at, delay: 0 seconds}}
"""
CUSTOMER = "entities:\n  - {name: customer, keys: [customer_id]}\n"
PAYMENTS = "customer_id,paid_at,amount\n1,2024-01-01 10:00:00,5\n"
OF_A_PROJECT = {"name", "rules", "vars", "time", "outputs", "target"}


def named(values: list[Any]) -> list[Any]:
    """Parametrized values, named by the page that they stand on."""
    return [pytest.param(*value, id=f"{value[0].stem} {i}") for i, value in enumerate(values)]


@pytest.mark.parametrize(("page", "lines"), named([(page, lines) for page in PAGES for lines in commands(page)]))
def test_commands_run(page: Path, lines: list[str], example: Path) -> None:
    for line in lines:
        assert run(["-m", *shlex.split(line)], example), line


@pytest.mark.parametrize(("page", "block"), named([(page, text) for page in PAGES for text in blocks(page, "python")]))
def test_python_runs(page: Path, block: str, example: Path) -> None:
    run(["-c", block + "\nassert 'known' not in globals() or known.height == 2"], example)


def written(folder: Path, text: str, properties: bool) -> None:
    """A project with some YAML: a property file, or its own."""
    (folder / "models").mkdir()
    given = yaml.safe_load(text)
    mine = text if not properties else ""
    (folder / "featsql_project.yml").write_text(mine if "name:" in mine else f"name: my_project\n{mine}", "utf-8")
    if properties:
        (folder / "models/given.yml").write_text(text, "utf-8")
        for model in given.get("models", []):
            (folder / f"models/{model['name']}.sql").write_text("select 1 as a", "utf-8")


@pytest.mark.parametrize(("page", "text"), named([(page, text) for page in PAGES for text in blocks(page, "yaml")]))
def test_yaml_is_read(page: Path, text: str, tmp_path: Path) -> None:
    given = yaml.safe_load(text)
    properties = not (OF_A_PROJECT & given.keys() or isinstance(given.get("models"), dict))
    written(tmp_path, text, properties)
    project = load(tmp_path)
    if "sources" in given:
        tables = [table for source in given["sources"] for table in source["tables"]]
        assert len(project.sources) == len(tables)


@pytest.mark.parametrize(("page", "text"), named([(page, text) for page in PAGES for text in blocks(page, "sql")]))
def test_sql_is_compiled(page: Path, text: str, tmp_path: Path) -> None:
    written(tmp_path, CUSTOMER + SHOP, properties=True)
    (tmp_path / "payments.csv").write_text(PAYMENTS, "utf-8")
    (tmp_path / "models/given.sql").write_text(text, "utf-8")
    with featsql.load(tmp_path) as project:
        project.compile()


def test_every_command_has_its_line() -> None:
    known = {str(each.name or (each.callback and each.callback.__name__)) for each in app.registered_commands}
    page = (ROOT / "docs/commands.md").read_text("utf-8")
    assert set(re.findall(r"^\| `featsql (\w+)` \|", page, flags=re.MULTILINE)) == known


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / path).exists(), path
    for path in re.findall(r"`((?:bench|models|macros|data|featsql|tests|docs)/[\w/]+\.\w+)`", text):
        assert (ROOT / path).exists() or "my_" in path or path in {"data/payments.csv", "models/staging/prices.sql"}, (
            path
        )


def test_every_page_is_in_the_index_and_in_the_readme() -> None:
    pages = {page.name for page in PAGES} - {"README.md"}
    for index, folder in ((README, "docs/"), (ROOT / "docs/README.md", "")):
        found = set(
            re.findall(rf"^\| \[[^\]]+\]\({folder}(\w+\.md)\) \|", index.read_text("utf-8"), flags=re.MULTILINE)
        )
        assert found == pages
