"""What sqlglot's reader would change of a text, kept: names of functions, units of time, and what is distinct."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

# Stands before the name of a function that the reader must not know, so that it stays a call of that name.
KEEP = "\ue000"
# sqlglot writes other functions for these, or forgets arguments.
KEPT = frozenset(
    {
        "apply", "array_append", "array_prepend", "array_reverse_sort", "array_sort", "decode",
        "jaro_winkler_similarity", "json_extract", "json_extract_path", "json_extract_path_text", "json_extract_string",
        "json_keys", "json_object", "list_reverse_sort", "list_sort", "log2", "reduce", "regexp_extract",
        "regexp_extract_all", "regexp_replace", "time_bucket",
    }
)  # fmt: skip
# The first argument of these is a part of a date, which sqlglot takes for one too where it is a column.
OF_PARTS = frozenset(
    {
        "date_diff",
        "date_part",
        "date_sub",
        "date_trunc",
        "datediff",
        "datepart",
        "datesub",
        "datetrunc",
    }
)
# Of two columns, and so, where it asks for that, of their distinct pairs.
OF_PAIRS = frozenset(
    {
        "approx_top_k", "corr", "covar_pop", "covar_samp", "regr_avgx", "regr_avgy", "regr_count", "regr_intercept",
        "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy",
    }
)  # fmt: skip
# The units that DuckDB writes without quotes, by the short names that it knows in quotes.
UNITS = {
    **dict.fromkeys(("US", "USEC", "USECS", "USECOND", "USECONDS"), "MICROSECOND"),
    **dict.fromkeys(("MS", "MSEC", "MSECS", "MSECOND", "MSECONDS"), "MILLISECOND"),
    **dict.fromkeys(("S", "SEC", "SECS"), "SECOND"),
    **dict.fromkeys(("M", "MIN", "MINS"), "MINUTE"),
    **dict.fromkeys(("H", "HR", "HRS"), "HOUR"),
    **dict.fromkeys(("D", "DAYOFMONTH"), "DAY"),
    **dict.fromkeys(("W", "WEEKOFYEAR"), "WEEK"),
    **dict.fromkeys(("MON", "MONS"), "MONTH"),
    **dict.fromkeys(("Y", "YR", "YRS"), "YEAR"),
}
# A span that the reader takes apart into its number and its unit, or a number; of others it would lose some part.
PLAIN = re.compile(r"\s*-?\d+\s*([a-zA-Z]+\s*)?")
MASKED = {ord("0") + digit: 0xE010 + digit for digit in range(10)}
UNMASKED = {masked: digit for digit, masked in MASKED.items()}
# Those that DuckDB knows in quotes alone.
QUOTED = frozenset({"DEC", "DECS", "CENT", "C", "MIL", "MILS", "MILLENIUM"})


# A text without any of these is read as it is; to look for them takes less time than to look at its words.
SUSPECT = re.compile(
    rf"\b(?:{'|'.join(sorted(KEPT | OF_PAIRS))}|date_add)\b"
    rf"|\b(?:{'|'.join(sorted(OF_PARTS))})\b(?!\s*\(\s*')"
    r"|\binterval\b(?!\s*'\s*-?\d+\s*(?:[a-z]+\s*)?'|\s*[\d(])",
    re.IGNORECASE,
)


def kept(tokens: list[Token], text: str) -> list[Token]:
    """The words of a text, as the reader is to see them."""
    if not SUSPECT.search(text):
        return tokens
    found = list(tokens)
    for number, (token, after) in enumerate(pairwise(tokens)):
        if after.token_type == TokenType.L_PAREN:
            found[number] = keep(tokens, number)
        elif token.token_type == TokenType.INTERVAL and not is_plain(after):
            found[number + 1] = renamed(after, after.text.translate(MASKED))
    return found


def is_plain(token: Token) -> bool:
    """Whether a word after `interval` is read as it is written."""
    return token.token_type != TokenType.STRING or PLAIN.fullmatch(token.text) is not None


def renamed(token: Token, text: str) -> Token:
    """A word with another text, where the first one stands."""
    return Token(token.token_type, text, token.line, token.col, token.start, token.end, token.comments)


def keep(tokens: Sequence[Token], number: int) -> Token:
    """The name before a parenthesis, as a name of nothing that the reader knows, if it would change it."""
    token = tokens[number]
    name, first = token.text.lower(), tokens[number + 2] if number + 2 < len(tokens) else token
    if not (
        name in KEPT
        or (name in OF_PARTS and first.token_type != TokenType.STRING)
        or (name in OF_PAIRS and first.token_type == TokenType.DISTINCT)
        or (name == "date_add" and not adds_span(tokens, number + 1))
    ):
        return token
    return Token(TokenType.VAR, KEEP + token.text, token.line, token.col, token.start, token.end, token.comments)


def adds_span(tokens: Sequence[Token], start: int) -> bool:
    """Whether an `interval` is written behind a comma, between a parenthesis and the one that closes it."""
    depth = 0
    for token, after in pairwise(tokens[start:]):
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if depth == 0:
            return False
        if depth == 1 and token.token_type == TokenType.COMMA:
            return after.token_type == TokenType.INTERVAL
    return False


def restore(nodes: Sequence[exp.Expr]) -> None:
    """Put back in a tree what the reader took away. Of these nodes, those of RESTORED matter."""
    for node in nodes:
        match node:
            case exp.Anonymous(this=str(name)) if name.startswith(KEEP):
                node.set("this", name.removeprefix(KEEP))
            case exp.Interval():
                restore_unit(node)
            case exp.Distinct() if len(node.expressions) > 1:
                restore_pair(node)
            case exp.IgnoreNulls(this=exp.AnyValue() as value):  # which nobody wrote
                node.replace(value)
            case exp.LogicalAnd() | exp.LogicalOr() if isinstance(node.this, exp.Distinct | exp.Order):
                name = "bool_and" if isinstance(node, exp.LogicalAnd) else "bool_or"
                node.replace(exp.Anonymous(this=name, expressions=[node.this]))


RESTORED = (exp.Anonymous, exp.Interval, exp.Distinct, exp.LogicalAnd, exp.LogicalOr, exp.IgnoreNulls)


def restore_unit(interval: exp.Interval) -> None:
    """Let `'500 ms'`, which was taken apart, be of a unit that can stand without quotes, or in one piece again."""
    unit, count = interval.args.get("unit"), interval.this
    if isinstance(count, exp.Literal):
        count.set("this", count.name.translate(UNMASKED))
    if not isinstance(unit, exp.Var) or not isinstance(count, exp.Literal):
        return
    name = unit.name.upper()
    if name in UNITS:
        interval.set("unit", exp.var(UNITS[name]))
    elif name in QUOTED:
        interval.set("this", exp.Literal.string(f"{count.name} {unit.name}"))
        interval.set("unit", None)


def restore_pair(distinct: exp.Distinct) -> None:
    """Let `f(distinct a, b)` have two arguments, of which the first says that pairs are distinct."""
    ordered = distinct.parent if isinstance(distinct.parent, exp.Order) else None
    call = ordered.parent if ordered is not None else distinct.parent
    if not isinstance(call, exp.Anonymous) or len(call.expressions) != 1:
        return
    first, *others = distinct.expressions
    distinct.set("expressions", [first])
    if ordered is not None:
        ordered.set("this", others.pop())
        others.append(ordered)
    call.set("expressions", [distinct, *others])
