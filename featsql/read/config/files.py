"""The files of a project: found below its folders, and read as text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePath

PROJECT_FILE = "featsql_project.yml"
MARK = b"\xef\xbb\xbf"  # with which some programs begin a file of UTF-8


def found_below(root: Path, folder: str) -> list[str]:
    """The files below a folder of a project, also links to none, by their paths from its root with forward slashes, in
    a fixed order. What is hidden is left out, what lies behind a link to a folder too."""
    own = PurePath(folder).as_posix()
    found = files_in(str(root / folder), "" if own == "." else f"{own.rstrip('/')}/")
    return sorted(found, key=lambda name: name.split("/"))


def files_in(folder: str, prefix: str) -> Iterator[str]:
    """The same of one folder; of one that is not there, or is closed to us, nothing."""
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from files_in(entry.path, f"{prefix}{entry.name}/")
            elif entry.is_file() or not os.path.exists(entry.path):
                yield prefix + entry.name


def read_text(path: str) -> str:
    """The text of a file, whose lines end in a newline and nothing else. Raises OSError, and UnicodeDecodeError for
    what is not UTF-8."""
    with open(path, "rb") as file:
        text = file.read().removeprefix(MARK).decode()
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
