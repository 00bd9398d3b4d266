"""What earlier compilations found out, in one file under the target path: shared by processes, never trusted blindly.

The file is one line that tells of the others, then what is held of each model, read when it is asked for. It is put in
place by a rename. Whatever in it is not plainly whole, and of this featsql, is not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import sqlglot
from msgspec import Struct, ValidationError, convert, to_builtins

from featsql import __version__
from featsql.engine import VERSION
from featsql.secrets import known

FORMAT = 3
PACKAGE = Path(__file__).parents[2]
FILE = "compiled.json"
Some = TypeVar("Some")
BROKEN = (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError)


class Row(Struct):
    """What is held of one model: under which keys, and where."""

    text: str  # the key of its rendering
    key: str  # of what it was resolved from
    facts: str  # the digest of what others may know of it
    said: str  # the key under which its findings count
    findings: Any
    rendered: bytes = b""
    line: bytes = b""
    code: bytes = b""  # what a build asks of it; nothing, as long as none did


# What the first line has of a row, and what follows below, written as it was read.
BODY = 3
HEAD = Row.__struct_fields__[:-BODY]
KINDS: Any = tuple[str, str, str, str, list[Any]]


class CompileCache(Struct):
    """The rows by model, and `shared` facts of the whole project by name; `changed` since they were read, or not."""

    path: Path | None = None
    rows: dict[str, Row] = {}
    shared: dict[str, Any] = {}
    changed: bool = False

    def share(self, name: str, value: Any) -> None:
        """Hold a fact of the whole project."""
        self.shared[name] = to_builtins(value)
        self.changed = True

    def told(self, name: str, kind: type[Some]) -> Some | None:
        """A fact of the whole project; None where none of that kind is held."""
        try:
            return convert(self.shared.get(name), kind)
        except ValidationError:
            return None

    def body(self, name: str) -> Any:
        """What is known of a model. Raises ValueError where that is not whole."""
        return json.loads(self.rows[name].line)

    def save(self, secrets: Iterable[str] = ()) -> None:
        """Put the file in place, if none of the secrets is in it; a target path that cannot be written to is no
        error."""
        if self.path is None:
            return
        parts = [(row.rendered, row.line, row.code) for row in self.rows.values()]
        rows = {
            name: [*(getattr(row, part) for part in HEAD), *map(len, each)]
            for (name, row), each in zip(self.rows.items(), parts, strict=True)
        }
        body = b"".join(part for each in parts for part in each)
        head = {"format": FORMAT, "made_by": made_by(), "rows": rows, "shared": self.shared, "sum": crc32(body)}
        content = json.dumps(head, separators=(",", ":")).encode()
        if any(
            json.dumps(secret)[1:-1].encode() in text
            for secret in known(frozenset(secrets))
            if secret
            for text in (content, body)
        ):
            return
        fresh = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(b"%08x\n%b\n%b" % (crc32(content), content, body))
            os.replace(fresh, self.path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()


def open_compile_cache(path: Path) -> CompileCache:
    """What a file holds; nothing, where it cannot be trusted."""
    try:
        content = path.read_bytes()
        first, second = content.index(b"\n"), content.index(b"\n", content.index(b"\n") + 1)
        head = content[first + 1 : second]
        if int(content[:first], 16) != crc32(head):
            return CompileCache(path)
        held = json.loads(head)
        if held["format"] != FORMAT or held["made_by"] != made_by() or held["sum"] != crc32(content[second + 1 :]):
            return CompileCache(path)
        return CompileCache(path, rows_of(held["rows"], content, second + 1), dict(held["shared"]))
    except BROKEN:
        return CompileCache(path)


def rows_of(held: Mapping[str, list[Any]], content: bytes, at: int) -> dict[str, Row]:
    """The rows, each with its line."""
    rows: dict[str, Row] = {}
    for name, parts in held.items():
        body: list[bytes] = []
        for length in parts[-BODY:]:
            body.append(content[at : at + length])
            at += length
        rows[name] = Row(*convert(parts[:-BODY], KINDS), *body)
    return rows


@cache
def made_by() -> list[str]:
    """What a finding depends on besides the project: the versions, and featsql's own files as they are."""
    seen = [
        [entry.name, entry.stat().st_size, entry.stat().st_mtime_ns]
        for folder in (PACKAGE, *compiling())
        for entry in os.scandir(folder)
        if entry.name.endswith(".py")
    ]
    return [__version__, vars(sqlglot)["__version__"], VERSION, digest(sorted(seen))]


def compiling() -> Iterator[str | Path]:
    """The folders of the package whose files decide what a compilation finds."""
    for part in ("engines", "plan", "read", "resolve", "sources"):
        for folder, _, _ in os.walk(PACKAGE / part):
            yield folder


def digest(value: Any) -> str:
    """The digest of a value of plain texts, numbers, lists and mappings, told by how Python writes it."""
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()[:32]
