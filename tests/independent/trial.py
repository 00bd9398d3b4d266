"""Random features models asked of featsql and of the evaluator: all of a project in one compilation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import featsql
from independent.evaluator import Answer, Question, World, answers, same
from independent.rare import RareModels
from independent.worlds import Setting, random_setting

ENTITIES = {"one": ("k",), "pair": ("k", "c")}
SETTINGS = "name: p\nversion: '1'\n"
Columns = dict[str, tuple[str, ...]]
NAME = re.compile(r"\b[a-z_]+\d+_m\b")


@dataclass
class Trial:
    """What came of some models: how many were compared, which featsql refused and why, and each difference."""

    compared: int = 0
    cells: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)


def trial(seed: int, folder: Path, models: int = 20) -> Trial:
    """Compare so many random models over random relations."""
    random = Random(seed)
    setting = random_setting(random, folder)
    questions: dict[str, Question] = {}
    for number in range(models):
        form, question = RareModels(random, ENTITIES[random.choice(("one", "one", "pair"))]).model()
        questions[f"{form}{number}_m"] = question
    done = compare(setting, questions, folder)
    done.differences = [f"seed {seed}, {each}" for each in done.differences]
    return done


def compare(setting: Setting, questions: dict[str, Question], folder: Path) -> Trial:
    """Compare some models, relations written `$name` in their texts."""
    world = World(setting.relations, exclusive=setting.exclusive, zoned=setting.zoned)
    plain = {name: in_plain(question) for name, question in questions.items()}
    wanted = answers(world, plain, setting.spine, "asked")
    world.close()
    done = Trial()
    found = compiled_answers(setting, questions, {name: each.columns for name, each in wanted.items()}, folder, done)
    for name in found:
        done.compared += 1
        done.cells += sum(map(len, wanted[name].rows))
        each = next(differences(setting, wanted[name], found[name]), None)
        if each is not None:
            done.differences.append(f"{name}: {plain[name].text}\n{each}")
    return done


def in_plain(question: Question) -> Question:
    """A question with relations by their plain names."""
    texts = (question.text, question.nothing, question.groups)
    text, nothing, groups = (each and each.replace("$", "") for each in texts)
    assert text is not None
    return Question(text, question.keys, nothing, groups)


def differences(setting: Setting, wanted: Answer, found: list[tuple[Any, ...]]) -> Iterator[str]:
    """The rows in which two answers differ."""
    if len(found) != len(wanted.rows):
        yield f"  {len(found)} rows for {len(wanted.rows)}"
        return
    for asked, right, got in zip(setting.spine, wanted.rows, found, strict=True):
        if not same(right, got):
            clocks = {name: relation.clock for name, relation in setting.relations.items()}
            edge = f"exclusive={setting.exclusive}, zoned={setting.zoned}, {clocks}"
            yield f"  {edge}\n  {asked}\n  expected {right}\n  got      {got}"


def compiled_answers(
    setting: Setting, questions: dict[str, Question], columns: Columns, folder: Path, done: Trial
) -> dict[str, list[tuple[Any, ...]]]:
    """What featsql says in each row of the spine, of each model that it does not refuse."""
    names = list(questions)
    while names:
        write(setting, {name: questions[name] for name in names}, columns, folder)
        project = featsql.load(folder)
        try:
            result = project.training_set("all_together").relation
            rows = sorted(result.fetchall(), key=lambda row: int(row[0]))
            return dict(parts(names, result.columns, rows))
        except featsql.FeatsqlError as error:
            text = str(error)
            bad = {name for name in NAME.findall(text) if name in names}
            if not bad:
                raise
            done.refused |= {name: f"{questions[name].text}\n{text}" for name in bad}
            names = [name for name in names if name not in bad]
        finally:
            project.close()
    return {}


def parts(
    names: list[str], columns: list[str], rows: list[tuple[Any, ...]]
) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """The columns of each model out of rows that have those of all."""
    for name in names:
        places = [i for i, column in enumerate(columns) if column.startswith(f"{name}_")]
        yield name, [tuple(row[i] for i in places) for row in rows]


def write(setting: Setting, questions: dict[str, Question], columns: Columns, folder: Path) -> None:
    """Write a project of models, their sources, a spine and one training set of all."""
    models = folder / "models"
    models.mkdir(exist_ok=True)
    for old in models.glob("*.sql"):
        old.unlink()
    edge = "time: {boundary: exclusive}\n" if setting.exclusive else ""
    (folder / "featsql_project.yml").write_text(SETTINGS + edge)
    tables = [
        {"name": name, "location": relation.file, "config": {"time": dict(relation.clock)}}
        for name, relation in setting.relations.items()
    ]
    tables.append({"name": "spine", "location": str(folder / "spine.parquet")})
    sources = [{"name": "s", "tables": tables}]
    entities = [{"name": name, "keys": list(keys)} for name, keys in ENTITIES.items()]
    (models / "sources.yml").write_text(json.dumps({"version": 2, "sources": sources, "entities": entities}))
    asked = "{{ config(kind='labels', entity=['one', 'pair'], as_of='asked') }}\n"
    (models / "asked_rows.sql").write_text(asked + "select row, k, c, asked from {{ source('s', 'spine') }}")
    (models / "all_together.sql").write_text(together(questions, columns))
    for name, question in questions.items():
        entity = next(entity for entity, keys in ENTITIES.items() if keys == question.keys)
        text = re.sub(r"\$(\w+)", r"{{ source('s', '\1') }}", question.text)
        (models / f"{name}.sql").write_text(f"{{{{ config(kind='features', entity='{entity}') }}}}\n{text}\n")


def together(questions: dict[str, Question], features: Columns) -> str:
    """A training set of all models, their own keys and features under the model's name."""
    columns, joins = ["l.row"], []
    for name, question in questions.items():
        columns += [f"{name}.{column} as {name}_{column}" for column in features[name]]
        on = " and ".join(f"{name}.{key} = l.{key}" for key in question.keys)
        joins.append(f"left join {{{{ ref('{name}') }}}} as {name} on {on}")
    config = "{{ config(kind='training_set') }}\n"
    return f"{config}select {', '.join(columns)}\nfrom {{{{ ref('asked_rows') }}}} as l\n" + "\n".join(joins)
