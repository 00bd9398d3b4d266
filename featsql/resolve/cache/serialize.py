"""Nouns as JSON and back: only what is named here can come out of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from featsql.engine import Column
from featsql.errors import Diagnostic, Place
from featsql.read.model import Reference
from featsql.read.project import ColumnProperties, Config, Publish, RuleSetting, Split
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.lineage.lineage import Edge
from featsql.resolve.lineage.reach import Span
from featsql.resolve.lineage.taint import Taint
from featsql.temporal import Clock


def defaults_of(noun: type[Struct]) -> tuple[Any, ...]:
    """What the fields of a noun are where they were not given; for one that must be given, what is equal to nothing
    else."""
    needed = len(noun.__struct_fields__) - len(noun.__struct_defaults__)
    least = noun(*(object() for _ in range(needed)))
    return tuple(getattr(least, name) for name in noun.__struct_fields__)


NOUNS: Mapping[str, type[Struct]] = {
    noun.__name__: noun
    for noun in (
        Clock,
        Column,
        ColumnProperties,
        Config,
        Diagnostic,
        Edge,
        Taint,
        Place,
        Publish,
        Reference,
        RelationInfo,
        RuleSetting,
        Span,
        Split,
    )
}
FIELDS = {name: noun.__struct_fields__ for name, noun in NOUNS.items()}
DEFAULTS = {name: defaults_of(noun) for name, noun in NOUNS.items()}
MOST = 8  # of nouns with more fields only those are written, by their names, that are not as they usually are
PLAIN = (str, int, float, bool, type(None))
# What a list begins with that is no noun but a tuple, a list or a mapping.
TUPLE, LIST, MAPPING, NAMED = "()", "[]", "{}", "="


class UnkeepableError(Exception):
    """A value that cannot be written to a file and come back the same."""


def pack(value: Any) -> Any:
    """A value as what JSON knows. Raises UnkeepableError."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is tuple:
        return [TUPLE, *map(pack, value)]
    if kind is list:
        return [LIST, *map(pack, value)]
    if isinstance(value, Mapping):
        return [MAPPING, *(part for pair in value.items() for part in map(pack, pair))]
    if NOUNS.get(kind.__name__) is not kind:
        raise UnkeepableError(kind.__name__)
    parts = [getattr(value, name) for name in FIELDS[kind.__name__]]
    if len(parts) <= MOST:
        return [kind.__name__, *map(pack, parts)]
    told = zip(FIELDS[kind.__name__], parts, DEFAULTS[kind.__name__], strict=True)
    return [
        NAMED,
        kind.__name__,
        *(part for name, given, plain in told if given != plain for part in (name, pack(given))),
    ]


def unpack(value: Any) -> Any:
    """A value as it was before it was packed. Raises ValueError, TypeError or KeyError for what never was."""
    if type(value) is not list:
        if type(value) in PLAIN:
            return value
        raise ValueError(value)
    head, *rest = value
    if head == NAMED:
        name, *rest = rest
        return NOUNS[name](**{rest[i]: unpack(rest[i + 1]) for i in range(0, len(rest), 2)})
    make = SHAPES.get(head)
    parts = [unpack(each) if type(each) is list else each for each in rest]
    return make(parts) if make is not None else NOUNS[head](*parts)


def pairs(parts: list[Any]) -> dict[Any, Any]:
    """Keys and values, in turns, as a mapping."""
    return dict(zip(parts[::2], parts[1::2], strict=True))


SHAPES: Mapping[str, Callable[[list[Any]], Any]] = {TUPLE: tuple, LIST: list, MAPPING: pairs}
