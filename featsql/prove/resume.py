"""What was verified already: kept under the target path, and good for as long as code and inputs stay the same."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from msgspec import Struct

from featsql import __version__
from featsql.build.kept import read_kept
from featsql.build.publish import write_json
from featsql.build.reuse.fingerprint import Fingerprints, digest, files
from featsql.compiler import Compiled
from featsql.engines.duckdb.lower.lower import lower
from featsql.plan.plan import Plan
from featsql.resolve.graph import model_key

FOLDER = "verify"


class Held(Struct):
    """What is kept: the fingerprint of a run, and the numbers of the rows that it saw."""

    key: str
    seen: list[int]


class Progress:
    """The rows of one training set that were seen, by the run's fingerprint: a change of the SQL that featsql makes, of
    the sources' files, of the seed or of the size of the sample begins anew."""

    def __init__(self, plan: Plan, compiled: Compiled, seed: int, sample: int) -> None:
        self.compiled = compiled
        self.path = folder(compiled) / f"{plan.name}.state.json"
        code = Fingerprints(compiled).of(plan.name)
        self.key = digest([code, lower(plan).sql("duckdb"), __version__, seed, sample])
        self.resumable = told_by_files(plan.name, compiled)

    def load(self) -> frozenset[int]:
        """The numbers of the rows that were seen before; none where anything has changed."""
        held = read_kept(self.path, Held) if self.resumable else None
        return frozenset(held.seen if held is not None and held.key == self.key else ())

    def save(self, seen: Collection[int]) -> None:
        """Keep the numbers of the rows that were seen."""
        if self.resumable:
            write_json(self.path, {"key": self.key, "seen": sorted(seen)}, self.compiled.project.secrets)

    def forget(self) -> None:
        """Let the next run begin anew."""
        self.path.unlink(missing_ok=True)


def folder(compiled: Compiled) -> Path:
    """Where reports and states are kept."""
    return compiled.project.root / compiled.project.target_path / FOLDER


def told_by_files(name: str, compiled: Compiled) -> bool:
    """Whether a change of any input can be told: all of them are files of this machine."""
    graph, root = compiled.graph, compiled.project.root
    above = graph.upstream([model_key(name)])
    return all(files(source, root) for key, source in graph.sources.items() if key in above)
