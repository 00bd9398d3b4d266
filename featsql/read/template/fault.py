"""What is wrong with a template, before it is known in which model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from featsql.errors import Diagnostic, Place
from featsql.read.template.traced import Origin
from featsql.secrets import redact


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
        place = self.origin.place if self.origin else None
        message, hint = redact(self.message, frozenset(secrets)), redact(self.hint or "", frozenset(secrets))
        return Diagnostic(self.code, message, place, hint or None, trail=self.trail)


class Returned(BaseException):
    """`return(value)` inside a macro: not an error, so that nothing takes it for one."""

    def __init__(self, value: Any) -> None:
        self.value = value
