"""What earlier builds made in a target and from what: a file beside the manifest, never trusted across versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from featsql.build.kept import read_kept
from featsql.build.reuse.file_fingerprints import FileFingerprints

FORMAT = 4
FILE = "state.json"
UNREADABLE = "cannot know: the state of the last build cannot be read"
# How many rows, and the sum of their hashes.
Measure = tuple[int, str]


class SourceState(Struct):
    """A source when it was last looked at: its declaration, its files, and a name for this state of it.
    `files` is None where the state cannot be known."""

    declared: str
    files: FileFingerprints | None
    version: str


class Extent(Struct, frozen=True):
    """What a relation holds: its clock and columns (`made`), the last instant at which a row became known (None: no
    clock), all rows and those of each bucket of event time, `width` microseconds wide (None: it has no buckets)."""

    made: str
    last: str | None
    whole: Measure
    width: int | None = None
    buckets: Mapping[str, Measure] = {}


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
    extents: dict[str, Extent] = {}
    columns_made: dict[str, str] = {}


class State(Struct):
    """Everything known of one target. `root` is the folder of the project, `build` when the last build began (UTC),
    None while one is at work, and `unfinished` has what that builds, or one that did not end well was building;
    `known_at` is the instant whose knowledge it was built from, None for now. `sum` is a digest of all else."""

    target: str
    made_by: list[str]
    sources: dict[str, SourceState] = {}
    nodes: dict[str, NodeState] = {}
    build: str | None = None
    known_at: str | None = None
    root: str = ""
    unfinished: list[str] = []
    format: int = FORMAT
    sum: str = ""

    def summed(self) -> State:
        """The same with its digest."""
        bare = replace(self, sum="")
        return replace(bare, sum=hashlib.sha256(msgspec.json.encode(bare)).hexdigest())


class Maker(Struct):
    """What tells whether a file is one that this featsql reads."""

    format: int
    made_by: list[str]


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
    if not path.exists():
        return "never built"
    maker = read_kept(path, Maker)
    if maker is not None and (maker.format != FORMAT or maker.made_by != made_by()):
        return "featsql or DuckDB changed"
    state = read_kept(path, State)
    return state if state is not None and state.summed().sum == state.sum else UNREADABLE


def digest(value: Any) -> str:
    """The SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
