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

# A file as it may lie in a folder that is published.
INSIDE = "0000.parquet"


def overwritten(models: Sequence[Model], project: Project) -> Iterator[Diagnostic]:
    """Models that are published where another one is, or below it, where a database of the target or a file of a source
    lies, or where featsql writes about the project."""
    taken = {place: "a database" for path in databases(project) for place in places(path, project)}
    patterns: dict[Path, str] = {}
    folders = places(project.target_path, project)
    for source in (*project.sources.values(), *project.seeds):
        if is_files(source):
            kept = patterns if GLOB.search(source.location) else taken
            kept |= dict.fromkeys(places(source.location, project), source.title)
    for model in models:
        publish = model.config.publish
        if publish is None:
            continue
        mine = places(publish.path, project)
        other = next((name for path, name in taken.items() if any(meet(path, each) for each in mine)), None)
        files = [each / INSIDE if publish.is_folder else each for each in mine]
        other = other or next(
            (name for path, name in patterns.items() if any(matches(path.parts, each.parts) for each in files)), None
        )
        if any(each.suffix == ".json" and each.parent in folders for each in mine):
            other = "what featsql writes about the project"
        if other is not None:
            message = f"`{publish.path}` is where {other} lies"
            place = model.config.place or model.rendered.file.place(1)
            yield Diagnostic("FS405", message, place, "publish it to a path of its own")
        taken |= dict.fromkeys(mine, f"what is published of `{model.name}`")


def meet(one: Path, other: Path) -> bool:
    """Whether two paths are the same, or one lies below the other."""
    return one == other or one in other.parents or other in one.parents


def databases(project: Project) -> Iterator[str]:
    """The paths of the target, and of what is attached to it."""
    target = project.target
    files = [target.path, *(each.path for each in target.attach if each.type != "postgres")]
    yield from (path for path in files if path != ":memory:" and not URL.match(path))


def is_files(source: Source) -> bool:
    """Whether a source lies in files of this machine."""
    return source.format not in {"table", "frame"} and not URL.match(source.location)


def places(path: str, project: Project) -> tuple[Path, ...]:
    """A path as it is written, and as links lead to it."""
    written = os.path.normpath(project.root.absolute() / path)
    return tuple(dict.fromkeys((Path(written), Path(os.path.realpath(written)))))


def matches(pattern: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether a pattern of paths names one, part by part; `**` stands for any number of these."""
    if not pattern or not parts:
        return not parts and all(each == "**" for each in pattern)
    if pattern[0] == "**":
        return any(matches(pattern[1:], parts[i:]) for i in range(len(parts) + 1))
    return fnmatchcase(parts[0], pattern[0]) and matches(pattern[1:], parts[1:])
