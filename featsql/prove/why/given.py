"""Texts that a person gave for keys and instants: each is held to the type of what it is compared with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from sqlglot import exp

from featsql.engine import Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError
from featsql.resolve.nanoseconds import data_type, is_zoned, literal
from featsql.temporal import column

# Types to which the engine rounds a text of more digits than they have.
ROUNDING = re.compile(r"U?(TINY|SMALL|BIG|HUGE|VAR)?INT|U?INTEGER|BIGNUM|DECIMAL")
WRITE = "write it like 2024-03-31 18:00:00"


def text_of(instant: str | date | None) -> str | None:
    """An instant as text, of Python's own types, too."""
    return instant if instant is None or isinstance(instant, str) else str(instant)


def misfit(texts: Iterable[str], kind: str, engine: Engine) -> str | None:
    """One of some texts that is no value of a type, or that would be rounded to one; None if all fit."""
    rows = [(exp.Literal.string(text),) for text in texts]
    if not rows:
        return None
    value = column("value")
    cast = exp.TryCast(this=value.copy(), to=data_type(kind))
    wrong: exp.Expr = cast.is_(exp.null())
    if ROUNDING.match(kind.upper()):
        given = exp.TryCast(this=value.copy(), to=exp.DataType.build("double"))
        wrong = exp.or_(wrong, given.neq(exp.cast(cast.copy(), "double")))
    query = exp.select(value).from_(exp.values(rows, alias="given", columns=["value"])).where(wrong).limit(1)
    return next((text for (text,) in engine.rows(query.sql("duckdb"))), None)


def refuse_instant(text: str, kind: str, engine: Engine) -> None:
    """Raises FeatsqlError FS725 for a text that is no instant of a type, or has a time zone where the type has none,
    which the engine would drop."""
    zoned, bare = literal(text, "TIMESTAMP WITH TIME ZONE"), literal(text, "TIMESTAMP")
    try:
        engine.rows(exp.select(literal(text, kind)).sql("duckdb"))
        if is_zoned(kind):
            return
        ((same,),) = engine.rows(exp.select(exp.cast(zoned, "timestamp").eq(bare)).sql("duckdb"))
    except EngineError:
        raise FeatsqlError(Diagnostic("FS725", f"`{text}` is not an instant", hint=WRITE)) from None
    if not same:
        message = f"`{text}` has a time zone, but the instants that it is compared with have none"
        raise FeatsqlError(Diagnostic("FS725", message, hint=f"{WRITE}, as their clocks show it"))
