"""Which word of SQL was meant as a name, where the engine cannot read a text: one that it can read in quotes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

from featsql.engine import DUCKDB

EngineSyntax = Callable[[str], tuple[str, int] | None]
ROUNDS = 20  # how many words may have to be quoted in one text


def meant_as_name(text: str, offset: int, engine_syntax: EngineSyntax) -> str | None:
    """The word at an offset where the engine stopped, or before it, if in quotes the engine can read it, and all else
    once other such words are quoted: then it is a word of SQL, and nothing else is wrong."""
    first: str | None = None
    for _ in range(ROUNDS):
        farthest, reached = None, offset + len('""')
        for token in words(text, offset):
            word = text[token.start : token.end + 1]
            changed = f'{text[: token.start]}"{word}"{text[token.end + 1 :]}'
            problem = engine_syntax(changed)
            if problem is None:
                return first or word
            if problem[1] > reached:
                farthest, reached = (word, changed), problem[1]
        if farthest is None:
            return None
        first, text, offset = first or farthest[0], farthest[1], reached
    return None


def words(text: str, offset: int) -> Iterator[Token]:
    """The word at an offset, and the one before it where a value may stand, so that it may be a name."""
    try:
        tokens = DUCKDB.tokenize(text)
    except SqlglotError:
        return
    number = next((i for i, token in enumerate(tokens) if token.end >= offset), len(tokens))
    value_before = [i > 0 and ends_value(tokens[i - 1], text) for i in range(len(tokens))]
    if number < len(tokens) and is_word(tokens[number], text):
        unfinished = value_before[number] and number == len(tokens) - 1  # a clause that was only begun
        yield from () if unfinished else (tokens[number],)
    if number > 0 and is_word(tokens[number - 1], text) and not value_before[number - 1]:
        yield tokens[number - 1]


def is_word(token: Token, text: str) -> bool:
    """Whether a token is a name or a keyword without quotes."""
    return text[token.start : token.end + 1].isidentifier()


def ends_value(token: Token, text: str) -> bool:
    """Whether a token can be the end of a value, after which an operator is expected, and no name."""
    return text[token.end] in "\"')]" or token.text.isdigit() or token.token_type.name == "VAR"
