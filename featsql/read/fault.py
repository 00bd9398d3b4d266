"""What is wrong with a template, before it is known in which model."""

from __future__ import annotations

import re
from collections.abc import Iterable

from featsql.errors import Diagnostic, Place
from featsql.names import did_you_mean
from featsql.read.limits import TooMuchError
from featsql.read.traced import Origin

HIDDEN = "*****"
UNDEFINED = re.compile(r"^'([^']+)' is undefined$|has no attribute '([^']+)'$|^parameter '([^']+)' was not provided$")
QUALIFIED = re.compile(r"^[\w.<>]*\.(\w+\()")


class TemplateError(Exception):
    """A finding in a template: code, message, hint; where, and through which calls, if known."""

    def __init__(self, code: str, message: str, hint: str | None = None, origin: Origin | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.origin = origin
        self.trail: tuple[Place, ...] = ()

    @property
    def line(self) -> int | None:
        """The line of the template, if known."""
        return self.origin.line if self.origin else None

    def diagnostic(self, secrets: Iterable[str] = ()) -> Diagnostic:
        """The finding as a diagnostic that tells no secret."""
        message = self.message
        for secret in secrets:
            message = message.replace(secret, HIDDEN)
        place = self.origin.place if self.origin else None
        return Diagnostic(self.code, message, place, self.hint, trail=self.trail)


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
