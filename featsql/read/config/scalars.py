"""What a plain word of a YAML file stands for: a value where YAML 1.1 and 1.2 agree on it, else the text as written."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Any

import yaml

# Of the library in C, if it is there: a tenth of the time for the same nodes.
QUICK: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DISPUTED = "!featsql-disputed"  # the tag of a word that one version of YAML takes for something else than the other
# What is disputed, and what one of the versions takes it for.
READINGS: tuple[tuple[str, str], ...] = (
    (r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF", "a truth value"),
    (r"[-+]?0[0-7_]+|[-+]?0o[0-7]+", "an octal number"),
    (r"[-+]?0[0-9]+", "a number without its zero"),
    (r"[-+]?0b[01_]+", "a binary number"),
    (
        r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*",
        "a number to the base of sixty",
    ),
    (r"[-+]?0x[0-9a-fA-F_]*_[0-9a-fA-F_]*|[-+]0x[0-9a-fA-F]+", "a number"),
    (
        r"(?=[^_]*_)(?:[-+]?(?:0|[1-9][0-9_]*)|(?:[-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?)",
        "a number",
    ),
    (r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)[eE][0-9]+|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]\.[0-9]+", "a number"),
)
EVERY = re.compile(f"(?:{'|'.join(pattern for pattern, _ in READINGS)})\\Z")
FIRST = "yYnNoO-+0123456789."


class Number(float):
    """A number that is printed as it is written: a price of `1.10` is not one of `1.1`."""

    written: str

    def __new__(cls, value: float, written: str) -> Number:
        """The number of a value that a file writes so."""
        made = super().__new__(cls, value)
        made.written = written
        return made

    def __str__(self) -> str:
        return self.written


def agreed(loader: Any) -> Any:
    """A loader that leaves alone what is disputed."""
    rules = {first: list(each) for first, each in loader.yaml_implicit_resolvers.items() if first != "="}
    for first in FIRST:
        rules[first] = [(DISPUTED, EVERY), *rules.get(first, [])]
    return type("Agreed", (loader,), {"yaml_implicit_resolvers": rules})


QUICK_LOADER, LOADER = agreed(QUICK), agreed(yaml.SafeLoader)
LOADER.add_constructor(DISPUTED, LOADER.construct_yaml_str)


def disputed(node: yaml.Node) -> str | None:
    """What one version of YAML takes a word for, where another does not."""
    if node.tag != DISPUTED:
        return None
    return next(reading for pattern, reading in READINGS if re.fullmatch(pattern, node.value))


def as_written(value: Any, node: yaml.Node) -> Any:
    """A value that prints as the text that stands for it."""
    if isinstance(value, float) and math.isfinite(value):
        return value if str(value) == node.value else Number(value, node.value)
    return node.value if isinstance(value, date) and str(value) != node.value else value
