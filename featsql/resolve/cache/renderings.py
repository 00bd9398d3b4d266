"""What templates rendered to in an earlier compilation, where nothing that they can see has changed since."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from featsql.read.model import Chunk, Rendered
from featsql.read.parse import Relations
from featsql.read.project import File, Project, RawConfig
from featsql.read.render import normal
from featsql.resolve.cache.compile_cache import BROKEN, CompileCache, digest
from featsql.resolve.cache.serialize import UnkeepableError, pack, unpack

OUTSIDE, ASKING = "env_var", "is_incremental"


class Renderings:
    """The renderings in a compile cache; `keys` gives of every model asked about the key of its rendering, `found` has
    those that were known, which could be parsed then.

    A template sees its own text and configuration, the macros, the variables and the target. What reads the
    environment has no key.
    """

    def __init__(self, compile_cache: CompileCache, project: Project) -> None:
        self.compile_cache = compile_cache
        self.project = project
        self.relations = Relations(project)
        self.macros = {file.path: normal(file) for file in project.macros}
        self.keys: dict[str, str] = {}
        self.found: set[str] = set()
        target = project.target
        self.context = digest(
            [
                *([file.path, file.text] for file in project.macros),
                [project.name, project.default_delay, repr(project.variables)],
                [target.name, target.database, target.schema, target.threads],
            ]
        )
        self.open = any(OUTSIDE in file.text for file in project.macros)
        self.asked = any(ASKING in file.text for file in project.macros)
        self.plain: dict[str, str] = {}

    def known(self, file: File, defaults: RawConfig, incremental: bool) -> Rendered | None:
        """What a template rendered to; None where that is not known."""
        if self.open or OUTSIDE in file.text:
            return None
        name = file.name
        parts = [self.context, file.path, file.text, repr(defaults)]
        self.keys[name] = digest([*parts, incremental])
        if incremental and not self.asked and ASKING not in file.text:
            self.plain[name] = digest([*parts, False])
        row = self.compile_cache.rows.get(name)
        if row is None or row.text not in (self.keys[name], self.plain.get(name)):
            return None
        try:
            *held, strangers = json.loads(row.rendered)
            if any(self.relations.meant(parts, name, frozenset()) is not None for parts in strangers):
                return None
            rendered = self.unpacked(held, normal(file))
        except BROKEN:
            return None
        if not self.settles(rendered) and row.text != self.keys[name]:
            return None
        self.found.add(name)
        return rendered

    def reading_own(self, rendered: Iterable[Rendered]) -> Iterator[Rendered]:
        """The models to which it matters that their tables stand: those that are incremental, or name themselves."""
        for each in rendered:
            self.settles(each)
            name = each.name.replace('"', '""').casefold()
            if each.config.materialized == "incremental" or name in each.text.casefold():
                yield each

    def settles(self, rendered: Rendered) -> bool:
        """Whether a model is the same whether or not there are rows that it could be added to: it is not incremental,
        and nobody asks. Its key is the same then."""
        if rendered.name not in self.plain or rendered.config.materialized == "incremental":
            return False
        self.keys[rendered.name] = self.plain[rendered.name]
        return True

    def unpacked(self, held: list[Any], file: File) -> Rendered:
        """A rendering as it was packed."""
        text, config, chunks, references, macros, incremental, notices = held
        files = {file.path: file, **self.macros}
        return Rendered(
            name=file.name,
            file=file,
            config=unpack(config),
            text=text,
            chunks=tuple(
                Chunk(start, files[path], line, column, literal, *map(unpack, trail))
                for start, path, line, column, literal, *trail in chunks
            ),
            references=unpack(references),
            macros=tuple(macros),
            incremental=incremental,
            notices=unpack(notices),
        )


def packed(rendered: Rendered, strangers: list[list[str]]) -> bytes:
    """A rendering, and the tables that it names which are no relations of the project. Raises UnkeepableError for one
    that holds a secret."""
    if rendered.secrets:
        raise UnkeepableError("a secret")
    parts = [
        rendered.text,
        pack(rendered.config),
        [
            [c.start, c.file.path, c.line, c.column, c.literal, *([pack(c.trail)] if c.trail else ())]
            for c in rendered.chunks
        ],
        pack(rendered.references),
        list(rendered.macros),
        rendered.incremental,
        pack(rendered.notices),
        strangers,
    ]
    return json.dumps(parts, separators=(",", ":")).encode()


def text_of(held: bytes) -> str:
    """The text of a rendering that was packed."""
    return str(json.loads(held)[0])
