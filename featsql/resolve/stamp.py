"""What the instant of a model's row is, if it groups rows: their day, their last instant or their first."""

from __future__ import annotations

from math import inf

from msgspec import Struct
from sqlglot import exp

from featsql.resolve.lineage.clocked import scan_behind
from featsql.resolve.lineage.span import lengths, rounding
from featsql.resolve.nanoseconds import is_zoned
from featsql.resolve.qualify import Resolved
from featsql.resolve.scope import output


class Stamp(Struct, frozen=True):
    """The relation whose rows are grouped, and how long after a group's instant its rows happened at most;
    `first` says that the instant is that of the first of them."""

    relation: str
    upper: float
    first: bool = False


def stamp(model: Resolved, name: str) -> Stamp | None:
    """What an output is the instant of; None where that cannot be told."""
    tree = model.tree
    value = output(tree, name) if isinstance(tree, exp.Select) else None
    if value is None:
        return None
    value, shift = moved_by(value)
    first, upper = isinstance(value, exp.Min), 0.0
    if isinstance(value, exp.Min | exp.Max):
        value = value.this
    zones, in_cast = list(value.find_all(exp.AtTimeZone)), value.find(exp.Cast) is not None
    while (rounded := rounding(value)) is not None or isinstance(value, exp.AtTimeZone):
        value, longer = rounded or (value.this, 0.0)
        value, upper = value.unnest(), upper + longer
    found = scan_behind(value, model)
    clock = found[0].clock if found is not None else None
    if found is None or clock is None or clock.kind == "static":
        return None
    if found[1] not in {each.casefold() for each in (clock.start, clock.available_at) if each}:
        return None
    if zones and (len(zones) > 1 or in_cast or is_zoned(found[0].type_of(found[1]) or "")):
        return None  # only a zone that is given to local time leaves the instant where it is
    return Stamp(found[0].key, inf if first else upper - shift, first)


def moved_by(value: exp.Expr) -> tuple[exp.Expr, float]:
    """An instant without the interval that is added to it, and how long that is."""
    value, shift = value.unnest(), 0.0
    while isinstance(value, exp.Add) and (length := lengths(value.expression)) is not None:
        value, shift = value.this.unnest(), shift + length[1]
    return value, shift
