"""Whether two texts are the same to DuckDB's parser word for word, which is sooner told than what they say."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

from featsql.engine import Engine
from featsql.read.sql.spelling import UNITS

# Of these it is not the word alone that counts, but what stands beside it.
DEPENDENT = frozenset({"$", "?", ":", "&", "@", "#", "\\"})
# What makes a statement that DuckDB cannot tell as a tree, or that is more than one: no tree can be trusted with it.
UNTOLD = frozenset({"pivot", "pivot_longer", "pivot_wider", "unpivot", "describe", "show", "summarize"})
NUMBERS = frozenset({"numeric_const", "string_const"})


class Word(Struct, frozen=True):
    """A word of a text, of one of the kinds that DuckDB has; `glued` to one before it, without a space between them,
    if neither is an operator."""

    kind: str
    text: str
    glued: bool


def same_words(text: str, written: str, engine: Engine) -> bool:
    """Whether two texts are plainly the same: the same words in the same order, but for the case of keywords and of
    the names of functions, and for quotes around the number of an interval. False says nothing."""
    own = plain(list(words(text, engine)))
    return own is not None and own == plain(list(words(written, engine)))


def words(text: str, engine: Engine) -> Iterator[Word]:
    """The words of a text, without comments."""
    content, apart = text.encode(), True
    places = [*engine.words(text), (len(content), "comment")]
    for (start, kind), (end, _) in pairwise(places):
        found = content[start:end].decode()
        if kind != "comment":
            yield Word(kind, found.strip(), not apart and kind != "operator")
        apart = kind in {"comment", "operator"} or found[-1:].isspace()


def plain(words: list[Word]) -> list[str] | None:
    """Words as they are compared; None where that cannot be done."""
    found: list[str] = []
    last = Word("", "", glued=False)
    for word, after in pairwise([*words, last]):
        text = word.text
        if text in DEPENDENT or text.lower() in UNTOLD or (word.kind == last.kind == "string_const"):
            return None
        if word.kind in NUMBERS and last.text.lower() == "interval":
            text = counted(text, after.text)
        elif folds(word, last, after):
            text = text.lower()
        if found and found[-1].startswith("interval of "):
            text = text.lower().removesuffix("s")
        found.append(f"~{text}" if word.glued else text)
        last = word
    return found


def folds(word: Word, last: Word, after: Word) -> bool:
    """Whether the case of a word means nothing: of a keyword, but not after `as`, where it is a name that the result
    has, and of the name of a function."""
    if word.kind == "keyword":
        return last.text.lower() != "as"
    return word.kind == "identifier" and after.text == "(" and not word.text.startswith('"')


def counted(number: str, unit: str) -> str:
    """The number of an interval, quoted or not, before its unit; the word itself where it is anything else."""
    digits = number.strip("'")
    return f"interval of {digits}" if digits.isdecimal() and unit.lower().removesuffix("s") in UNITS else number
