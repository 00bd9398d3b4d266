"""Random rows of the one wide schema that every random source has, and a random spine."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isinf, isnan, nan
from typing import Any

from featsql.engine import Column, Engine
from laws import instants
from laws.dice import Dice

Row = dict[str, Any]

INSTANTS = ("at", "seen", "gone", "until", "learnt")
SCALARS = ("k", "c", "id", *INSTANTS, "dead", "n", "x", "m")
NAMES = (*SCALARS, "s", "l")


def columns(zoned: bool) -> tuple[Column, ...]:
    """The columns of every source."""
    types = {"k": "INTEGER", "c": "VARCHAR", "id": "INTEGER", "dead": "BOOLEAN", "n": "INTEGER"}
    types |= {"x": "DOUBLE", "m": "VARCHAR", "s": "STRUCT(a INTEGER, b VARCHAR)", "l": "INTEGER[]"}
    types |= dict.fromkeys(INSTANTS, instants.type_name(zoned))
    return tuple(Column(name, types[name]) for name in NAMES)


def random_rows(dice: Dice, most: int, infinite: int = 4) -> list[Row]:
    """Up to `most` rows; many share keys, instants, or everything but one value."""
    rows: list[Row] = []
    for _ in range(dice.number(0, most)):
        if rows and dice.chance(25):
            rows.append(echo(dice.one(rows), dice, infinite))
        else:
            rows.append(fresh(dice, infinite))
    return rows


def fresh(dice: Dice, infinite: int) -> Row:
    """A row of its own."""
    row: Row = {name: value(name, dice, infinite) for name in SCALARS}
    if row["seen"] is not None and row["at"] is not None and dice.chance(50):
        row["seen"] = max(row["seen"], row["at"])
    if row["at"] is not None and isinf(row["at"]) and dice.chance(70):
        row["seen"] = row["at"]
    if row["until"] is not None and row["at"] is not None and dice.chance(70):
        row["until"] = max(row["until"], row["at"])
    return derived(row)


def echo(row: Row, dice: Dice, infinite: int) -> Row:
    """The same row again, or with one value changed: a tie, a late copy, a correction, a revert."""
    changed = dice.one(("k", "at", "seen", "seen", "gone", "until", "learnt", "dead", "n", "n", "x", "m", ""))
    return derived({**row, changed: value(changed, dice, infinite)} if changed else dict(row))


def derived(row: Row) -> Row:
    """The row with its struct and its list, which follow from its other values."""
    row["s"] = {"a": row["n"], "b": row["m"]}
    row["l"] = [row["n"], row["id"]] if row["k"] is not None else []
    return row


def value(name: str, dice: Dice, infinite: int) -> Any:
    """A random value of a column."""
    if name == "gone" and dice.chance(60):
        return None
    if name in INSTANTS:
        return instants.instant(dice, infinite=infinite)
    choices: dict[str, Sequence[Any]] = {
        "k": (1, 1, 2, 2, 3, None),
        "c": ("a", "a", "b", "b", None),
        "id": (1, 2, 3, 4, 5, 6, 7, 8, None),
        "dead": (False, False, False, False, True, None),
        "n": (0, 1, 2, 3, -1, 5, None),
        "x": (0.5, 1.0, 2.25, -1.0, 0.5, 4.0, nan, inf, -inf, None),
        "m": ("p", "q", "p", "q", "", None),
    }
    return dice.one(choices[name])


def random_spine(dice: Dice, most: int, infinite: int = 4) -> list[Row]:
    """Up to `most` rows with keys and one of a few instants: duplicates, NULLs and entities never seen
    among them."""
    moments = [instants.instant(dice, 4, infinite) for _ in range(5)]
    rows: list[Row] = []
    for number in range(dice.number(1, most)):
        if rows and dice.chance(20):
            rows.append({**dice.one(rows), "row": number})
            continue
        keys = {"k": dice.one((1, 1, 2, 2, 3, 9, None)), "c": dice.one(("a", "a", "b", "z", None))}
        rows.append({"row": number, **keys, "as_of": dice.one(moments)})
    return rows


def literal(name: str, item: Any, zoned: bool) -> str:
    """A value as SQL writes it."""
    if item is None:
        return "NULL"
    if name in INSTANTS or name == "as_of":
        return f"'{instants.text(item, zoned)}'"
    if isinstance(item, float):
        return f"'{'nan' if isnan(item) else item}'"
    if isinstance(item, dict):
        return f"{{'a': {literal('n', item['a'], zoned)}, 'b': {literal('m', item['b'], zoned)}}}"
    if isinstance(item, list):
        return f"[{', '.join(literal('n', each, zoned) for each in item)}]"
    return f"'{item}'" if isinstance(item, str) else str(item)


FILLED: dict[tuple[Engine, str], tuple[Sequence[Column], Sequence[Row], bool]] = {}


def fill(engine: Engine, table: str, kinds: Sequence[Column], rows: Sequence[Row], zoned: bool) -> None:
    """Create a table with the rows, unless it has these very rows already."""
    before = FILLED.get((engine, table))
    if before is not None and before[1] is rows and before[::2] == (kinds, zoned):
        return
    FILLED[engine, table] = (kinds, rows, zoned)
    definition = ", ".join(f'"{column.name}" {column.type}' for column in kinds)
    engine.execute(f"create or replace table {table} ({definition})")
    if rows:
        values = ", ".join(
            f"({', '.join(literal(column.name, row[column.name], zoned) for column in kinds)})" for row in rows
        )
        engine.execute(f"insert into {table} values {values}")
