"""What was found out of a model is found again as long as nothing that it comes from has changed, and not longer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hospital import hospital

import featsql
from featsql.build.reuse.facts import facts_of
from featsql.errors import FeatsqlError
from featsql.resolve.cache.compile_cache import FILE, open_compile_cache

# Each of these has something to be said of it.
MODELS = {
    "staged": "select id, ts, {{ doubled('x') }} as x from {{ source('s', 'visits') }}",
    "counted": "select id, count(*) as n, {{ var('what') }} as what from {{ ref('staged') }} group by id",
    "chance": "select id, random() as r from {{ ref('counted') }}",
    "leaky": """{{ config(kind='features', entity='patient') }}
select id, max(x) filter (where ts > as_of() - interval 1 day) as x, any_value(x) as one
from {{ source('s', 'visits') }} group by id""",
}
EDITS = (
    ("models/staged.sql", "'x'", "'x + 1'"),
    ("models/staged.sql", "id, ts,", "id, ts, x as y,"),
    ("models/counted.sql", "count(*) as n", "count(*) as m"),
    ("models/counted.sql", "select id", "-- a comment\nselect id"),
    ("models/chance.sql", "random() as r", "n as r"),
    ("models/leaky.sql", "1 day", "2 days"),
    ("models/leaky.sql", ", any_value(x) as one", ""),
    ("macros/doubled.sql", "2 *", "3 *"),
    ("featsql_project.yml", "what: 1", "what: 'random()'"),
    ("featsql_project.yml", "what: 1", "what: \"'text'\""),
    ("models/sources.yml", "retracted_at: gone", "delay: 1 hour, retracted_at: gone"),
    ("models/sources.yml", "delay: 1 hour", "delay: 2 hours"),
    ("data/visits.csv", "id,ts,seen,gone,x", "id,ts,seen,gone,y"),
    ("data/wards.csv", "ward", "room"),
    ("models/training.sql", "v.visits * 2 as twice", "v.least + 1 as twice"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The hospital with more to be said about it, compiled once."""
    made = hospital(tmp_path, **MODELS)
    (made / "macros").mkdir()
    (made / "macros/doubled.sql").write_text("{% macro doubled(value) %}2 * ({{ value }}){% endmacro %}\n")
    with (made / "featsql_project.yml").open("a", encoding="utf-8") as file:
        file.write("vars: {what: 1}\n")
    said(made)
    return made


def said(folder: Path) -> list[str]:
    """Everything that is said of a project, and where its columns come from."""
    try:
        compiled = featsql.load(folder).check()
    except FeatsqlError as error:
        return [str(each) for each in error.diagnostics]
    edges = [str(edge) for name in compiled.graph.models for edge in compiled.checked.lineage.edges[name]]
    columns = [repr(info) for info in compiled.checked.catalog.relations.values()]
    return [*(str(each) for each in compiled.diagnostics), *edges, *sorted(columns)]


def anew(folder: Path) -> list[str]:
    """The same, where nothing is known from before."""
    held = folder / "target" / FILE
    kept = held.read_bytes() if held.exists() else None
    held.unlink(missing_ok=True)
    found = said(folder)
    held.unlink(missing_ok=True)
    if kept is not None:
        held.write_bytes(kept)
    return found


def test_the_same_is_said_again(folder: Path) -> None:
    again = said(folder)
    assert any("FS6" in line for line in again)
    assert again == anew(folder)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_changes_nothing_old_is_said(seed: int, folder: Path) -> None:
    """Texts are changed one after the other, and some back again."""
    dice = Random(seed)
    done: list[tuple[str, str, str]] = []
    for _ in range(8):
        path, old, new = dice.choice([*EDITS, *((path, new, old) for path, old, new in done)])
        text = (folder / path).read_text(encoding="utf-8")
        if not new or old not in text:
            continue
        (folder / path).write_text(text.replace(old, new), encoding="utf-8")
        done.append((path, old, new))
        assert said(folder) == anew(folder), (path, old, new)
    assert done


