"""Calls of the engine's readers, written as trees."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlglot import exp

from featsql.resolve.nearby import GLOB, URL


def call(reader: str, location: str, options: Mapping[str, Any]) -> exp.Table:
    """A reader of files as a relation."""
    arguments: list[exp.Expr] = [exp.Literal.string(location)]
    for name, value in options.items():
        arguments.append(exp.EQ(this=exp.to_identifier(str(name), quoted=True), expression=literal(value)))
    return exp.Table(this=exp.Anonymous(this=reader, expressions=arguments))


def literal(value: Any) -> exp.Expr:
    """A value from YAML as SQL: a mapping is a struct, a list a list, anything else itself."""
    if isinstance(value, Mapping):
        pairs = [
            exp.PropertyEQ(this=exp.to_identifier(str(k), quoted=True), expression=literal(v)) for k, v in value.items()
        ]
        return exp.Struct(expressions=pairs)
    if isinstance(value, (list, tuple)):
        return exp.Array(expressions=[literal(each) for each in value])
    if value is None or isinstance(value, (bool, int, float)):
        converted: exp.Expr = exp.convert(value)
        return converted
    return exp.Literal.string(str(value))


def absolute(location: str, root: Path) -> str:
    """A location as DuckDB is to be given it; what looks like a pattern in the root's own name is not one."""
    if URL.match(location) or Path(location).is_absolute():
        return location
    return f"{re.sub(GLOB, lambda mark: f'[{mark[0]}]', root.absolute().as_posix()).rstrip('/')}/{location}"
