"""Where random projects lie thick: all over the place, or near one part of the compiler."""

from __future__ import annotations

from msgspec import Struct

from featsql.temporal import Clock
from laws.clocks import CLOCKS, EVENTS, PERIODS, PROMPT, STATES

KEYED = (("one",), ("one",), ("one",), ("pair",), ("one", "other"))


class Focus(Struct, frozen=True):
    """The clocks to choose from, the forms of models (all, where none is named), and in how many of a
    hundred cases a relation is a bare source, aggregates are over common windows, NULL keys match,
    instants are infinite; the forms of relations that are not bare (all, where none is
    named), and whether groups may have a HAVING."""

    clocks: tuple[Clock, ...] = CLOCKS
    forms: tuple[str, ...] = ()
    entities: tuple[tuple[str, ...], ...] = (*KEYED, ())
    bare: int = 25
    windowed: int = 25
    nulls: int = 30
    infinite: int = 4
    relations: tuple[str, ...] = ()
    having: bool = True


ANYTHING = Focus()
VERSIONS = Focus(
    tuple(c for c in CLOCKS if c.unique_key), ("newest", "projection", "grouped"), KEYED, bare=80, windowed=0
)
LASTING = Focus(PERIODS, ("newest", "first_of_each", "scalar_subqueries"), KEYED, bare=70, windowed=0)
PROJECTED = Focus(STATES[:4], ("projection",), KEYED)
IN_ORDER = Focus(PROMPT, ("projection",), KEYED, bare=90, nulls=15, infinite=8)
WINDOWS = Focus(tuple(c for c in EVENTS if not c.unique_key), ("grouped",), KEYED, bare=90, windowed=90)
STRAIGHT = ("plain", "filtered", "starred", "common")
RECENT = Focus(
    tuple(c for c in EVENTS if not c.unique_key and not c.retracted_at),
    ("grouped", "everything"),
    (*KEYED, ()),
    bare=60,
    windowed=50,
    infinite=6,
    relations=STRAIGHT,
    having=False,
)
FLOWING = Focus(CLOCKS, ("newest", "two_groups", "twice", "nested", "set_operation", "grouped"), KEYED, windowed=0)
OUTER = Focus(CLOCKS, ("two_groups", "side_groups"), KEYED, bare=60, nulls=80)
ENDLESS = Focus(WINDOWS.clocks, ("grouped",), KEYED, bare=90, windowed=90, infinite=25)
MATCHING = Focus(CLOCKS, ("newest", "projection", "grouped"), KEYED, nulls=70, bare=70, windowed=0)
SEVERAL = Focus(STATES[4:6], ("projection",), KEYED)
LIMITED = Focus(CLOCKS, ("first_rows",), KEYED)
