"""A project compiled for what there is to say about it: its sources are opened only if their files have changed."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from featsql.build.reuse.file_fingerprints import SETTLED, FileFingerprints, fingerprint_files, same, watchable
from featsql.build.target import open_engine
from featsql.compiler import Compiled, compile_project, read_columns
from featsql.engine import Column, Engine
from featsql.read.project import Project, Source
from featsql.resolve.cache.compile_cache import FILE, CompileCache, digest, open_compile_cache
from featsql.resolve.graph import Graph

HELD = "sources"


class Held(Struct, array_like=True):
    """What is held of a source: what decides how it is read, its files, and the name and type of each column."""

    declared: str
    seen: FileFingerprints | None
    columns: list[tuple[str, str]]


def review(project: Project, *, threads: int | None = None, alone: bool = True) -> Compiled:
    """Compile a project of which nothing is to be run; trees are not kept. Unless it is to be done `alone`, this
    process may double itself: which a library does not do to the program that uses it. Raises FeatsqlError."""
    compile_cache = open_compile_cache(project.root / project.target_path / FILE)
    engine = Engine(lambda: open_engine(project, threads=threads))
    target = project.target
    if target.settings or target.attach or target.extensions or target.threads or target.memory_limit:
        _ = engine.connection  # a setting may be wrong
    try:
        return compile_project(
            project,
            engine,
            keep=False,
            alone=alone,
            compile_cache=compile_cache,
            columns=lambda graph: known_columns(graph, compile_cache, engine),
        )
    finally:
        engine.close()


def known_columns(graph: Graph, compile_cache: CompileCache, engine: Engine) -> Mapping[str, tuple[Column, ...]]:
    """The columns of every source and seed: as they are held, if all files are as they were."""
    held = compile_cache.told(HELD, dict[str, Held]) or {}
    seen = {key: look_at(source, graph, held.get(key)) for key, source in graph.sources.items()}
    if all(key in held and stands(held[key], source, seen[key]) for key, source in graph.sources.items()):
        settle(held, seen, compile_cache)
        return {key: tuple(Column(*each) for each in held[key].columns) for key in graph.sources}
    columns = read_columns(engine, {}, graph)
    compile_cache.share(
        HELD,
        {
            key: Held(declared(source), seen[key], [(each.name, each.type) for each in columns[key]])
            for key, source in graph.sources.items()
        },
    )
    return columns


def look_at(source: Source, graph: Graph, held: Held | None) -> FileFingerprints | None:
    """The files of a source, if it is made of files."""
    return (
        fingerprint_files(source.location, graph.project.root, held.seen if held else None)
        if watchable(source)
        else None
    )


def stands(held: Held, source: Source, seen: FileFingerprints | None) -> bool:
    """Whether a source is as it was when it was read."""
    return bool(seen) and held.declared == declared(source) and same(held.seen, seen)


def declared(source: Source) -> str:
    """What decides how the files of a source are read."""
    return digest([source.location, *source.declaration])


def settle(held: Mapping[str, Held], seen: Mapping[str, FileFingerprints | None], compile_cache: CompileCache) -> None:
    """Hold the new look at files that may have changed unseen after the old one, so that their content need not be
    read again."""
    for key, now in seen.items():
        if any(old[2] - old[1] <= SETTLED for old in (held[key].seen or {}).values()):
            held[key].seen = now
            compile_cache.share(HELD, held)
