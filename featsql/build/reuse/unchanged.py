"""The answer to a build after nothing changed, found from files alone: no compiler and no engine is loaded.

Whatever is not plainly as the last build left it is left to the build to decide.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from featsql.build.kept import read_kept
from featsql.build.results import Result, Run
from featsql.build.reuse.file_fingerprints import FileFingerprints, fingerprint_files, same, stamp
from featsql.build.reuse.state import FILE, State, digest, made_by, read_state
from featsql.read.config.files import PROJECT_FILE

if TYPE_CHECKING:
    from featsql.read.project import Project

LAST = "unchanged.json"
TEXTS = (".sql", ".yml", ".yaml")
# How the name of a folder ends to which a link of featsql's leads, after the link's own.
PUBLISHED = re.compile(r"[0-9a-f]{32}")
FOLDER = re.compile(r"^target[-_]path:\s*(\S.*)$", re.MULTILINE)


class Held(Struct):
    """What is remembered of a build: what was asked, the digest of the state that it left, the target's path and what
    it was like, the names of the nodes, where each source lies, and what each published copy was like."""

    question: str
    state: str
    target: tuple[str, list[int]]
    names: list[str]
    sources: dict[str, str]
    copies: dict[str, list[int] | None]


def question(root: Path, arguments: Sequence[Any]) -> str | None:
    """The fingerprint of a build: its arguments, and every text of the project. None where files alone cannot
    tell it: a template reads the environment, or a folder is a link."""
    try:
        folder = target_folder(root)
        texts: list[list[str]] = []
        for path in texts_below(root, folder):
            if path.suffix.lower() == ".csv":
                texts.append([str(path), ""])
                continue
            content = path.read_bytes()
            if b"env_var" in content:
                return None
            texts.append([str(path), hashlib.sha256(content).hexdigest()])
    except (OSError, ValueError):
        return None
    return digest([made_by(), str(root), list(arguments), texts])


def target_folder(root: Path) -> Path:
    """Where the project writes. Raises ValueError where only YAML can tell."""
    found = FOLDER.search((root / PROJECT_FILE).read_text("utf-8-sig"))
    if found is None:
        return root / "target"
    if not re.fullmatch(r"[\w./-]+", found[1].strip()):
        raise ValueError(found[1])
    return root / found[1].strip()


def texts_below(folder: Path, target: Path) -> Iterator[Path]:
    """What a project may be made of, in a fixed order. Raises OSError at a link to a folder, unless featsql published
    that."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if entry.name.startswith(".") or entry.path == str(target):
                continue
            if entry.is_dir():
                if entry.is_symlink():
                    if PUBLISHED.fullmatch(os.readlink(entry.path).removeprefix(f".{entry.name}.")):
                        continue
                    raise OSError(f"{entry.name} is a link to a folder")
                yield from texts_below(Path(entry.path), target)
            elif entry.name.lower().endswith((*TEXTS, ".csv")):
                yield Path(entry.path)


def note(asked: str | None, project: Project, run: Run, quiet: Set[str]) -> None:
    """Remember a build of which nothing is to be said again but codes in `quiet`, so that the same question has
    the same answer."""
    folder = project.root / project.target_path
    if asked is None or not run.ok or project.secrets or project.target.attach or target_folder(project.root) != folder:
        return
    target = stamp(Path(project.target.path))
    state = read_state(folder / FILE)
    names = [result.name for result in run.results]
    if target is None or not isinstance(state, State) or state.build != run.started_at:
        return
    if any(name not in state.nodes or state.nodes[name].why_not for name in names) or any(
        each.code not in quiet for each in run.diagnostics
    ):
        return
    sources = {f"source:{name}": source.location for name, source in project.sources.items()}
    sources |= {f"seed:{seed.table}": seed.location for seed in project.seeds}
    if any(state.sources[key].files is None for key in sources):
        return
    copies = {path: stamp(project.root / path) for result in run.results for path in result.published}
    copies |= {path: was for name in names for path, was in state.nodes[name].published.items()}
    left = hashlib.sha256((folder / FILE).read_bytes()).hexdigest()
    held = Held(asked, left, (project.target.path, target), names, sources, copies)
    fresh = folder / f".{LAST}.{uuid.uuid4().hex}"
    with suppress(OSError):  # without it the next build looks for itself
        fresh.write_bytes(msgspec.json.encode(held))
        os.replace(fresh, folder / LAST)
    with suppress(OSError):
        fresh.unlink()


def answer(asked: str | None, root: Path) -> Run | None:
    """The run of a build that has nothing to do; None where that is not certain."""
    began = time.perf_counter()
    try:
        if asked is None:
            return None
        folder = target_folder(root)
        held = read_kept(folder / LAST, Held)
        if held is None or held.question != asked:
            return None
        if held.state != hashlib.sha256((folder / FILE).read_bytes()).hexdigest():
            return None
        state = read_state(folder / FILE)
        if not isinstance(state, State) or not stands(held, state, root):
            return None
        results = [kept(name, state) for name in held.names]
        return Run(tuple(results), str(state.build), time.perf_counter() - began)
    except (OSError, ValueError, KeyError):
        return None


def stands(held: Held, state: State, root: Path) -> bool:
    """Whether the target, the copies and the sources are as they were left, and no label has matured since."""
    path, was = held.target
    if stamp(Path(path)) != was or Path(f"{path}.wal").exists():
        return False
    if any(was is None or stamp(root / path) != was for path, was in held.copies.items()):
        return False
    if any((due := state.nodes[name].due) is not None and time.time() >= due for name in held.names):
        return False
    before: dict[str, FileFingerprints | None] = {key: state.sources[key].files for key in held.sources}
    return all(same(before[key], fingerprint_files(place, root, before[key])) for key, place in held.sources.items())


def kept(name: str, state: State) -> Result:
    """The result of a node that stands unchanged."""
    node = state.nodes[name]
    return Result(name, node.kind, "unchanged", node.rows, notes=tuple(node.notes))
