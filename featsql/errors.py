"""What featsql says when something is wrong: diagnostics as data, and the one exception that carries them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import force_setattr

from featsql.display import columns
from featsql.secrets import redact

Severity = Literal["error", "warning", "notice"]


class Place(Struct, frozen=True):
    """A position in a file that a person wrote; lines and columns count from 1.

    `path` is relative to the project's root, `text` is the whole line, `width` the number of
    characters that the caret underlines.
    """

    path: str
    line: int = 1
    column: int = 1
    text: str = ""
    width: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class Diagnostic(Struct, frozen=True):
    """One finding: its code (FS101), where, what is wrong, and what would make it right.

    `trail` names the places it came through, innermost first: the call of a macro, for instance.
    """

    code: str
    message: str
    place: Place | None = None
    hint: str | None = None
    severity: Severity = "error"
    trail: tuple[Place, ...] = ()

    def __post_init__(self) -> None:
        """Whatever is said, it tells no secret."""
        for name in ("message", "hint"):
            said = getattr(self, name)
            if said is not None and (clean := redact(said)) != said:
                force_setattr(self, name, clean)

    def render(self) -> str:
        """The finding as a person reads it: head, the line with a caret, the trail, the hint."""
        where = f"{self.place}: " if self.place else ""
        lines = [f"{where}{self.severity}[{self.code}]: {self.message}"]
        if self.place and self.place.text.strip():
            lines += excerpt(self.place)
        lines += [f"  called from {place}" for place in self.trail]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return redact("\n".join(lines))


def excerpt(place: Place) -> list[str]:
    """The line of `place` under its number, and a caret under its column."""
    number = str(place.line)
    text = place.text.replace("\t", " ")
    start, end = place.column - 1, max(place.column, min(place.column - 1 + place.width, len(text)))
    missing = max(0, start - len(text))  # a place behind the line's end
    caret = " " * (columns(text[:start]) + missing) + "^" * max(1, columns(text[start:end]))
    return [f"  {number} | {text}", f"  {' ' * len(number)} | {caret}"]


class FeatsqlError(Exception):
    """Something that the user can mend; carries every diagnostic that was found together, each once."""

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        found = [diagnostics] if isinstance(diagnostics, Diagnostic) else list(diagnostics)
        self.diagnostics: tuple[Diagnostic, ...] = tuple(dict.fromkeys(found))
        super().__init__("\n\n".join(diagnostic.render() for diagnostic in self.diagnostics))


def raise_errors(diagnostics: Sequence[Diagnostic]) -> None:
    """Raise all of `diagnostics` together when one of them is an error; else do nothing."""
    if any(d.severity == "error" for d in diagnostics):
        raise FeatsqlError(diagnostics)


# Whose errors silence those of the stages after it.
STAGES = ("parse", "same", "describe", "check", "plan", "bind")
IN_FILES_ORDER = frozenset({"parse", "same"})


class Findings:
    """What the stages say against models. What one stage says, nothing of a later stage is said beside: that might
    only follow from it."""

    def __init__(self, names: Iterable[str]) -> None:
        self.order = {name: place for place, name in enumerate(names)}
        self.found: dict[str, dict[str, tuple[Diagnostic, ...]]] = {stage: {} for stage in STAGES}

    def add(self, stage: str, name: str, diagnostics: Iterable[Diagnostic]) -> None:
        """Note what a stage says against a model."""
        said = tuple(diagnostics)
        if said:
            self.found[stage][name] = said

    def clear(self, stage: str) -> bool:
        """Whether no stage before this one has said anything."""
        return not any(self.found[each] for each in STAGES[: STAGES.index(stage)])

    def settle(self) -> None:
        """Raise FeatsqlError with all that the first of the stages says that says anything."""
        for stage, by_name in self.found.items():
            names = sorted(by_name, key=self.order.__getitem__) if stage in IN_FILES_ORDER else by_name
            raise_errors([diagnostic for name in names for diagnostic in by_name[name]])
