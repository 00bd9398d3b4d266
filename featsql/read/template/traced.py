"""Text that remembers where each piece of it was written, for as long as it is only put together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import chain
from typing import SupportsIndex

from msgspec import Struct
from msgspec.structs import replace

from featsql.errors import Place
from featsql.read.project import File

Frame = tuple[str, int, int]  # the path of a file, a line and a column


class Origin(Struct, frozen=True):
    """Where a piece of text was written.

    `literal` text stands in the file character by character. `argument` text is a string inside an
    expression: where it is handed to a macro, that call is no news. `width` is how much a caret
    underlines. `trail` is the way through macro calls, innermost first, `printed` that through printed expressions.
    """

    file: File
    line: int
    column: int
    width: int = 1
    literal: bool = False
    argument: bool = False
    trail: tuple[Place, ...] = ()
    printed: tuple[Frame, ...] = ()

    @property
    def frame(self) -> Frame:
        """The place alone."""
        return self.file.path, self.line, self.column

    @property
    def place(self) -> Place:
        return self.file.place(self.line, self.column, self.width)

    def after(self, text: str) -> Origin:
        """The origin of what follows `text`, where `text` was written here."""
        if not self.literal:
            return self
        lines = text.count("\n")
        column = len(text) - text.rfind("\n") if lines else self.column + len(text)
        return replace(self, line=self.line + lines, column=column)

    def through(self, printer: Origin) -> Origin:
        """The same origin, printed by an expression."""
        return replace(self, printed=(*self.printed, printer.frame))

    def called_from(self, caller: Origin) -> Origin:
        """The same origin, reached through a macro call at `caller`."""
        if self.argument and self.file is caller.file and not self.trail:
            return self
        return replace(self, trail=(*self.trail, caller.place))


Piece = tuple[str, Origin | None]


class Traced(str):
    """Text with the origins of its pieces. Whatever but concatenation and trimming makes it a plain `str`."""

    __slots__ = ("pieces",)
    pieces: tuple[Piece, ...]

    def __new__(cls, text: str = "", pieces: Iterable[Piece] = ()) -> Traced:
        made = super().__new__(cls, text)
        made.pieces = tuple(pieces)
        return made

    def __str__(self) -> str:
        return self

    def __add__(self, other: str) -> Traced:
        return concatenate((self, other))

    def __radd__(self, other: str) -> Traced:
        return concatenate((other, self))

    def join(self, parts: Iterable[str], /) -> Traced:
        """The parts with this text between them."""
        between = chain.from_iterable((self, part) for part in parts)
        next(between, None)
        return concatenate(between)

    def strip(self, characters: str | None = None, /) -> Traced:
        return self.lstrip(characters).rstrip(characters)

    def lstrip(self, characters: str | None = None, /) -> Traced:
        return self.cut(len(self) - len(super().lstrip(characters)), len(self))

    def rstrip(self, characters: str | None = None, /) -> Traced:
        return self.cut(0, len(super().rstrip(characters)))

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        if isinstance(key, slice) and key.step in (None, 1):
            start, stop, _ = key.indices(len(self))
            return self.cut(start, max(start, stop))
        return super().__getitem__(key)

    def cut(self, start: int, stop: int) -> Traced:
        """The text between two offsets."""
        kept: list[Piece] = []
        position = 0
        for text, origin in self.pieces:
            first, last = max(start - position, 0), min(stop - position, len(text))
            if first < last:
                kept.append((text[first:last], origin and origin.after(text[:first])))
            position += len(text)
        return Traced(str.__getitem__(self, slice(start, stop)), kept)

    def called_from(self, caller: Origin) -> Traced:
        """The same text, as what a macro that was called at `caller` gave."""
        return Traced(self, ((text, origin and origin.called_from(caller)) for text, origin in self.pieces))

    def placed(self, printer: Origin) -> Traced:
        """The same text as an expression prints it, from which comes what has no origin."""
        pieces = self.pieces or ((plain(self), None),)
        return Traced(self, ((text, (origin or printer).through(printer)) for text, origin in pieces))


def written(text: str, origin: Origin) -> Traced:
    """Text of one origin."""
    return Traced(text, ((text, origin),))


def concatenate(parts: Iterable[str]) -> Traced:
    """The parts, one after the other, each with its own origins."""
    pieces: list[Piece] = []
    for part in parts:
        if isinstance(part, Traced) and part.pieces:
            pieces.extend(part.pieces)
        elif part:
            pieces.append((plain(part), None))
    return Traced("".join(text for text, _ in pieces), pieces)


def plain(text: str) -> str:
    """The text alone, as a `str` and nothing more."""
    return str.__str__(text)


def line_starts(text: str) -> list[int]:
    """The offset at which each line begins."""
    return [0, *(offset + 1 for offset, character in enumerate(text) if character == "\n")]


class Positions(Struct, frozen=True):
    """From offsets in a file's text to origins."""

    file: File
    starts: list[int]

    @classmethod
    def of(cls, file: File) -> Positions:
        return cls(file, line_starts(file.text))

    def origin(self, offset: int, width: int = 1, *, literal: bool = False, argument: bool = False) -> Origin:
        """The origin of the character at `offset`."""
        line = bisect_right(self.starts, offset)
        return Origin(self.file, line, offset - self.starts[line - 1] + 1, width, literal, argument)
