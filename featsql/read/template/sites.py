"""Where the parts of every template stand: the tables that a running template points into."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from featsql.read.project import File
from featsql.read.template.traced import Origin, Positions, Traced, written


class Site(Struct, frozen=True):
    """A call as it is written: its own origin and those of its arguments."""

    origin: Origin
    arguments: tuple[Origin, ...] = ()
    keywords: Mapping[str, Origin] = {}


class Call(Struct, frozen=True):
    """A call in progress."""

    site: Site
    macro: bool


class Sites(Struct):
    """Every call, printed expression and literal of the templates read so far; a template names each by its index.

    `names` gives, for each file, the names that its expressions read, and at which offset.
    """

    positions: dict[str, Positions] = {}
    names: dict[str, list[tuple[str, int]]] = {}
    calls: list[Site] = []
    expressions: list[Origin] = []
    literals: list[Traced] = []

    def add(self, file: File) -> Positions:
        """Take in a file before its parts."""
        self.names[file.path] = []
        return self.positions.setdefault(file.path, Positions.of(file))

    def origin(self, path: str, offset: int, width: int = 1) -> Origin:
        """The origin of an offset in a file."""
        return self.positions[path].origin(offset, width)

    def call(self, site: Site) -> int:
        self.calls.append(site)
        return len(self.calls) - 1

    def expression(self, origin: Origin) -> int:
        self.expressions.append(origin)
        return len(self.expressions) - 1

    def literal(self, text: str, origin: Origin) -> int:
        self.literals.append(written(text, origin))
        return len(self.literals) - 1

    def use(self, path: str, statement: Origin, name: str) -> Origin | None:
        """The first use of a name in or after a statement of a file, or the first in it."""
        positions = self.positions[path]
        first = positions.starts[statement.line - 1] + statement.column - 1
        offsets = sorted(offset for each, offset in self.names[path] if each == name)
        found = next((offset for offset in offsets if offset >= first), offsets[0] if offsets else None)
        return None if found is None else positions.origin(found, len(name))
