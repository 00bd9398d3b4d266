"""Cases: small tables, a question, and below the line what featsql answers. `pytest --accept` rewrites."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

import featsql
from featsql.errors import FeatsqlError

FOLDER = Path(__file__).parent / "cases"
SCRIPTS = sorted(FOLDER.rglob("*.test"))
LINE = "---\n"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(FOLDER).with_suffix("")))
def test_case(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The script's answer is the one that is written down."""
    question, _, expected = path.read_text().partition(LINE)
    Script(question).write(tmp_path)
    answer = answered(tmp_path)
    if request.config.getoption("--accept"):
        path.write_text(question + LINE + answer)
    else:
        assert answer == expected


class Script:
    """The sections of a script as the files of a project.

    `== source NAME {clock}` is a CSV of the source `s`; `== spine` the rows asked about, with
    `as_of`; `== entity NAME {keys}`; `== features NAME {config}`, `== training` and any other
    `== path` are files. Without `== training`, every features model is joined by its keys.
    """

    def __init__(self, text: str) -> None:
        self.entities: list[dict[str, Any]] = []
        self.tables: list[dict[str, object]] = []
        self.files: dict[str, str] = {}
        self.features: dict[str, dict[str, Any]] = {}
        self.project: dict[str, object] = {}
        for section in ("\n" + text).split("\n== ")[1:]:
            head, _, body = section.partition("\n")
            words, brace, config = head.partition(" {")
            self.take(words.split(" "), yaml.safe_load(brace + config) or {}, body.strip("\n") + "\n")

    def take(self, head: list[str], given: dict[str, Any], body: str) -> None:
        """Take in one section."""
        match head[0]:
            case "source":
                time = {"time": given} if given else {}
                self.tables.append({"name": head[1], "location": f"data/{head[1]}.csv", "config": time})
                self.files[f"data/{head[1]}.csv"] = body
            case "spine":
                self.files["data/spine.csv"] = body
                self.tables.append({"name": "spine", "location": "data/spine.csv", "options": given})
            case "entity":
                self.entities.append({"name": head[1], **given})
            case "features":
                self.features[head[1]] = given
                header = ", ".join(f"{key}={value!r}" for key, value in given.items())
                self.files[f"models/{head[1]}.sql"] = f"{{{{ config(kind='features', {header}) }}}}\n{body}"
            case "labels":
                header = ", ".join(f"{key}={value!r}" for key, value in given.items())
                self.files["models/asked.sql"] = f"{{{{ config(kind='labels', as_of='as_of', {header}) }}}}\n{body}"
            case "training":
                self.files["models/training.sql"] = f"{{{{ config(kind='training_set') }}}}\n{body}"
            case "project":
                self.project = yaml.safe_load(body)
            case path:
                self.files[path] = body

    def write(self, folder: Path) -> None:
        """Write the project."""
        project = {"name": "cases", "entities": self.entities, **self.project}
        self.files["featsql_project.yml"] = yaml.safe_dump(project)
        sources = {"version": 2, "sources": [{"name": "s", "tables": self.tables}]}
        self.files.setdefault("models/sources.yml", yaml.safe_dump(sources))
        if "data/spine.csv" in self.files:
            asked = "{{ config(kind='labels', as_of='as_of') }}\nselect * from {{ source('s', 'spine') }}\n"
            self.files.setdefault("models/asked.sql", asked)
            self.files.setdefault("models/training.sql", self.joined())
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def joined(self) -> str:
        """A training set of every features model."""
        keys = {str(e["name"]): e["keys"] for e in self.entities}
        lines = ["{{ config(kind='training_set') }}", "select l.*"]
        joins = []
        for name, config in self.features.items():
            entity = config.get("entity")
            names = [k for each in ([entity] if isinstance(entity, str) else entity or []) for k in keys[each]]
            shown = f", {name}.* exclude ({', '.join(names)})" if names else f", {name}.*"
            lines.append(shown)
            on = f"using ({', '.join(names)})" if names else "on true"
            joins.append(f"left join {{{{ ref('{name}') }}}} as {name} {on}")
        return "\n".join([*lines, "from {{ ref('asked') }} as l", *joins]) + "\n"


def answered(folder: Path) -> str:
    """The training set's plan and rows, or what is wrong."""
    try:
        project = featsql.load(folder)
        compiled = project.compile()
        rows = table(project.training_set("training")) if "training" in compiled.plans else ""
        plan = project.stage("training", "plan") if rows else ""
    except FeatsqlError as error:
        return str(error) + "\n"
    said = [d.render() for d in compiled.diagnostics]
    return "\n".join([*said, plan, rows])


def table(result: featsql.Result) -> str:
    """Rows in a fixed order, aligned."""
    head = [column.name for column in result.columns]
    body = sorted([text(value) for value in row] for row in result.rows())
    widths = [max(len(cell) for cell in column) for column in zip(head, *body, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *body]
    ]
    return "\n" + "\n".join(lines) + "\n"


def text(value: object) -> str:
    """A cell."""
    return "NULL" if value is None else textwrap.shorten(str(value).replace(" 00:00:00", ""), 60)
