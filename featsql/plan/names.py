"""The names that featsql adds to a query: all begin with two underscores, which a model's own may not."""

from __future__ import annotations

SPINE = "__spine"
ROW = "__row"
PROBE = "__probe"
AS_OF = "__as_of"
HIT = "__hit"
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


def key(position: int) -> str:
    """The column of a probe that holds the entity key at `position`."""
    return f"__key_{position}"


def part(kind: str, position: int) -> str:
    """A numbered column of a query: an argument, a flag, a value, an end of a window."""
    return f"__{kind}_{position}"


def reserved(name: str) -> bool:
    """Whether a column's name is one that only featsql may give."""
    return name.startswith("__")
