"""The nouns of `render` and `parse`: a model as SQL text that knows where each piece was written, then as a tree."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from msgspec import Struct
from sqlglot import exp

from featsql.errors import Diagnostic, Place
from featsql.read.project import Config, File


class Chunk(Struct, frozen=True):
    """A stretch of rendered text from `start` on, and where it was written.

    `literal` text maps character by character from (line, column); other text (the value of an
    expression) maps to that one place. `trail` is the way through macro calls, innermost first.
    """

    start: int
    file: File
    line: int
    column: int
    literal: bool
    trail: tuple[Place, ...] = ()


class Reference(Struct, frozen=True):
    """One `ref()` or `source()` that a template called: the relation's name ('customer_spend' or
    'shop.payments'), and where; `trail` is the way through macro calls, innermost first."""

    kind: str
    name: str
    place: Place
    trail: tuple[Place, ...] = ()


class Rendered(Struct, frozen=True):
    """A model after its template ran: SQL text, header, the relations it asked for, and a map back.

    `notices` are what the template itself said (`log`, `exceptions.warn`); `secrets` the values that it
    took from the environment.
    """

    name: str
    file: File
    config: Config
    text: str
    chunks: tuple[Chunk, ...]
    references: tuple[Reference, ...]
    macros: tuple[str, ...] = ()
    incremental: bool = False
    notices: tuple[Diagnostic, ...] = ()
    secrets: frozenset[str] = frozenset()

    def origin(self, offset: int, width: int = 1) -> tuple[Place, tuple[Place, ...]]:
        """The place in the template of the character at `offset` of the text, and its trail."""
        index = max(0, bisect_right([c.start for c in self.chunks], offset) - 1)
        if not self.chunks:
            return self.file.place(1), ()
        chunk = self.chunks[index]
        if not chunk.literal:
            return chunk.file.place(chunk.line, chunk.column, 1), chunk.trail
        before = self.text[chunk.start : offset]
        lines = before.count("\n")
        column = offset - chunk.start - before.rfind("\n") if lines else chunk.column + len(before)
        return chunk.file.place(chunk.line + lines, column, width), chunk.trail


# What reads a model's text: gives the text as it was understood, and its tree.
Reading = Callable[[Rendered], tuple[Rendered, exp.Query]]


Proof = Callable[["Model"], Sequence[Diagnostic]]


class Model:
    """A rendered model and its sqlglot tree (never changed in place: copy before a rewrite).

    Every `exp.Table` of the tree that stands for a relation of the project carries its key
    ('model:churn', 'source:shop.payments') in `meta['relation']` and its number in `meta['scan']`, and every
    node that was an identifier its text offset in `meta['start']`.

    Where the tree is not given it is read when it is first asked for; that may raise FeatsqlError. `proof` tells
    what is wrong with it, where it is not known yet that it says what the text does.
    """

    __slots__ = ("given", "proof", "reading", "rendered")

    def __init__(self, rendered: Rendered, tree: exp.Query | Reading, proof: Proof | None = None) -> None:
        self.rendered = rendered
        self.proof = proof
        self.given = tree if isinstance(tree, exp.Query) else None
        self.reading = None if isinstance(tree, exp.Query) else tree
        number_scans(self.given)

    @property
    def tree(self) -> exp.Query:
        return self.read()

    def read(self) -> exp.Query:
        """The tree, read if it was not yet, or is no longer kept."""
        if self.given is None:
            assert self.reading is not None
            self.rendered, self.given = self.reading(self.rendered)
            number_scans(self.given)
        return self.given

    @property
    def name(self) -> str:
        return self.rendered.name

    @property
    def config(self) -> Config:
        return self.rendered.config

    def place_of_output(self, name: str) -> tuple[Place, tuple[Place, ...]]:
        """Where the last column of a name was written, or what may stand for one: a star, an expression that the engine
        names; with its trail."""
        selects = self.tree.selects
        unnamed = [value for value in selects if value.is_star or not value.alias_or_name]
        same = [value for value in selects if value.alias_or_name.casefold() == name.casefold()]
        for value in reversed([*unnamed, *same]):
            ends = [node.meta["end"] for node in value.walk() if "start" in node.meta]
            starts = [node.meta["start"] for node in value.walk() if "start" in node.meta]
            if starts:
                return self.rendered.origin(min(starts), max(ends) - min(starts) + 1)
        return self.rendered.file.place(1), ()

    def forget(self) -> None:
        """Keep the tree no longer, if it can be read again."""
        if self.reading is not None:
            self.given = None


def number_scans(tree: exp.Query | None) -> None:
    """Give every table that is a relation of the project its number."""
    tables = (table for table in tree.find_all(exp.Table) if "relation" in table.meta) if tree is not None else ()
    for number, table in enumerate(tables):
        table.meta["scan"] = number
