"""A mapping whose values are made when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

Value = TypeVar("Value")


class Lazy(Mapping[str, Value]):
    """Values by name, each made once, when somebody asks for it; what is forgotten is made again."""

    def __init__(self, names: Iterable[str], make: Callable[[str], Value]) -> None:
        self.names = dict.fromkeys(names)
        self.make = make
        self.made: dict[str, Value] = {}

    def __getitem__(self, name: str) -> Value:
        try:
            return self.made[name]
        except KeyError:
            if name not in self.names:
                raise
        value = self.made[name] = self.make(name)
        return value

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def give(self, name: str, value: Value) -> None:
        """Have a value, which need not be made."""
        self.promise(name)
        self.made[name] = value

    def promise(self, name: str) -> None:
        """Have a name whose value can be made."""
        self.names[name] = None

    def forget(self, name: str) -> None:
        """Keep a value no longer."""
        self.made.pop(name, None)
