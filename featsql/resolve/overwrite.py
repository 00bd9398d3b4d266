"""Which models would be published over something else: a copy, a database, what is read, or what featsql writes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from featsql.errors import Diagnostic
from featsql.read.model import Model
from featsql.read.project import Project, Source
from featsql.resolve.nearby import GLOB, URL
from featsql.resolve.sources import what

# A file as it may lie in a folder that is published.
INSIDE = "0000.parquet"


def overwritten(models: Sequence[Model], project: Project) -> Iterator[Diagnostic]:
    """Models that are published where another one is, or below it, where a database of the target or a file of a source
    lies, or where featsql writes about the project."""
    taken = {place_of(path, project): "a database" for path in databases(project)}
    sources = [each for each in (*project.sources.values(), *project.seeds) if is_files(each)]
    taken |= {place_of(each.location, project): what(each) for each in sources if not GLOB.search(each.location)}
    patterns = {what(each): place_of(each.location, project).parts for each in sources if GLOB.search(each.location)}
    for model in models:
        publish = model.config.publish
        if publish is None:
            continue
        mine = place_of(publish.path, project)
        other = next(
            (name for path, name in taken.items() if path in {mine, *mine.parents} or mine in path.parents), None
        )
        file = mine / INSIDE if publish.is_folder else mine
        other = other or next((name for name, pattern in patterns.items() if matches(pattern, file.parts)), None)
        if mine.parent == place_of(project.target_path, project) and mine.suffix == ".json":
            other = "what featsql writes about the project"
        if other is not None:
            message = f"`{publish.path}` is where {other} lies"
            place = model.config.place or model.rendered.file.place(1)
            yield Diagnostic("FS405", message, place, "publish it to a path of its own")
        taken[mine] = f"what is published of `{model.name}`"


def databases(project: Project) -> Iterator[str]:
    """The paths of the target, and of what is attached to it."""
    target = project.target
    files = [target.path, *(each.path for each in target.attach if each.type != "postgres")]
    yield from (path for path in files if path != ":memory:" and not URL.match(path))


def is_files(source: Source) -> bool:
    """Whether a source lies in files of this machine."""
    return source.format not in {"table", "frame"} and not URL.match(source.location)


def place_of(path: str, project: Project) -> Path:
    """A path as the only one of its file."""
    return Path(os.path.normpath(project.root.absolute() / path))


def matches(pattern: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether a pattern of paths names one, part by part; `**` stands for any number of these."""
    if not pattern or not parts:
        return not parts and all(each == "**" for each in pattern)
    if pattern[0] == "**":
        return any(matches(pattern[1:], parts[i:]) for i in range(len(parts) + 1))
    return fnmatchcase(parts[0], pattern[0]) and matches(pattern[1:], parts[1:])