@pytest.mark.parametrize("spoil", ["empty", "truncated", "changed", "foreign", "no JSON"])
def test_a_file_that_is_not_whole_is_not_trusted(spoil: str, folder: Path) -> None:
    held, wanted = folder / "target" / FILE, said(folder)
    content = held.read_bytes()
    spoilt = {
        "empty": b"",
        "truncated": content[: len(content) // 2],
        "changed": content[:-40] + b"x" + content[-39:],
        "foreign": content.replace(b'"made_by":["', b'"made_by":["9', 1),
        "no JSON": b"00000000\n[]\n",
    }
    held.write_bytes(spoilt[spoil])
    assert not open_compile_cache(held).rows
    assert said(folder) == wanted
    assert open_compile_cache(held).rows.keys() == featsql.load(folder).check().graph.models.keys()


def test_a_target_that_cannot_be_written_to_is_no_trouble(folder: Path) -> None:
    wanted = said(folder)
    (folder / "target" / FILE).unlink()
    (folder / "target").rmdir()
    (folder / "target").write_text("in the way", encoding="utf-8")
    assert said(folder) == wanted


def test_no_secret_is_held(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "open-sesame")
    path = folder / "featsql_project.yml"
    text = path.read_text(encoding="utf-8").replace("what: 1", "what: \"'{{ env_var('WORD') }}'\"")
    path.write_text(text, encoding="utf-8")
    wanted = said(folder)
    assert b"sesame" not in (folder / "target" / FILE).read_bytes()
    assert said(folder) == wanted


def test_two_at_once_leave_it_whole(folder: Path) -> None:
    for path in (folder / "models/staged.sql", folder / "models/leaky.sql"):
        path.write_text(path.read_text(encoding="utf-8") + "\n-- more\n", encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(featsql.__file__).parent.parent)}
    command = [sys.executable, "-P", "-m", "featsql", "compile", "--project-dir", str(folder)]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [each.wait() for each in both] == [0, 0]
    assert open_compile_cache(folder / "target" / FILE).rows
    assert [path.name for path in (folder / "target").iterdir()] == [FILE]
    assert said(folder) == anew(folder)


def test_a_table_that_stands_now_changes_nothing_for_models_that_do_not_ask(folder: Path) -> None:
    (folder / "models/added.sql").write_text(
        "{{ config(materialized='incremental', unique_key='id') }}\n"
        "select id, n from {{ ref('counted') }}{% if is_incremental() %} where n > 1{% endif %}\n"
    )
    (folder / "models/again.sql").write_text(
        "{{ config(materialized='table') }}\nselect {{ 1 if is_incremental() else 2 }} as n\n"
    )
    loaded = featsql.load(folder)
    assert loaded.build().ok
    before = {name: (row.text, row.key) for name, row in open_compile_cache(folder / "target" / FILE).rows.items()}
    (folder / "models/counted.sql").write_text((folder / "models/counted.sql").read_text() + "\n-- a comment\n")
    assert featsql.load(folder).build().ok
    after = {name: (row.text, row.key) for name, row in open_compile_cache(folder / "target" / FILE).rows.items()}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"added", "again", "asked", "counted"}  # `asked` reads a column of its own name
    assert "where n > 1" in (folder / "target/compiled/models/added.sql").read_text()


def test_what_a_build_asks_is_kept(folder: Path) -> None:
    assert featsql.load(folder).build().ok  # compiled before, when nobody asked
    rows = open_compile_cache(folder / "target" / FILE).rows
    assert all(row.code for row in rows.values())
    fresh = featsql.load(folder)
    first = {name: facts_of(name, fresh.compile()) for name in rows}
    assert all(row.code for row in open_compile_cache(folder / "target" / FILE).rows.values())
    (folder / "target" / FILE).unlink()
    alone = featsql.load(folder)
    assert {name: facts_of(name, alone.compile()) for name in rows} == first
    assert first["chance"].unknowable == "it asks `random`"
