"""Files under the target path that are damaged: as if they were not there, and the next build is a whole one."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import ROOT
from program import run as program

import featsql
from featsql.build.kept import read_kept
from featsql.build.reuse.state import State, read_state
from featsql.build.reuse.unchanged import Held
from featsql.data import plain
from featsql.prove.resume import Held as Seen
from featsql.prove.verify import Manifest
from featsql.resolve.cache.compile_cache import open_compile_cache

STARTER = ROOT / "featsql/cli/starter"
OTHERS: tuple[Any, ...] = (None, True, 7, -1.5, "x", [], {}, [[]], {"": {}}, "2024-01-01")
DEEP = "[" * 50_000 + "]" * 50_000


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter project, built and verified."""
    folder = tmp_path_factory.mktemp("kept") / "p"
    shutil.copytree(STARTER, folder)
    for command in (["build"], ["verify", "--for", "3s"], ["build"]):
        assert program(*command, cwd=folder).code in (0, 3)  # in so short a time not all rows may be verified
    return folder


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from paths(each, (*path, key))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    """The value at a path."""
    for step in path:
        document = document[step]
    return document


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A document with another value at a path."""
    if not path:
        return value
    changed = deepcopy(document)
    at(changed, path[:-1])[path[-1]] = value
    return changed


def damaged(text: str) -> Iterator[str]:
    """A document with each of its values of another kind, in another's place, or gone; cut off; and what is none."""
    document = json.loads(text)
    every = list(paths(document))
    dice = random.Random(1)
    for path in every:
        for other in OTHERS:
            yield json.dumps(put(document, path, other))
        swapped = dice.choice(every)
        yield json.dumps(put(document, path, at(document, swapped)))
        if path and isinstance(at(document, path[:-1]), dict):
            yield json.dumps({**document} if len(path) > 1 else {k: v for k, v in document.items() if k != path[0]})
    yield from (text[: len(text) * part // 9] for part in range(9))
    yield from (
        DEEP,
        "null",
        "NaN",
        "1e999",
        text + text,
        text.replace('"', "'"),
        "\ud800".encode("utf-8", "replace").decode(),
    )


def test_a_damaged_state_is_unknown(built: Path, tmp_path: Path) -> None:
    whole = read_state(built / "target/state.json")
    assert isinstance(whole, State)
    file = tmp_path / "state.json"
    for text in damaged((built / "target/state.json").read_text()):
        file.write_text(text)
        found = read_state(file)
        assert found == whole or isinstance(found, str), text
    file.write_bytes(b"\xff\xfe{}")
    assert isinstance(read_state(file), str)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("unchanged.json", Held), ("manifest.json", Manifest), ("verify/*.state.json", Seen)],
)
def test_other_damaged_files_are_not_there(built: Path, tmp_path: Path, name: str, kind: type[Any]) -> None:
    (path,) = (built / "target").glob(name)
    assert isinstance(read_kept(path, kind), kind)
    for text in (
        damaged(path.read_text()) if len(path.read_text()) < 10_000 else (DEEP, "[]", "{", '{"nodes": {"a": 1}}')
    ):
        (tmp_path / "file").write_text(text)
        assert isinstance(read_kept(tmp_path / "file", kind), kind | None), text


def test_damaged_facts_are_found_out_anew(built: Path, tmp_path: Path) -> None:
    content = (built / "target/compiled.json").read_bytes()
    assert open_compile_cache(built / "target/compiled.json").rows
    dice = random.Random(2)
    for _ in range(200):
        place = dice.randrange(len(content))
        (tmp_path / "file").write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert open_compile_cache(tmp_path / "file").rows == {}
    for text in (b"", b"{}", b"[]\n[]\n[]", DEEP.encode(), content[: len(content) // 2]):
        (tmp_path / "file").write_bytes(text)
        assert open_compile_cache(tmp_path / "file").rows == {}


def rows(folder: Path) -> Any:
    """What the training set holds."""
    with duckdb.connect(str(next((folder / "target").glob("*.duckdb"))), read_only=True) as connection:
        return connection.execute("select * from churn_training order by all").fetchall()


def rebuilt(folder: Path, *options: str) -> None:
    """Build, which must go well, and give what was there before."""
    before = rows(folder)
    ended = program("build", *options, cwd=folder)
    assert (ended.code, "internal error" in ended.err) == (0, False), ended.err
    assert rows(folder) == before


def test_a_build_after_damage_is_a_whole_one(built: Path) -> None:
    state = built / "target/state.json"
    document = json.loads(state.read_text())
    nodes = {name: {**node, "inputs": ["x"], "rows": "many"} for name, node in document["nodes"].items()}
    state.write_text(json.dumps({**document, "nodes": nodes}))
    (built / "target/unchanged.json").write_text('{"copies": [], "question": 1}')
    (built / "target/compiled.json").write_text('{"rows": 1}')
    rebuilt(built)
    assert isinstance(read_state(state), State)
    for name in ("state", "unchanged", "compiled", "manifest", "run_results"):
        (built / f"target/{name}.json").write_text('[{"format": {}}]')
    rebuilt(built, "--full-refresh")
    state.write_text(json.dumps(document))  # of an earlier build
    rebuilt(built)
    assert program("verify", "--for", "2s", cwd=built).code in (0, 3)


@pytest.mark.slow
def test_a_build_after_any_damage(built: Path) -> None:
    """Also after such whose digest is right."""
    dice = random.Random(3)
    state = built / "target/state.json"
    whole = rows(built)
    for text in dice.sample(list(damaged(state.read_text())), 150):
        state.write_text(text)
        try:
            found = read_kept(state, State)
        except ValueError:
            found = None
        if found is not None:
            state.write_text(json.dumps(plain(found.summed())))
        run = featsql.load(built).build()
        assert run.ok, text
        assert rows(built) == whole
