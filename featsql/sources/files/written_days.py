"""Days that can be read in several ways (01.02.2024): which way all values can be read, and when nobody can know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from featsql.read.project import Source
from featsql.sources.files.fit import NAIVE
from featsql.sources.files.terms import refusal

WAYS = (("%d", "%m", "%Y"), ("%m", "%d", "%Y")), (("%d", "%m", "%y"), ("%m", "%d", "%y"), ("%y", "%m", "%d"))
USUAL = "%Y-%m-%d"
OPTIONS = {"DATE": "dateformat", "TIMESTAMP": "timestampformat"}


def readings_of(kind: str, forms: Sequence[str], options: Mapping[str, Any]) -> tuple[str, ...]:
    """All forms in which days that were first read in some of these may be meant; only the author's, if there is one.
    None where there is but the usual one."""
    option = "dateformat" if kind == "DATE" else "timestampformat" if NAIVE.fullmatch(kind) else None
    if option is None:
        return ()
    if option in options:
        return (str(options[option]),)
    return tuple(
        dict.fromkeys(other for form in forms if not form.startswith(USUAL) for other in (form, *others(form)))
    )


def others(form: str) -> list[str]:
    """The same form with its day, month and year in other orders."""
    parts = sorted((form.find(part), part) for part in ("%d", "%m", "%Y", "%y") if part in form)
    order = tuple(part for _, part in parts)
    for ways in WAYS:
        if order in ways:
            pieces = split(form, order)
            return [join(pieces, way) for way in ways if way != order]
    return []


def split(form: str, order: Sequence[str]) -> list[str]:
    """What is around the parts of a form."""
    pieces, rest = [], form
    for part in order:
        before, _, rest = rest.partition(part)
        pieces.append(before)
    return [*pieces, rest]


def join(pieces: Sequence[str], order: Sequence[str]) -> str:
    """A form with its parts in this order."""
    return "".join(piece + part for piece, part in zip(pieces, (*order, ""), strict=True))


def chosen(
    source: Source,
    types: Mapping[str, str],
    forms: Mapping[str, tuple[str, ...]],
    found: Mapping[str, Any],
    options: Mapping[str, Any],
    where: Callable[[str, tuple[str, str]], str],
) -> dict[str, Any]:
    """The form of days and that of instants in which all columns can be read, as options; under "" those columns that
    would need another. Raises FeatsqlError FS508 where there are several, which do not mean the same."""
    taken: dict[str, Any] = {}
    for kind, option in OPTIONS.items():
        columns = [n for n, each in types.items() if (each == kind or (kind != "DATE" and NAIVE.fullmatch(each)))]
        columns = [n for n in columns if forms.get(n) and found[n].count]
        if option in options or not columns:
            continue
        fitting = {name: [form for form in forms[name] if not found[name].misfits[form]] for name in columns}
        common = [form for form in fitting[columns[0]] if all(form in each for each in fitting.values())]
        if not common:
            common = fitting[columns[0]][:1]
            taken[""] = (*taken.get("", ()), *(name for name in columns if common[0] not in fitting[name]))
        unclear = [name for name in columns if found[name].differs is not None and name not in taken.get("", ())]
        if len(common) > 1 and unclear:
            ways = " or ".join(f"`{option}: '{form}'`" for form in common)
            message = f"{where(unclear[0], found[unclear[0]].differs)}, which can be read in several ways"
            raise refusal("FS508", source, message, f"say under `options:` which is meant: {ways}")
        taken[option] = common[0]
    return taken
