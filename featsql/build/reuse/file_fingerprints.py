"""Files as they were when a result was made from them, and whether they still are."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from featsql.read.project import Source

PATTERN = re.compile(r"[*?\[{]")
LARGEST_HASHED = 1 << 28  # bytes; a larger file whose time changed counts as changed
PIECE = 1 << 24  # bytes
SETTLED = 2_000_000_000  # nanoseconds; a file changed later than this before it was seen may change again unseen

# Of each file its size, the time of its change and of the look, and the hash of its content.
Look = tuple[int, int, int, str | None]
FileFingerprints = dict[str, Look]


def files(location: str, root: Path) -> Iterator[Path]:
    """Every file that a location can stand for: at least those that the engine reads.

    Raises OSError where that cannot be told: a link to a folder, or a folder that cannot be read.
    """
    folders, _, last = location.rpartition("/")
    path = root / location
    if not PATTERN.search(location) and not path.is_dir():
        if path.is_file():
            yield path
        return
    fixed = folders if PATTERN.search(location) else location
    while PATTERN.search(fixed):
        fixed = fixed.rpartition("/")[0]
    start = "/" if location.startswith("/") and not fixed else root / fixed
    chosen = last if PATTERN.search(last) and "{" not in last and "[" not in last else "*"
    chosen = chosen if PATTERN.search(location) else "*"
    for name in walk(Path(start)):
        if fnmatchcase(name.name, chosen) or not PATTERN.search(last):
            yield name


def walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder. Raises OSError at a link to a folder."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if entry.is_dir():
                if entry.is_symlink():
                    raise OSError(f"{entry.name} is a link to a folder")
                yield from walk(Path(entry.path))
            else:
                yield Path(entry.path)


def within(path: Path, root: Path) -> str:
    """A path as the project knows it: one below its folder stays the same when that is moved."""
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def fingerprint_files(
    location: str, root: Path, before: FileFingerprints | None, *, whole: bool = True
) -> FileFingerprints | None:
    """Each file's size (bytes), time of change and time of this look (nanoseconds), and content's hash.
    None where it cannot be known. What `before` knows of a file that did not change is not read again. If not the
    `whole` of a file is to be looked at, it is not read, and has no hash."""
    try:
        found: FileFingerprints = {}
        for path in files(location, root):
            name = hashlib.sha256(within(path, root).encode()).hexdigest()  # a path may hold what nobody is to read
            old = (before or {}).get(name)
            stat, now = path.stat(), time.time_ns()
            settled = old is not None and old[:2] == (stat.st_size, stat.st_mtime_ns) and old[2] - old[1] > SETTLED
            known = old[3] if old is not None and settled else content(path, stat.st_size) if whole else None
            found[name] = (stat.st_size, stat.st_mtime_ns, now, known)
        return found
    except OSError:
        return None


def same(before: FileFingerprints | None, now: FileFingerprints | None) -> bool:
    """Whether two looks saw the same files with the same content."""
    if before is None or now is None or before.keys() != now.keys():
        return False
    return all(alike(before[path], now[path]) for path in now)


def alike(before: Look, now: Look) -> bool:
    """Whether a file is the same in two looks: by its hash, or by a size and a time that had settled."""
    if before[0] != now[0]:
        return False
    if before[3] is not None and now[3] is not None:
        return bool(before[3] == now[3])
    return bool(before[1] == now[1] and before[2] - before[1] > SETTLED)


def content(path: Path, size: int) -> str | None:
    """The hash of a file's content; None for one that is too large to be read for this."""
    if size > LARGEST_HASHED:
        return None
    found = hashlib.sha256()
    # long pieces: a thread that reads short ones has to wait its turn behind each of them
    piece = bytearray(min(size + 1, PIECE))
    with path.open("rb", buffering=0) as opened:
        while count := opened.readinto(piece):
            found.update(memoryview(piece)[:count])
    return found.hexdigest()


def stamp(path: Path) -> list[int] | None:
    """A file's size and time of change; of a folder, how large its files are together, when one changed last, and how
    many there are. None where it is not there."""
    try:
        if not path.is_dir():
            stat = path.stat()
            return [stat.st_size, stat.st_mtime_ns]
        stats = [each.stat() for each in path.resolve().rglob("*") if each.is_file()]
    except OSError:
        return None
    return [sum(each.st_size for each in stats), max((each.st_mtime_ns for each in stats), default=0), len(stats)]


def watchable(source: Source) -> bool:
    """Whether a source is made of files that can be looked at."""
    return source.format not in {"table", "frame"} and "://" not in source.location and Path(source.location) != Path()
