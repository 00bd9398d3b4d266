"""What a template may print: text, numbers, days, and lists and mappings of them; no object that has no text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from featsql.read.template.fault import TemplateError
from featsql.read.template.limits import Meter
from featsql.read.template.traced import Origin

PLAIN = (str, bool, int, float, Decimal, date, time, timedelta, type(None))
LIST = "make a list of it, `| list`, or a text, `| join(', ')`"


class Parts(dict[str, Any]):
    """A word that is a mapping: what is printed of it is one of its parts."""


def text_of(value: Any, meter: Meter, origin: Origin | None = None) -> str:
    """The text of a value. Raises TemplateError FS211 for one that has none."""
    if not isinstance(value, str):
        check(value, meter, origin)
    return str(value)


def check(value: Any, meter: Meter, origin: Origin | None) -> None:
    """Look through a value for what has no text. Raises TemplateError FS211."""
    meter.step()
    if type(value) in (list, tuple, dict, set):
        for each in [*value, *value.values()] if isinstance(value, dict) else value:
            check(each, meter, origin)
    elif not isinstance(value, PLAIN) and not is_undefined(value):
        raise TemplateError("FS211", *described(value), origin)


def is_undefined(value: Any) -> bool:
    """Whether it is Jinja's own word for what is not there, which tells best itself."""
    return hasattr(type(value), "_fail_with_undefined_error")


def described(value: Any) -> tuple[str, str]:
    """What a value is that has no text, and what to print in its place."""
    if isinstance(value, Parts):
        names = ", ".join(f"`.{name}`" for name in value)
        return "this is a word with parts, which has no text of its own", f"print one of its parts: {names}"
    if hasattr(value, "set") and hasattr(value, "get") and callable(value):
        return "`config` has no text", "call it to configure the model; `config.get('key')` tells what is configured"
    kind = type(value).__name__
    if callable(value) and kind != "LoopContext":
        name = name_of(value)
        return f"`{name}` is a function, which has no text", f"call it: `{{{{ {name}(...) }}}}`"
    if kind in ("generator", "range", "map", "filter", "zip") or kind.startswith(("dict_", "odict_")):
        return "this is a sequence that has not been gone through, and has no text", LIST
    return (
        f"this is a {kind.strip('_').lower()}, which has no text",
        "print one of its parts, or text that you make of it",
    )


def name_of(function: Callable[..., Any]) -> str:
    """The name of a function, or of a macro, as a template calls it."""
    found = getattr(function, "__name__", None) or getattr(function, "name", None) or "this"
    return {"give_back": "return", "raise_compiler_error": "exceptions.raise_compiler_error"}.get(found, str(found))
