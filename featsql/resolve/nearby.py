"""What stands near a location at which nothing can be read: hints for typos in paths."""

from __future__ import annotations

import re
from pathlib import Path

from featsql.names import did_you_mean

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
GLOB = re.compile(r"[*?\[]")
SHOWN = 5


def nearby(location: str, root: Path) -> str | None:
    """Where a location leaves the files that exist, and what is there instead; None for a URL."""
    if URL.match(location):
        return None
    folder = root
    for part in Path(location).parts:
        if GLOB.search(part) or not (folder / part).exists():
            return missing(folder, part, root)
        folder = folder / part
    return "it is a folder without such files" if folder.is_dir() else None


def missing(folder: Path, part: str, root: Path) -> str | None:
    """A hint for a name, or a pattern of names, that nothing in a folder has."""
    try:
        names = sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
    except OSError:
        return None
    shown = folder.relative_to(root).as_posix() if folder.is_relative_to(root) else str(folder)
    where = "the project's folder" if shown == "." else f"`{shown}/`"
    if not names:
        return f"{where} is empty"
    more = ", …" if len(names) > SHOWN else ""
    listed = f"{where} holds {', '.join(names[:SHOWN])}{more}"
    return listed if GLOB.search(part) else did_you_mean(part, names, listed)
