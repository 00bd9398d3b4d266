"""Values of the environment: wherever a project puts them, nothing that is printed or written has them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from program import run as program

import featsql
from featsql.errors import Diagnostic, FeatsqlError
from featsql.export.excerpt import Wish, excerpt
from featsql.export.formats import FORMATS, save
from featsql.secrets import Environment, is_secret, redact, redacted

# Of each kind: what stands in a path, a name in SQL, a text with quotes, and one with letters of both cases.
SECRETS = {
    "PLACE": "vault-7Qx",
    "NAME": "zeta_private",
    "COLUMN": "omega_hidden",
    "QUOTED": """it's "mine" <&>""",
    "SOURCE": "kappa_base",
    "WORD": "qwerty",
}
FILES = {
    "featsql_project.yml": """
name: p
outputs: {dev: {path: "target/f.duckdb"}}
entities: [{name: "{{ env_var('NAME') }}", keys: ["{{ env_var('COLUMN') }}"]}]
""",
    "models/s.yml": """
sources:
  - name: "{{ env_var('SOURCE') }}"
    tables:
      - name: pay
        location: "data/{{ env_var('PLACE') }}/pay.csv"
        config: {time: {kind: events, event_time: "at_{{ env_var('WORD') }}", delay: 1 hour}}
""",
    "models/plain.sql": """{{ config(materialized='table', meta={'a': env_var('QUOTED')}, tags=[env_var('WORD')]) }}
select '{{ env_var('QUOTED') | replace("'", "''") }}' as q, 1 as {{ env_var('NAME') }}_30d
""",
    "models/f.sql": """{{ config(kind='features', entity=env_var('NAME')) }}
select {{ env_var('COLUMN') }}, count(*) as n from {{ source(env_var('SOURCE'), 'pay') }} group by 1
""",
    "models/l.sql": """{{ config(kind='labels', entity=env_var('NAME'), as_of='at_' ~ env_var('WORD')) }}
select {{ env_var('COLUMN') }}, at_{{ env_var('WORD') }} from {{ source(env_var('SOURCE'), 'pay') }}
""",
    "models/t.sql": """{{ config(kind='training_set', publish={'path': 'out/' ~ env_var('PLACE') ~ '/t.parquet'}) }}
select l.*, f.n from {{ ref('l') }} as l left join {{ ref('f') }} as f using ({{ env_var('COLUMN') }})
""",
    "data/vault-7Qx/pay.csv": "omega_hidden,at_qwerty\n1,2024-01-01 00:00:00\n1,2024-01-02 00:00:00\n",
}
# What breaks a model, and is said with a secret in it where nobody blots it out.
BROKEN = {
    "an entity": "{{ config(kind='features', entity=env_var('NAME') ~ 'x') }}select 1 as a",
    "an instant": "{{ config(kind='labels', entity=env_var('NAME'), as_of=env_var('SOURCE')) }}select 1 as a",
    "a column": "select {{ env_var('SOURCE') }} from range(3)",
    "a model": "select * from {{ ref(env_var('SOURCE')) }}",
    "a source": "select * from {{ source(env_var('NAME'), 'x') }}",
    "a table": "select * from {{ env_var('SOURCE') }}",
    "a key": "{{ config(materialized=env_var('NAME')) }}select 1",
    "a horizon": "{{ config(kind='labels', entity='x', as_of='a', horizon=env_var('QUOTED')) }}select 1 as a",
    "a rule": "{{ config(rules={env_var('NAME'): {'severity': 'off'}}) }}select 1",
    "syntax": "select {{ env_var('QUOTED') }} from",
    "a template": "{{ exceptions.raise_compiler_error(env_var('QUOTED')) }}",
    "a variable": "{{ var(env_var('NAME')) }}",
    "a cast": "{{ config(materialized='table') }}select cast('{{ env_var('PLACE') }}' as integer) as x",
    "a comment": "-- c\n{%- set a = 1 -%}\nselect '{{ env_var('PLACE') }}' as x",
    "a function": "select {{ env_var('NAME') }}(1) as x",
    "letters": "select {{ env_var('NAME') | upper }} from range(3)",
}


