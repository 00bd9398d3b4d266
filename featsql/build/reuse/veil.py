"""A state whose names tell no secret: those that would are kept as digests, by which they are known again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from msgspec import convert

from featsql.build.reuse.state import State
from featsql.compiler import Compiled
from featsql.data import plain
from featsql.secrets import known, redact

SAID = frozenset({"notes", "why_not"})  # what is for people


def veiled(state: State, secrets: Collection[str]) -> State:
    """A state to be written: without secrets."""
    if not known(secrets):
        return state

    def veil(text: str, said: bool) -> str:
        clean = redact(text, secrets)
        return clean if said or clean == text else digest(text)

    return convert(walked(plain(state), veil), State)


def unveiled(state: State | str, names: Iterable[str], secrets: Collection[str]) -> State | str:
    """A state that was read, if one was, with those of the names that it has as digests."""
    if not isinstance(state, State) or not known(secrets):
        return state
    meant = {digest(name): name for name in names if redact(name, secrets) != name}
    return convert(walked(plain(state), lambda text, _: meant.get(text, text)), State) if meant else state


def names_in(compiled: Compiled) -> Iterator[str]:
    """All that a state may name."""
    yield from compiled.graph.parents
    for key, relation in compiled.checked.catalog.relations.items():
        yield from (key, key.partition(":")[2], *relation.names)
    for model in compiled.graph.models.values():
        yield from (model.name, *([model.config.publish.path] if model.config.publish else ()))


def digest(text: str) -> str:
    """What stands for a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def walked(value: Any, change: Callable[[str, bool], str], said: bool = False) -> Any:
    """A document with its texts changed."""
    match value:
        case str():
            return change(value, said)
        case Mapping():
            return {change(key, False): walked(each, change, said or key in SAID) for key, each in value.items()}
        case list() | tuple():
            return [walked(each, change, said) for each in value]
    return value
