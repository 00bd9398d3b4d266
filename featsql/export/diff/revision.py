"""A project as it stood at a git revision, read from git alone: the work tree is not touched."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec.structs import replace

from featsql.build.target import open_engine
from featsql.compiler import compile_project
from featsql.errors import Diagnostic, FeatsqlError
from featsql.export.excerpt import excerpt
from featsql.export.json import document
from featsql.read.load import load
from featsql.resolve.cache.compile_cache import CompileCache

# The files that a project is written in; data stay where they are.
WRITTEN = (".sql", ".yml", ".yaml", ".csv")


def lineage_at(root: Path, revision: str, target: str | None, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The lineage document of the project in `root` as it was at a revision; sources are read as they are now.

    Raises FeatsqlError FS732 where git cannot give the revision, FS733 where it does not compile.
    """
    with TemporaryDirectory(prefix="featsql-") as name:
        folder = Path(name).resolve()
        for path, content in files_at(root, revision):
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        try:
            project = replace(load(folder, target=target, variables=variables), root=root)
            engine = open_engine(project)
            try:
                compiled = compile_project(project, engine, compile_cache=CompileCache())
                found = document(excerpt(compiled))
                compiled.scratch.close()
            finally:
                engine.close()
        except FeatsqlError as error:
            raise FeatsqlError([broken(revision), *(moved(each, revision) for each in error.diagnostics)]) from error
    return found


def files_at(root: Path, revision: str) -> Iterator[tuple[str, bytes]]:
    """The paths, relative to `root`, and the contents of the project's written files at a revision."""
    commit = git(root, revision, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    listed = git(root, revision, "ls-tree", "-r", "-z", commit.decode().strip())
    entries = [entry.split(b"\t", 1) for entry in listed.split(b"\0") if entry]
    chosen = [(meta.split()[2], path.decode()) for meta, path in entries if meta.startswith(b"100")]
    chosen = [(blob, path) for blob, path in chosen if path.lower().endswith(WRITTEN)]
    asked = b"".join(blob + b"\n" for blob, _ in chosen)
    answer = git(root, revision, "cat-file", "--batch", given=asked)
    at = 0
    for _, path in chosen:
        line = answer.index(b"\n", at)
        size = int(answer[at:line].split()[2])
        yield path, answer[line + 1 : line + 1 + size]
        at = line + size + 2


def git(root: Path, revision: str, *command: str, given: bytes = b"") -> bytes:
    """What a git command prints. Raises FeatsqlError FS732 where it fails, or there is no git."""
    hint = "name a branch, a tag or a commit of the project's git repository, or a file that was saved"
    try:
        done = subprocess.run(["git", *command], cwd=root, input=given, capture_output=True, check=False)
    except OSError as error:
        raise FeatsqlError(Diagnostic("FS732", f"git does not run: {error.strerror or error}", hint=hint)) from error
    if done.returncode != 0:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["there is no such revision"])[0]
        raise FeatsqlError(Diagnostic("FS732", f"git cannot give `{revision}`: {said}", hint=hint))
    return done.stdout


def broken(revision: str) -> Diagnostic:
    """A revision that cannot be compared with."""
    hint = "compare with a revision that compiles; sources are read as they are now"
    return Diagnostic("FS733", f"the project does not compile as it was at `{revision}`", hint=hint)


def moved(found: Diagnostic, revision: str) -> Diagnostic:
    """A finding of a revision, placed in that revision's file."""
    place = found.place and replace(found.place, path=f"{revision}:{found.place.path}")
    return replace(found, place=place)
