"""Whether two texts are the same query to DuckDB once their names are bound: what decides where their spelling does
not."""

from __future__ import annotations

import json
from typing import Any

from featsql.engine import Engine, EngineError
from featsql.read.sql.spelling import AT, LENGTH

# What a bound expression says of the text that it was bound from.
OF_TEXT = frozenset({"alias", AT, LENGTH})


def same_plan(text: str, other: str, engine: Engine) -> bool:
    """Whether two texts bind to one plan, but for the names of its columns. False where that cannot be told."""
    try:
        one, two = (json.loads(engine.statement(each, bound=True)) for each in (text, other))
        return bool(meaning(one) == meaning(two))
    except EngineError:
        return False


def meaning(value: Any) -> Any:
    """A plan without what its text was. The names inside of a type, and what only looks like a name elsewhere, are
    kept."""
    if isinstance(value, list):
        return [meaning(each) for each in value]
    if not isinstance(value, dict):
        return value
    dropped = OF_TEXT if "expression_class" in value else ()
    return {key: meaning(each) for key, each in value.items() if key not in dropped}
