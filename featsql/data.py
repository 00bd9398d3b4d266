"""Nouns as data: mappings, lists and plain values, as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


def plain(noun: Struct) -> dict[str, Any]:
    """A noun as a mapping of its fields, and so on for the nouns inside of it; what is neither a noun nor holds any
    stays as it is."""
    return {name: inside(getattr(noun, name)) for name in noun.__struct_fields__}


def inside(value: Any) -> Any:
    """A value, with the nouns in it as mappings."""
    match value:
        case Struct():
            return plain(value)
        case Mapping():
            return {key: inside(each) for key, each in value.items()}
        case list() | tuple():
            return [inside(each) for each in value]
    return value
