"""How long the spans of time are that a text names, in any of the engine's spellings: it is asked for each, once."""

from __future__ import annotations

from weakref import ReferenceType

from sqlglot import exp

from featsql.engine import DUCKDB, Engine, EngineError


class Spans:
    """The spans of time that were asked about, as the engine itself writes them: in months, days and the rest."""

    def __init__(self, engine: ReferenceType[Engine]) -> None:
        self.engine = engine
        self.known: dict[str, str | None] = {}

    def written(self, text: str) -> str | None:
        """The span that is spelled `1 mon 2 h`; None where it is none."""
        return self.length(exp.cast(exp.Literal.string(text), "interval"))

    def counted(self, function: str, kind: str, number: str, *, whole: bool) -> str | None:
        """The span that `to_days` makes of a number, of which it may take the `whole` part as a value of a type."""
        value: exp.Expr = exp.cast(exp.Literal.string(number), "double")
        if whole:
            value = exp.Anonymous(this="trunc", expressions=[value])
        return self.length(exp.Anonymous(this=function, expressions=[exp.cast(value, kind)]))

    def length(self, span: exp.Expr) -> str | None:
        """A span as the engine writes it; None where it cannot tell."""
        query = exp.select(exp.cast(span, "varchar")).sql(DUCKDB)
        if query not in self.known:
            engine = self.engine()
            assert engine is not None
            try:
                ((found,),) = engine.rows(query)
            except EngineError:
                found = None
            self.known[query] = found
        return self.known[query]
