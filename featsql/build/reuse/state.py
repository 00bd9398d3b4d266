"""What earlier builds made in a target and from what: a file beside the manifest, never trusted across versions."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from msgspec import Struct

from featsql.build.reuse.file_fingerprints import FileFingerprints

FORMAT = 3
FILE = "state.json"


class SourceState(Struct):
    """A source when it was last looked at: its declaration, its files, and a name for this state of it.
    `files` is None where the state cannot be known."""

    declared: str
    files: FileFingerprints | None
    version: str


class NodeState(Struct):
    """A node when it was built. `inputs` names the state of everything it was made from, `due` is when the
    clock alone changes it (seconds since 1970), `why_not` why it can never be known to be unchanged,
    `extents` what the relations behind a training set held, and `columns_made` the fingerprint of what each of its
    columns is made of."""

    code: str
    inputs: dict[str, str]
    version: str
    kind: str
    rows: int | None = None
    columns: str | None = None
    due: float | None = None
    why_not: str | None = None
    notes: list[str] = []
    published: dict[str, list[int] | None] = {}
    extents: dict[str, dict[str, Any]] = {}
    columns_made: dict[str, str] = {}


class State(Struct):
    """Everything known of one target. `root` is the folder of the project, `build` when the last build began (UTC),
    None while one is at work, and `unfinished` has what that builds, or one that did not end well was building;
    `known_at` is the instant whose knowledge it was built from, None for now."""

    target: str
    made_by: list[str]
    sources: dict[str, SourceState] = {}
    nodes: dict[str, NodeState] = {}
    build: str | None = None
    known_at: str | None = None
    root: str = ""
    unfinished: list[str] = []
    format: int = FORMAT


def made_by() -> list[str]:
    """The versions that a result depends on: featsql's, DuckDB's and sqlglot's."""
    from featsql import __version__

    return [__version__, *(installed(name) for name in ("duckdb", "sqlglot"))]


def installed(name: str) -> str:
    """The version of an installed package. What tells it of all packages takes longer to load than most else here; it
    is only asked where the folder beside the package does not say it."""
    try:
        spec = find_spec(name)
    except ValueError:  # of a module that somebody put there by hand
        spec = None
    places = spec.submodule_search_locations if spec is not None else None
    beside = Path(places[0]).parent.glob(f"{name}-*.dist-info") if places else ()
    if len(found := [each.stem.removeprefix(f"{name}-") for each in beside]) == 1:
        return found[0]
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def read_state(path: Path) -> State | str:
    """The state that a file holds, or why it cannot be trusted."""
    try:
        held = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return "never built"
    except (OSError, ValueError):
        return "cannot know: the state of the last build cannot be read"
    try:
        if held["format"] != FORMAT or held["made_by"] != made_by():
            return "featsql or DuckDB changed"
        held["sources"] = {key: SourceState(**each) for key, each in held["sources"].items()}
        held["nodes"] = {name: NodeState(**each) for name, each in held["nodes"].items()}
        return State(**held)
    except (TypeError, KeyError, AttributeError):
        return "cannot know: the state of the last build cannot be read"


def digest(value: Any) -> str:
    """The SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
