"""The laws where instants tell nanoseconds apart: those of rows, those of the spine, or both."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given

from featsql.engine import VERSION
from laws import instants, tables, trial
from laws.dice import Dice
from laws.focus import ANYTHING, IN_ORDER, RECENT
from laws.instants import HOUR, Instant
from laws.laws import all_of_the_past, tried
from laws.projects import random_case
from laws.test_laws import dice, examples

# What an instant has beyond its microseconds.
BEYOND = ("", "001", "999")


def with_nanoseconds(salt: int, *, zoned: bool) -> Any:
    """What tells the instants of random projects, with nanoseconds; `zoned` ones have none where SQL has no functions of
    such."""

    def text(value: Instant, in_zone: bool) -> str | None:
        found = instants.text(value, in_zone)
        beyond = "" if value is None or abs(value) == float("inf") else BEYOND[(int(value) // HOUR * 7 + salt) % 3]
        if found is None or not beyond or (in_zone and not zoned):
            return found
        day, _, fraction = found.removesuffix("+00").partition(".")
        return f"{day}.{fraction:0<6}{beyond}{'+00' if in_zone else ''}"

    def type_name(in_zone: bool) -> str:
        kind = instants.type_name(in_zone)
        return kind if in_zone and not zoned else "TIMESTAMPTZ_NS" if in_zone else "TIMESTAMP_NS"

    return SimpleNamespace(**{**vars(instants), "text": text, "type_name": type_name})


def put_nanoseconds(put: pytest.MonkeyPatch, where: str) -> None:
    """Have rows, the spine or both tell nanoseconds apart."""
    fill = tables.fill
    rows = with_nanoseconds(1, zoned=False) if where != "spine" else instants
    spine = with_nanoseconds(0, zoned=not VERSION.startswith("1.")) if where != "rows" else instants

    def filled(engine: Any, table: str, *given: Any) -> None:
        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(tables, "instants", spine if table == "spine" else rows)
            fill(engine, table, *given)

    put.setattr(tables, "instants", rows)
    put.setattr(trial, "instants", spine)
    put.setattr(trial, "fill", filled)


@pytest.mark.parametrize("where", ["spine", "rows", "both"])
@examples(4)
@given(dice)
def test_all_of_the_past(where: str, random: Random) -> None:
    given = Dice(random)
    with pytest.MonkeyPatch.context() as put:
        put_nanoseconds(put, where)
        all_of_the_past(tried(random_case(given, given.one((ANYTHING, RECENT, IN_ORDER)))))
