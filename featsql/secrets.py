"""What was taken from the environment: values that nobody is to read, blotted out of all that is printed or written."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from weakref import WeakSet

from msgspec import Struct

HIDDEN = "*****"
SHORTEST = 4
# What anybody may read: it tells nothing.
WORDS = frozenset({"true", "false", "none", "null"})
# A value that may be a word, such as `main`: of `domain` it is no part.
WORD = re.compile(r"[A-Za-z]{4,7}")
ALIVE: WeakSet[Environment] = WeakSet()


class Environment(Mapping[str, str]):
    """The environment, which remembers what was taken from it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.secrets: set[str] = set()
        ALIVE.add(self)

    def take(self, name: str, default: Any = None) -> str:
        """A value, which is a secret from now on, unless the project itself has it as the default."""
        value = self.environment[name]
        if is_secret(value, default):
            self.secrets.add(value)
        return value

    def __getitem__(self, name: str) -> str:
        return self.take(name)

    def __contains__(self, name: object) -> bool:
        return name in self.environment

    def __iter__(self) -> Iterator[str]:
        return iter(self.environment)

    def __len__(self) -> int:
        return len(self.environment)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


def is_secret(value: str, default: Any = None) -> bool:
    """Whether a value is to be blotted out: one that is too short, or a truth value, would be everywhere."""
    return len(value) >= SHORTEST and value.casefold() not in WORDS and value != default


def known(more: Iterable[str] = ()) -> frozenset[str]:
    """All secrets of the projects that are loaded, and more."""
    return frozenset(more).union(*(each.secrets for each in ALIVE))


def redact(text: str, more: Collection[str] = ()) -> str:
    """A text with every secret blotted out, also in the spelling that SQL, JSON or HTML gives it."""
    secrets = known(more)
    return pattern(secrets).sub(HIDDEN, text) if secrets else text


@lru_cache(maxsize=16)
def pattern(secrets: frozenset[str]) -> re.Pattern[str]:
    """What finds secrets, the longest first, and whatever letters they are written in."""
    spellings = {spelling for secret in secrets if secret for spelling in spelled(secret)}
    parts = [bounded(each) for each in sorted(spellings, key=len, reverse=True)]
    return re.compile("|".join(parts) or r"(?!)", re.IGNORECASE)


def spelled(secret: str) -> Iterator[str]:
    """The spellings of a secret."""
    from html import escape  # it loads the names of all signs, which few projects need

    quoted = (secret, secret.replace("'", "''"), secret.replace('"', '""'))
    for each in quoted:
        yield from (each, json.dumps(each)[1:-1], json.dumps(each, ensure_ascii=False)[1:-1], escape(each))


def bounded(spelling: str) -> str:
    """The pattern of a spelling: what may be a word is found as one, also as a part of a name."""
    found = re.escape(spelling)
    return rf"(?<![A-Za-z0-9]){found}(?![A-Za-z0-9])" if WORD.fullmatch(spelling) else found


def redacted(value: Any, more: Collection[str] = ()) -> Any:
    """A document with every secret in its texts blotted out."""
    if not known(more):
        return value
    match value:
        case str():
            return redact(value, more)
        case Mapping():
            return {redacted(key, more): redacted(each, more) for key, each in value.items()}
        case list() | tuple():
            return [redacted(each, more) for each in value]
        case Struct():
            return {name: redacted(getattr(value, name), more) for name in value.__struct_fields__}
    return value
