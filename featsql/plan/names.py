"""The names that featsql adds to a query: all begin with two underscores, which a model's own may not."""

from __future__ import annotations

import re

SPINE = "__spine"
ROW = "__row"
PROBE = "__probe"
AS_OF = "__as_of"
HIT = "__hit"
THERE = "__there"
KNOWN_FROM = "__known_from"
KNOWN_TO = "__known_to"
POINT = "__point"
HAPPENED = "__happened"
ORDER = "__order"
ASKED = "__asked"
LATE = "__late"
TURN = "__turn"
NUMBER = "__number"
NOW = "__now"
OLDEST = "__oldest"
PLACE = "__place"
# Those of numbered columns, and all others that stand beside columns of a relation.
KINDS = "argument edge feature flag from group_of hit key last part result shape to value"
NUMBERED = re.compile(rf"__({KINDS.replace(' ', '|')})_\d\w*")
BESIDE = frozenset(
    {SPINE, ROW, PROBE, AS_OF, HIT, THERE, KNOWN_FROM, KNOWN_TO, POINT, HAPPENED, ORDER, ASKED, LATE, TURN, NUMBER}
)
BESIDE |= frozenset({NOW, OLDEST, PLACE, "__group", "__line", "__last", "__below", "__events", "__id", "__sample"})


def key(position: int) -> str:
    """The column of a probe that holds the entity key at `position`."""
    return f"__key_{position}"


def part(kind: str, position: int) -> str:
    """A numbered column of a query: an argument, a flag, a value, an end of a window."""
    return f"__{kind}_{position}"


def taken(name: str) -> bool:
    """Whether a column of a relation would stand where featsql puts one of its own: not any name that begins so, since
    others give such names, too."""
    return name.casefold() in BESIDE or NUMBERED.fullmatch(name.casefold()) is not None


def reserved(name: str) -> bool:
    """Whether a column's name is one that only featsql may give."""
    return name.startswith("__")
