"""Templates that do nothing but call featsql's own words with constants, as most do: read without Jinja, which would
make a Python module of each. Whatever else stands in a template is left to Jinja."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from featsql.read.project import File
from featsql.read.template.instrument import SITE
from featsql.read.template.sandbox import Sandbox
from featsql.read.template.sites import Site
from featsql.read.template.traced import Origin, Traced, written

# The words that answer with text, or with a value that is printed; the name of no macro can be one of them.
ASKED = frozenset({"config", "ref", "source", "var"})
OPENING = re.compile(r"\{[{%#]")
CALL = re.compile(r"\{\{\s*([a-z_]+)\(([^(){}\[\]\\]*)\)\s*\}\}")
ARGUMENT = re.compile(r"\s*(?:([a-z]\w*)\s*=\s*)?(?:'([^'\\]*)'|\"([^\"\\]*)\"|(true|false))\s*(?:,|$)", re.ASCII)
CONSTANTS = {"true": True, "false": False}


class Asked(Struct, frozen=True):
    """A call of a word, under the numbers of its place as a call and as a printed expression."""

    word: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    site: int
    printed: int


class ConstantTemplate(Struct, frozen=True):
    """A template ready to run, as Jinja's are."""

    sandbox: Sandbox
    path: str
    parts: tuple[Traced | Asked, ...]

    def new_context(self, names: dict[str, Any], shared: bool) -> Any:
        """What the template can see."""
        assert shared
        return self.sandbox.context_class(self.sandbox, names, self.path, {})

    def root_render_func(self, context: Any) -> Iterator[str]:
        """The output, piece by piece."""
        for part in self.parts:
            if isinstance(part, Traced):
                yield part
                continue
            options = {**part.options, SITE: part.site}
            value = self.sandbox.call(context, context.parent[part.word], *part.arguments, **options)
            yield self.sandbox.emit(context, value, part.printed)


def constant_template(file: File, sandbox: Sandbox) -> ConstantTemplate | None:
    """A template ready to run; None for one that is left to Jinja."""
    text, end = file.text, 0
    calls = list(CALL.finditer(text))
    if [call.start() for call in calls] != [opening.start() for opening in OPENING.finditer(text)]:
        return None
    if any(call.group(1) not in ASKED for call in calls):
        return None
    sandbox.sites.add(file)
    parts: list[Traced | Asked] = []
    for call in calls:
        asked = asked_of(call, file, sandbox)
        if asked is None:
            return None
        parts += [*verbatim(text[end : call.start()], end, file, sandbox), asked]
        end = call.end()
    parts += verbatim(text[end:], end, file, sandbox)
    return ConstantTemplate(sandbox, file.path, tuple(parts))


def verbatim(text: str, offset: int, file: File, sandbox: Sandbox) -> list[Traced]:
    """Text of the file as it is written there."""
    return [written(text, place(file, sandbox, offset, literal=True))] if text else []


def place(file: File, sandbox: Sandbox, offset: int, width: int = 1, **kind: bool) -> Origin:
    """Where something stands."""
    return sandbox.sites.positions[file.path].origin(offset, width, **kind)


def asked_of(call: re.Match[str], file: File, sandbox: Sandbox) -> Asked | None:
    """A call; None where its arguments are more than constants."""
    arguments: list[Any] = []
    origins: list[Origin] = []
    options: dict[str, Any] = {}
    keywords: dict[str, Origin] = {}
    position, end = call.start(2), call.end(2)
    while file.text[position:end].strip():
        found = ARGUMENT.match(file.text, position, end)
        if found is None or (options and not found.group(1)) or found.group(1) in options:
            return None
        value, origin = constant(found, file, sandbox)
        if found.group(1):
            options[found.group(1)] = value
            keywords[found.group(1)] = place(file, sandbox, found.start(1), len(found.group(1)))
        else:
            arguments.append(value)
            origins.append(origin)
        position = found.end()
    word, start = call.group(1), call.start(1)
    sandbox.sites.names[file.path].append((word, start))
    site = sandbox.sites.call(Site(place(file, sandbox, start, len(word)), tuple(origins), keywords))
    return Asked(word, tuple(arguments), options, site, sandbox.sites.expression(place(file, sandbox, start)))


def constant(found: re.Match[str], file: File, sandbox: Sandbox) -> tuple[Any, Origin]:
    """The value of an argument, and where it stands: of a string, its first character."""
    if found.group(4):
        return CONSTANTS[found.group(4)], place(file, sandbox, found.start(4))
    group = 2 if found.group(2) is not None else 3
    text, offset = found.group(group), found.start(group)
    value = written(text, place(file, sandbox, offset, literal=True, argument=True))
    return value, place(file, sandbox, offset, max(1, len(text)))