def written(folder: Path, more: dict[str, str] | None = None) -> Path:
    """The project, with its secrets in the environment."""
    for name, text in {**FILES, **(more or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def told(text: str) -> list[str]:
    """The secrets that a text tells."""
    spellings = {name: (value, json.dumps(value)[1:-1]) for name, value in SECRETS.items()}
    return [name for name, each in spellings.items() if any(one.casefold() in text.casefold() for one in each)]


def test_nothing_that_is_written_or_printed_has_them(tmp_path: Path) -> None:
    folder = written(tmp_path / "p")
    lines = ["build", "build", "build --full-refresh --json", "compile", "compile --json", "ls", "ls --json", "lineage"]
    lines += ["verify --for 1s", "verify --for 1s --json", "why t.n --row 1", "why t.n --row 1 --json"]
    lines += [f"lineage --format {each}" for each in ("dot", "mermaid", "openlineage", "html")]
    stages = ("text", "config", "lineage", "plan", "sql")
    commands = [line.split() for line in (*lines, *(f"show {name} --stage {each}" for name in "ft" for each in stages))]
    for command in commands:
        ended = program(*command, cwd=folder)
        assert ended.code in (0, 3), ended.err
        assert told(ended.out + ended.err) == [], command
    for path in (folder / "target").rglob("*"):
        if path.is_file() and path.suffix != ".duckdb":
            assert told(path.read_text("utf-8")) == [], path
    project = featsql.load(folder)
    assert told(json.dumps(project.lineage())) == []
    assert told(project.stage("t", "sql")) == []
    for name in FORMATS:
        for path in save(excerpt(project.compile(), Wish((), (), None, False, False)), name, tmp_path / "out" / name):
            assert told(path.read_text("utf-8")) == [], path


def test_what_holds_them_still_stands_unchanged(tmp_path: Path) -> None:
    folder = written(tmp_path / "p")
    assert {each.status for each in featsql.load(folder).build().results} == {"success"}
    kept = {
        each.name: each.status
        for each in featsql.load(folder).build().results
        if each.kind in {"table", "labels", "training_set"}
    }
    assert kept == {"plain": "unchanged", "l": "unchanged", "t": "unchanged"}
    (folder / "out/vault-7Qx/t.parquet").unlink()
    again = {each.name: each.reason for each in featsql.load(folder).build().results if each.status == "success"}
    assert "is gone" in (again["t"] or "")
    assert (folder / "out/vault-7Qx/t.parquet").exists()


def test_rows_stay_as_they_are(tmp_path: Path) -> None:
    folder = written(tmp_path / "p")
    assert program("show", "plain", "--json", cwd=folder).data["rows"][0]["q"] == SECRETS["QUOTED"]
    assert SECRETS["QUOTED"] in program("show", "plain", cwd=folder).out


@pytest.mark.parametrize("template", BROKEN.values(), ids=BROKEN)
def test_no_diagnostic_has_them(tmp_path: Path, template: str) -> None:
    folder = written(tmp_path / "p", {"models/broken.sql": template})
    for command in (["compile"], ["build"], ["build", "--json"]):
        ended = program(*command, cwd=folder)
        assert ended.code == 1 or command == ["compile"], ended.out
        assert told(ended.out + ended.err) == [], ended.out + ended.err
    found: list[Diagnostic] = []
    with suppress(FeatsqlError):
        found = [each for result in featsql.load(folder).build().results for each in result.diagnostics]
    if not found:
        with pytest.raises(FeatsqlError) as caught:
            featsql.load(folder).build()
        found = list(caught.value.diagnostics)
        assert told(str(caught.value)) == []
    assert told(repr([each.render() for each in found]) + repr([(each.message, each.hint) for each in found])) == []


def test_what_is_a_secret() -> None:
    assert [is_secret(each) for each in ("abc", "true", "None", "hunter2", "main")] == [False, False, False, True, True]
    assert not is_secret("main", "main")
    taken = Environment({"A": "main", "B": "x'y\"z\\", "C": "main", "D": "s3cretS"})
    assert (taken.take("A", "main"), taken.secrets) == ("main", set())
    values: list[Any] = [taken[name] for name in taken]
    assert values == ["main", "x'y\"z\\", "main", "s3cretS"]
    said = "domain main_1 MAIN remain x''y\"z\\ x'y\\\"z\\\\ xs3crets1"
    assert redact(said) == "domain *****_1 ***** remain ***** ***** x*****1"
    assert redacted({"main": [("a main", 1, None)], "b": {"c": "domain"}}) == {
        "*****": [["a *****", 1, None]],
        "b": {"c": "domain"},
    }
    assert Diagnostic("FS101", "of main", hint="or s3cretS").message == "of *****"
    del taken
    assert redact("main") == "main"
