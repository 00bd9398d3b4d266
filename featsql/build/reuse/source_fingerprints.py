"""The files of every source, looked at while other work goes on."""

from __future__ import annotations

from collections.abc import Mapping, Set
from concurrent.futures import Future, ThreadPoolExecutor

from featsql.build.reuse.file_fingerprints import FileFingerprints, fingerprint_files, watchable
from featsql.build.reuse.state import FILE, State, read_state
from featsql.build.reuse.veil import unveiled
from featsql.read.project import Project, Source
from featsql.resolve.cache.worker_process import MANY
from featsql.resolve.graph import seed_key, source_key
from featsql.sources.locations import attached_table


class SourceFingerprints:
    """What each source's files are, by its relation key: they are looked at from now on, one after the other, those
    that no model reads last, and not into these.

    A process that may double itself has no thread but its own: there they are looked at when they are asked for."""

    def __init__(self, project: Project, *, alone: bool) -> None:
        self.project = project
        keys = [source_key(name) for name in project.sources]
        state = unveiled(read_state(project.root / project.target_path / FILE), keys, project.secrets)
        self.before = state.sources if isinstance(state, State) else {}
        self.found: Mapping[str, Future[FileFingerprints | None]] = {}
        self.pool: ThreadPoolExecutor | None = None
        self.named: Set[str] = frozenset()
        if alone or len(project.models) < MANY:
            self.pool = pool = ThreadPoolExecutor(1)
            sources = {source_key(name): source for name, source in project.sources.items()}
            sources |= {seed_key(seed.table): seed for seed in project.seeds}
            texts = "\n".join(model.text for model in project.models)
            self.named = {key for key, source in sources.items() if source.table in texts}
            first = sorted(sources, key=lambda key: key not in self.named)
            self.found = {key: pool.submit(self.look_at, key, sources[key], key in self.named) for key in first}

    def seen(self, key: str, source: Source, *, whole: bool = True) -> FileFingerprints | None:
        """Each file of a source, or None where that cannot be known; `whole` asks for what is in it, too."""
        if key in self.found and (key in self.named or not whole):
            return self.found[key].result()
        return self.look_at(key, source, whole)

    def close(self) -> None:
        """Look at no further files."""
        if self.pool is not None:
            self.pool.shutdown(wait=False, cancel_futures=True)

    def look_at(self, key: str, source: Source, whole: bool = True) -> FileFingerprints | None:
        """The files that a source is made of: for a table, those of its database, if it is a file."""
        root, known = self.project.root, self.before.get(key)
        before = known.files if known else None
        if source.format != "table":
            return fingerprint_files(source.location, root, before, whole=whole) if watchable(source) else None
        alias = attached_table(source).catalog.casefold()
        attached = next(each for each in self.project.target.attach if each.alias.casefold() == alias)
        if attached.type == "postgres" or "://" in attached.path:
            return None
        parts = [
            fingerprint_files(attached.path + suffix, root, before, whole=whole)
            for suffix in ("", ".wal", "-wal", "-journal")
        ]
        found = {name: seen for part in parts for name, seen in (part or {}).items()}
        return found or None
