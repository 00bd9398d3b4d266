"""Where in a person's templates a failure came about, and what it is called there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from traceback import walk_tb
from typing import Any

from featsql.names import did_you_mean
from featsql.read.project import File
from featsql.read.template.dbt import FILTERS, TAGS, instead
from featsql.read.template.fault import TemplateError
from featsql.read.template.limits import TooMuchError
from featsql.read.template.sites import Call, Sites
from featsql.read.template.traced import Origin

SHOWN_CALLS = 8
UNDEFINED = re.compile(r"^'([^']+)' is undefined$|has no attribute '([^']+)'$|^parameter '([^']+)' was not provided$")
QUALIFIED = re.compile(r"^[\w.<>]*\.(\w+\()")
AT_OFFSET = re.compile(r" at (\d+)$")
UNKNOWN_WORD = re.compile(r"(?:unknown tag|No filter named|No test named) '(\w+)'")
OPENING = ("if", "elif", "else", "for", "set", "macro", "call", "filter", "raw", "with", "do", "break", "continue")
CLOSING = ("endif", "endfor", "endset", "endmacro", "endcall", "endfilter", "endraw", "endwith")


def unreadable(error: Any, file: File, sites: Sites, known: Iterable[str]) -> TemplateError:
    """Jinja's syntax error at its place, with the word that may have been meant: a tag, or one of the filters or
    tests that are `known`."""
    message = error.message or "this is not a template"
    exact, word = AT_OFFSET.search(message), UNKNOWN_WORD.search(message)
    hint = None
    if word:
        brought, there = (TAGS, (*OPENING, *CLOSING)) if "tag" in message else (FILTERS, known)
        hint = brought.get(word.group(1).removeprefix("end")) or did_you_mean(word.group(1), there)
    offset = int(exact.group(1)) if exact else min(error.lineno - 1, max(len(file.text) - 1, 0))
    return TemplateError("FS200", AT_OFFSET.sub("", message).rstrip("."), hint, sites.origin(file.path, offset))


def uncompilable(error: Exception, file: File, sites: Sites) -> TemplateError:
    """What Python says of a template that Jinja has read. Its place in the template is lost, its file is not."""
    origin = sites.origin(file.path, 0)
    deep = "too many" in str(error)  # levels of indentation, statically nested blocks
    if deep or isinstance(error, (RecursionError, MemoryError)):
        hint = "take it apart with `{% set %}`, or into macros"
        return TemplateError("FS207", "this template is nested too deeply", hint, origin)
    message = f"this template cannot be compiled: {getattr(error, 'msg', error)}"
    return TemplateError("FS200", message, None, origin)


def undefined(target: Any, known: Iterable[str], origin: Origin) -> TemplateError:
    """A call of Jinja's undefined `target`: of something that is not there, or that must not be seen."""
    if target._undefined_exception.__name__ == "SecurityError":
        return TemplateError("FS205", target._undefined_message.rstrip("."), None, origin)
    name, owner = str(target._undefined_name), target._undefined_obj
    hint = "a macro is a `{% macro %}` in a .sql file under the macro paths"
    hint = did_you_mean(name, owner if isinstance(owner, Mapping) else known, hint) or hint
    hint = (instead(name) if target._undefined_message == f"{name!r} is undefined" else None) or hint
    return TemplateError("FS201", f"`{name}` is not defined", hint, origin)


def blamed(error: Exception, calls: Sequence[Call], sites: Sites, known: Iterable[str]) -> TemplateError:
    """What an exception out of a running template says: the innermost place, and the macro calls around it.

    `calls` are those that were in progress, outermost first; `known` the names that there are.
    """
    statements = [statement(frame, line, sites) for frame, line in walk_tb(error.__traceback__) if in_template(frame)]
    macros = [call.site.origin for call in calls if call.macro]
    calling = bool(calls) and (not calls[-1].macro or len(statements) <= len(macros))
    if calling and calls[-1].macro:
        macros.pop()
    origin = calls[-1].site.origin if calling else statements[-1][1] if statements else None
    name = None if calling else undefined_name(str(error))
    for depth in range(len(statements) - 1, -1, -1) if name else ():
        use = sites.use(*statements[depth], name or "")
        if use is not None:
            origin, macros = use, macros[:depth]
            break
    found = translated(error, calling, known)
    found.origin = found.origin or origin
    if name and str(error).endswith("is undefined"):
        found.hint = instead(name, behind(found.origin, name)) or found.hint
    found.trail = tuple(caller.place for caller in macros[::-1][:SHOWN_CALLS])
    return found


def behind(origin: Origin | None, name: str) -> str:
    """The text that follows a name in its line."""
    return origin.place.text[origin.column - 1 + len(name) :] if origin else ""


def in_template(frame: Any) -> bool:
    """Whether a frame of Python's stack runs a template."""
    return "__jinja_template__" in frame.f_globals


def statement(frame: Any, line: int, sites: Sites) -> tuple[str, Origin]:
    """The file and the statement of a template that a frame of Python's stack is in."""
    template = frame.f_globals["__jinja_template__"]
    path = str(template.name or "")
    return path, sites.origin(path, max(0, template.get_corresponding_lineno(line) - 1))


def undefined_name(message: str) -> str | None:
    """The name that a message says is not defined."""
    found = UNDEFINED.search(message)
    return found.group(found.lastindex or 0) if found else None


def translated(error: Exception, calling: bool, known: Iterable[str]) -> TemplateError:
    """An exception out of a running template, of Jinja or of Python, as a finding. `calling` says that it
    came of a call, `known` are the names that there are."""
    if isinstance(error, TemplateError):
        return error
    message = QUALIFIED.sub(r"\1", str(error)).replace("'Traced'", "'str'").rstrip(".")
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "SecurityError" in kinds:
        return TemplateError("FS205", message, "templates see values, not Python's inside")
    if isinstance(error, (TooMuchError, RecursionError, MemoryError, OverflowError)):
        return TemplateError("FS207", f"this template does too much: {message}", "loop over fewer things")
    if "UndefinedError" in kinds:
        name = UNDEFINED.search(message)
        if name is None or name.group(1) is None:
            return TemplateError("FS201", message)
        return TemplateError("FS201", f"`{name.group(1)}` is not defined", did_you_mean(name.group(1), known))
    if isinstance(error, TypeError) and calling:
        return TemplateError("FS202", message)
    return TemplateError("FS211", message or type(error).__name__)
