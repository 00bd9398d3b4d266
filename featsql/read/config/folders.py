"""Configuration by folder: `models: {shop: {staging: {+tags: [staging]}}}`, as dbt inherits it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path as Folder
from pathlib import PurePosixPath
from typing import Any

from msgspec import Struct

from featsql.errors import Diagnostic, Place
from featsql.names import did_you_mean
from featsql.read.config.document import Document, Path
from featsql.read.config.schema import HeaderBlock
from featsql.read.project import RawConfig

Steps = tuple[str, ...]
KNOWN = frozenset(HeaderBlock.__struct_fields__)


class Settings(Struct):
    """Raw configuration that grows: later and nearer values win, tags and meta add up."""

    values: dict[str, Any] = {}
    places: dict[str, Place] = {}
    place: Place | None = None

    def add(self, values: Mapping[str, Any], places: Mapping[str, Place]) -> None:
        """Merge nearer values over those so far."""
        for key, value in values.items():
            self.values[key] = merged(key, self.values.get(key), value)
        self.places |= places

    def frozen(self) -> RawConfig:
        """What came of it."""
        return RawConfig(dict(self.values), dict(self.places), self.place)


def merged(key: str, far: Any, near: Any) -> Any:
    """A nearer value over a farther one."""
    if key == "tags":
        tags = [*listed(far), *listed(near)]
        return [tag for i, tag in enumerate(tags) if tag not in tags[:i]]
    if key in {"meta", "rules"} and isinstance(far, dict) and isinstance(near, dict):
        return far | near
    return near


def listed(value: Any) -> list[Any]:
    """A list, whatever was given."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def folder_settings(document: Document, section: str, project: str, path: PurePosixPath) -> Settings:
    """The configuration that a file inherits from its folders, `path` being relative to the model path."""
    settings = Settings()
    tree = (document.value or {}).get(section)
    if not isinstance(tree, dict):
        return settings
    steps: Path = (section,)
    collect(document, tree, steps, settings)
    below = (*path.parts[:-1], path.stem)
    for part in (project, *below) if isinstance(tree.get(project), dict) else below:
        tree = tree.get(part)
        if not isinstance(tree, dict):
            break
        steps = (*steps, part)
        collect(document, tree, steps, settings)
    return settings


def collect(document: Document, tree: Mapping[str, Any], steps: Path, settings: Settings) -> None:
    """Take the configuration keys of one level."""
    values: dict[str, Any] = {}
    places: dict[str, Place] = {}
    for key, value in tree.items():
        name = key.removeprefix("+")
        if is_config(key, value):
            values[name] = value
            places |= places_under(document, (*steps, key), name)
    settings.add(values, places)


def places_under(document: Document, path: Path, name: str) -> dict[str, Place]:
    """The places of a configuration key and of everything inside it, by dotted name."""
    found = {name: document.key_place(path)}
    for other in document.keys_below(path):
        inner = [str(step) for step in other[len(path) :] if not isinstance(step, int)]
        found[".".join([name, *inner])] = document.key_place(other)
    return found


def is_config(key: str, value: Any) -> bool:
    """Whether a key of a folder's level is configuration: `+key`, or a known key that is no mapping."""
    return key.startswith("+") or (key in KNOWN and not isinstance(value, dict))


def check_folders(document: Document, section: str, found: list[Diagnostic]) -> None:
    """Every key below `models:` must be a folder or a known configuration key (FS102)."""
    tree = (document.value or {}).get(section)
    if isinstance(tree, dict):
        check_level(document, tree, (section,), found)


def check_level(document: Document, tree: Mapping[str, Any], steps: Path, found: list[Diagnostic]) -> None:
    """Check one level and those below it."""
    for key, value in tree.items():
        name = key.removeprefix("+")
        if key.startswith("+") or not isinstance(value, dict):
            if name not in KNOWN:
                hint = did_you_mean(name, KNOWN, "known here: " + ", ".join(sorted(KNOWN)))
                place = document.key_place((*steps, key))
                found.append(Diagnostic("FS102", f"unknown configuration key `{key}`", place, hint))
        else:
            check_level(document, value, (*steps, key), found)


def refuse_unmet(
    document: Document, section: str, project: str, paths: Iterable[PurePosixPath], folders: Sequence[Folder]
) -> Iterator[Diagnostic]:
    """A folder, or a model, that is configured and not there: its configuration would be lost in silence (FS116).
    Where there is no model yet there is none to lose."""
    tree = (document.value or {}).get(section)
    met = {(*path.parts[:-1], path.stem)[:end] for path in paths for end in range(1, len(path.parts) + 1)}

    def below(tree: Mapping[str, Any], steps: Steps, place: Path) -> Iterator[Diagnostic]:
        for key, value in tree.items():
            if is_config(key, value) or not isinstance(value, dict):
                continue
            if (*steps, key) in met or any(each.joinpath(*steps, key).is_dir() for each in folders):
                yield from below(value, (*steps, key), (*place, key))
            else:
                hint = did_you_mean(key, [path[-1] for path in met if path[:-1] == steps])
                message = f"there is no folder of models, and no model, `{'/'.join((*steps, key))}`"
                yield Diagnostic("FS116", message, document.key_place((*place, key)), hint)

    if not isinstance(tree, dict) or not met:
        return
    own = tree.get(project)
    if not isinstance(own, dict):
        yield from below(tree, (), (section,))
        return
    yield from below(own, (), (section, project))
    for key, value in tree.items():
        if key != project and isinstance(value, dict) and not is_config(key, value):
            hint = f"put it below `{project}:`, as a folder of this project; featsql has no packages"
            yield Diagnostic("FS116", f"`{key}` is not this project", document.key_place((section, key)), hint)
