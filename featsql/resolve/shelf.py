"""What earlier compilations found out, in one file under the target path: shared by processes, never trusted blindly.

The file is one line that tells of the others, then a line for each model, read when it is asked for. It is put in
place by a rename. Whatever in it is not plainly whole, and of this featsql, is not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import sqlglot

from featsql import __version__
from featsql.engine import VERSION

FORMAT = 2
PACKAGE = Path(__file__).parent.parent
FILE = "compiled.json"
BROKEN = (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError)


@dataclass(slots=True)
class Row:
    """What is held of one model: under which keys, and where."""

    text: str  # the key of its rendering
    rendered: Any
    strangers: list[list[str]]  # the tables that it names which are no relations of the project
    key: str  # of what it was resolved from
    facts: str  # the digest of what others may know of it
    said: str  # the key under which its findings count
    findings: Any
    line: bytes = b""
    code: bytes = b""  # what a build asks of it; nothing, as long as none did


PARTS = tuple(each.name for each in fields(Row))[:-2]


@dataclass(slots=True)
class Shelf:
    """The rows by model, and `shared` facts of the whole project by name; `changed` since they were read, or not."""

    path: Path | None = None
    rows: dict[str, Row] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)
    changed: bool = False

    def share(self, name: str, value: Any) -> None:
        """Hold a fact of the whole project."""
        self.shared[name] = value
        self.changed = True

    def body(self, name: str) -> Any:
        """What is known of a model. Raises ValueError where that is not whole."""
        return json.loads(self.rows[name].line)

    def save(self, secrets: Iterable[str] = ()) -> None:
        """Put the file in place, if none of the secrets is in it; a target path that cannot be written to is no
        error."""
        if self.path is None:
            return
        rows = {
            name: [*(getattr(row, part) for part in PARTS), len(row.line), len(row.code)]
            for name, row in self.rows.items()
        }
        body = b"".join(part for row in self.rows.values() for part in (row.line, row.code))
        head = {"format": FORMAT, "made_by": made_by(), "rows": rows, "shared": self.shared, "sum": crc32(body)}
        content = json.dumps(head, separators=(",", ":")).encode()
        if any(json.dumps(secret)[1:-1].encode() in text for secret in secrets if secret for text in (content, body)):
            return
        fresh = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(b"%08x\n%b\n%b" % (crc32(content), content, body))
            os.replace(fresh, self.path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()


def open_shelf(path: Path) -> Shelf:
    """What a file holds; nothing, where it cannot be trusted."""
    try:
        content = path.read_bytes()
        first, second = content.index(b"\n"), content.index(b"\n", content.index(b"\n") + 1)
        head = content[first + 1 : second]
        if int(content[:first], 16) != crc32(head):
            return Shelf(path)
        held = json.loads(head)
        if held["format"] != FORMAT or held["made_by"] != made_by() or held["sum"] != crc32(content[second + 1 :]):
            return Shelf(path)
        return Shelf(path, rows_of(held["rows"], content, second + 1), dict(held["shared"]))
    except BROKEN:
        return Shelf(path)


def rows_of(held: Mapping[str, list[Any]], content: bytes, at: int) -> dict[str, Row]:
    """The rows, each with its line."""
    rows: dict[str, Row] = {}
    for name, parts in held.items():
        line, code = parts[-2:]
        rows[name] = Row(*[*parts[:-2], content[at : at + line], content[at + line : at + line + code]])
        at += line + code
    return rows


@cache
def made_by() -> list[str]:
    """What a finding depends on besides the project: the versions, and featsql's own files as they are."""
    seen = [
        [entry.name, entry.stat().st_size, entry.stat().st_mtime_ns]
        for folder in (PACKAGE, *(PACKAGE / each for each in ("plan", "read", "resolve", "resolve/rules")))
        for entry in os.scandir(folder)
        if entry.name.endswith(".py")
    ]
    return [__version__, vars(sqlglot)["__version__"], VERSION, digest(sorted(seen))]


def digest(value: Any) -> str:
    """The digest of a value of plain texts, numbers, lists and mappings, told by how Python writes it."""
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()[:32]
