"""Whether a tree that sqlglot writes out says the same to DuckDB as the text that it was read from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from sqlglot import ErrorLevel, exp

from featsql.engine import DUCKDB, Engine, EngineError
from featsql.errors import Diagnostic
from featsql.read.model import Model
from featsql.read.sql.bound import same_plan
from featsql.read.sql.spelling import AT, LENGTH, Node, Spelling, spelling_of
from featsql.read.sql.wording import same_words
from featsql.secrets import redact

REWRITTEN = frozenset({"features", "training_set"})
NOWHERE = 2**63
SHOWN = 60
POSITION = frozenset({AT, LENGTH})
# The same in the JSON of a tree: a quote inside of a string has a backslash before it.
PLACES = re.compile(rf'(?<!\\)"({AT}|{LENGTH})":\d+')
NO_PLACE = r'"\1":0'
# Where the engine stopped reading.
NEAR = re.compile(r'at or near "(\w+)"')


class Difference(Struct, frozen=True):
    """Where a text says something else than its tree: a sentence, and the offset in the text if known."""

    sentence: str
    offset: int | None


def same_meaning(text: str, tree: exp.Expr, engine: Engine) -> str | None:
    """None when DuckDB understands the tree as it understands the text; else a sentence on what differs. What the two
    read must be there."""
    found = difference(text, tree, engine)
    if found is None or (same_plan(text, written(tree), engine) and same_names(text, written(tree), engine)):
        return None
    return found.sentence


def suspects(models: Iterable[Model], engine: Engine) -> list[Diagnostic]:
    """FS310 for every model whose tree featsql would rewrite, though it is not spelled as the author wrote: unless it
    is bound to the same thing, which `confirmed` tells once what it reads is known."""
    found: list[Diagnostic] = []
    for model in models:
        if model.config.kind not in REWRITTEN:
            continue
        what = difference(model.rendered.text, model.tree, engine)
        if what is not None:
            place, trail = model.rendered.origin(what.offset or 0)
            sentence = redact(what.sentence, model.rendered.secrets)
            message = f"featsql cannot work with this SQL without changing it: {sentence}"
            found.append(Diagnostic("FS310", message, place, "write this construct another way", trail=trail))
    return found


def confirmed(model: Model, engine: Engine) -> bool:
    """Whether a model's tree says something else than its text also once both are bound."""
    return not same_plan(model.rendered.text, written(model.tree), engine)


def same_names(text: str, again: str, engine: Engine) -> bool:
    """Whether two queries that bind have columns of the same names and types."""
    return engine.columns(text) == engine.columns(again)


def written(tree: exp.Expr) -> str:
    """A tree as SQL."""
    bare: exp.Expr = tree.meta.get("bare", tree)
    return bare.sql(DUCKDB, unsupported_level=ErrorLevel.IGNORE)


def difference(text: str, tree: exp.Expr, engine: Engine) -> Difference | None:
    """The first thing that a text and its tree do not spell alike."""
    again = written(tree)
    if same_words(text, again, engine):
        return None
    try:
        before = engine.statement(text)
    except EngineError as error:
        return Difference(f"the engine cannot tell what it says ({error.message})", None)
    try:
        after = engine.statement(again)
    except EngineError as error:
        sentence = f"it would become SQL that the engine cannot read ({error.message})"
        return Difference(sentence, word_in(text, error.message))
    spelling = spelling_of(engine)
    if alike(json.loads(PLACES.sub(NO_PLACE, before)), json.loads(PLACES.sub(NO_PLACE, after)), spelling):
        return None
    own_tree, other_tree = (spelling.canonical(json.loads(each)) for each in (before, after))
    pair = first_difference(own_tree, other_tree, ({}, {}))
    if pair is None:
        return None
    own, other = (shown(sql, node) for sql, node in zip((text, again), pair, strict=True))
    offset = pair[0].get(AT)
    sentence = f"`{own}` would become `{other}`" if own and other else "the text and its tree differ"
    return Difference(sentence, characters(text, offset) if offset is not None else None)


def alike(before: Any, after: Any, spelling: Spelling) -> bool:
    """Whether two parts of trees without positions are the same. Where they differ it is mostly in small parts: no more
    than these is brought into one spelling."""
    if before == after:
        return True
    if isinstance(before, dict) and isinstance(after, dict):
        same = before.keys() == after.keys() and all(alike(before[key], after[key], spelling) for key in before)
    elif isinstance(before, list) and isinstance(after, list):
        same = len(before) == len(after) and all(alike(*pair, spelling) for pair in zip(before, after, strict=True))
    else:
        return False
    return same or first_difference(spelling.canonical(before), spelling.canonical(after), ({}, {})) is None


def first_difference(before: Any, after: Any, around: tuple[Node, Node]) -> tuple[Node, Node] | None:
    """The innermost nodes with a position that hold the first difference of two trees."""
    if isinstance(before, dict) and isinstance(after, dict):
        around = (placed(before) or around[0], placed(after) or around[1])
        for key in sorted((before.keys() | after.keys()) - POSITION):
            found = first_difference(before.get(key), after.get(key), around)
            if found is not None:
                return found
        return None
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = (first_difference(one, other, around) for one, other in zip(before, after, strict=True))
        return next((pair for pair in pairs if pair is not None), None)
    return None if before == after else around


def placed(node: Node) -> Node | None:
    """The node if it knows where it stands."""
    return node if node.get(AT, NOWHERE) < NOWHERE else None


def shown(sql: str, node: Node) -> str:
    """The words of a node, as far as it knows them, on one line."""
    if AT not in node:
        return ""
    start, length = node[AT], node.get(LENGTH) or SHOWN
    text = sql.encode()[start : start + length].decode(errors="ignore")
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 3] + "..."


def word_in(text: str, message: str) -> int | None:
    """Where a text has the word at which the engine stopped reading what it would become."""
    near = NEAR.search(message)
    found = re.search(rf"\b{near[1]}\b", text, re.IGNORECASE) if near else None
    return found.start() if found else None


def characters(text: str, offset: int) -> int:
    """The engine's offset, in bytes, as an offset in characters."""
    return len(text.encode()[:offset].decode(errors="ignore"))
