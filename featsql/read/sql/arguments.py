"""Words in argument lists that sqlglot takes for something else than the columns they are, told apart before it reads.

`f(body->'k')` is JSON to DuckDB, and the beginning of a lambda to sqlglot; `date_trunc(unit, t)` and `l[:n]` name
columns, of which sqlglot makes a unit and a placeholder. In parentheses each of them is read as an expression.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from featsql.engine import DUCKDB, VERSION

# Of these functions sqlglot takes an argument that is one word for a unit or the like: which one.
UNITS = dict.fromkeys(("date_trunc", "datetrunc", "date_diff", "datediff", "date_sub", "datesub", "date_part"), 0)
WORDED = {**UNITS, "datepart": 0, "time_bucket": 2}
# Whether DuckDB still has lambdas with an arrow, and the functions in which it has them.
ARROW_LAMBDAS = VERSION.startswith(("0.", "1."))
LAMBDA_TAKING = frozenset(
    {"apply", "filter", "reduce"}
    | {f"{kind}_{verb}" for kind in ("list", "array") for verb in ("apply", "filter", "reduce", "transform")}
)
NAMES = DUCKDB.parser_class.ID_VAR_TOKENS
LEFT, RIGHT, COMMA = TokenType.L_PAREN, TokenType.R_PAREN, TokenType.COMMA
DEEPER = frozenset({LEFT, TokenType.L_BRACKET, TokenType.L_BRACE})
HIGHER = frozenset({RIGHT, TokenType.R_BRACKET, TokenType.R_BRACE})
BEFORE = frozenset({LEFT, COMMA, TokenType.DISTINCT, TokenType.ALL})
SUSPECT = frozenset({TokenType.ARROW, TokenType.COLON})
Call = tuple[str, int]  # a function, and the number of an argument


def shielded(tokens: list[Token]) -> list[Token]:
    """The words of a text, with parentheses around those that sqlglot would not take for columns; the very same list
    where there is none. They stand twice, since sqlglot takes `(a) -> ...` for a lambda, too."""
    if not any(token.token_type in SUSPECT or token.text.lower() in WORDED for token in tokens):
        return tokens
    places = frozenset(misread(tokens))
    found: list[Token] = []
    for place, token in enumerate(tokens):
        around = 2 if place in places else 0
        found += [beside(token, LEFT, "(")] * around
        found.append(token)
        found += [beside(token, RIGHT, ")")] * around
    return found if places else tokens


def misread(tokens: list[Token]) -> Iterator[int]:
    """The places of the words that sqlglot would not take for columns."""
    calls: list[Call] = [("", 0)]  # in whose argument lists a word stands
    kinds = [None, None, *(token.token_type for token in tokens), None, None]
    for place, token in enumerate(tokens):
        kind = token.token_type
        if kind in DEEPER:
            calls.append((tokens[place - 1].text.lower() if kind == LEFT and place else "", 0))
        elif kind in HIGHER and len(calls) > 1:
            calls.pop()
        elif kind == COMMA:
            calls[-1] = (calls[-1][0], calls[-1][1] + 1)
        elif kind in NAMES and is_misread(kinds[place : place + 5], calls):
            yield place


def is_misread(kinds: list[TokenType | None], calls: list[Call]) -> bool:
    """Whether sqlglot would not take a word for a column, of which these are the kinds of its neighbours, too."""
    last, before, _, after, following = kinds
    if before == TokenType.COLON:
        return last == TokenType.L_BRACKET  # [:n]
    if after == TokenType.ARROW:
        return before in BEFORE and not is_lambda(calls[-1])
    if before == LEFT and after == RIGHT and following == TokenType.ARROW:
        return last in BEFORE and not is_lambda(calls[-2])
    function, number = calls[-1]
    return before in (LEFT, COMMA) and after in (RIGHT, COMMA) and WORDED.get(function) == number


def is_lambda(call: Call) -> bool:
    """Whether an arrow in the arguments of a function makes a lambda."""
    return ARROW_LAMBDAS and call[0] in LAMBDA_TAKING


def beside(token: Token, kind: TokenType, text: str) -> Token:
    """A parenthesis at the place of a word."""
    return Token(kind, text, token.line, token.col, token.start, token.end, [])


def bared(tree: exp.Expr) -> None:
    """Take parentheses away again that stand twice around a column; a unit keeps a pair, or it would be written as a
    word."""
    for node in list(tree.find_all(exp.Paren)):
        if isinstance(node.this, exp.Paren) and isinstance(node.this.this, exp.Column | exp.Identifier):
            node.replace(node.this if node.arg_key == "unit" else node.this.this)
