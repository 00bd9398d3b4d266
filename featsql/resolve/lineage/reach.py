"""The interval of time, relative to `as_of()`, in which the rows of a relation can act on a column."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, isinf
from typing import Any

from msgspec import Struct

UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "us"))


class Span(Struct, frozen=True, order=True):
    """From `lower` to `upper` seconds after `as_of()`; what is before it is negative.

    It may be wider than the truth, never narrower. The upper end is closed; `opened` says that the
    lower end itself is left out. An infinite end is one that could not be found.
    """

    lower: float
    upper: float
    opened: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no instant lies inside."""
        return self.lower > self.upper or (self.opened and self.lower == self.upper)

    def shift(self, seconds: float) -> Span:
        """The same interval so much later."""
        return Span(self.lower + seconds, self.upper + seconds, self.opened)

    def hull(self, other: Span) -> Span:
        """The least interval that holds both."""
        lower = min(self.lower, other.lower)
        opened = all(span.opened for span in (self, other) if span.lower == lower)
        return Span(lower, max(self.upper, other.upper), opened)

    def intersect(self, other: Span) -> Span:
        """What lies in both; it may be empty."""
        lower = max(self.lower, other.lower)
        opened = any(span.opened for span in (self, other) if span.lower == lower)
        found = Span(lower, min(self.upper, other.upper), opened)
        return NEVER if found.is_empty else found

    def plus(self, other: Span) -> Span:
        """Where a row can lie that is within `other` of a row within this."""
        if self.is_empty or other.is_empty:
            return NEVER
        return Span(self.lower + other.lower, self.upper + other.upper, self.opened or other.opened)

    def contains(self, seconds: float) -> bool:
        """Whether an instant lies inside."""
        after = self.lower < seconds if self.opened else self.lower <= seconds
        return after and seconds <= self.upper

    @property
    def text(self) -> str:
        """The interval for people: `(-30d, 0]`, `(-inf, -1h]`, or `any time`."""
        if self == ANY:
            return "any time"
        if self.is_empty:
            return "never"
        left = "(" if self.opened or isinf(self.lower) else "["
        right = ")" if isinf(self.upper) else "]"
        return f"{left}{length(self.lower)}, {length(self.upper)}{right}"

    def as_json(self) -> dict[str, Any]:
        """`from` and `to` in seconds, null where there is no end, and `text`; both null and `never` where
        no row can act."""
        ends = [None if isinf(end) or self.is_empty else end for end in (self.lower, self.upper)]
        return {"from": ends[0], "to": ends[1], "text": self.text}


ANY = Span(-inf, inf)
PAST = Span(-inf, 0.0)
NOW = Span(0.0, 0.0)
NEVER = Span(inf, -inf)


def hull(spans: Iterable[Span]) -> Span:
    """The least interval that holds all of some."""
    found = NEVER
    for span in spans:
        found = found.hull(span)
    return found


def length(seconds: float) -> str:
    """A number of seconds in days, hours and so on: the longest unit without a rest, or of two digits."""
    if isinf(seconds):
        return "-inf" if seconds < 0 else "inf"
    if seconds == 0:
        return "0"
    size, unit = next((u for u in UNITS if round(seconds / u[0], 6) % 1 == 0), (1.0, "s"))
    return f"{seconds / size:.10g}{unit}"
