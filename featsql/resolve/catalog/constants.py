"""Instants and spans that are written out, and that the engine could not read once a query runs."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.engine import DUCKDB, Engine, EngineError
from featsql.errors import Diagnostic
from featsql.read.model import Model

TEMPORAL = frozenset(exp.DataType.TEMPORAL_TYPES)
HINT = "write it as the engine reads it: '2 days', '2024-01-31'"
AS_OF_KINDS = frozenset({"features", "training_set"})
# What an engine of this version said against each; None, where it could be read.
known: dict[tuple[str, str], str | None] = {}


def unreadable(model: Model, engine: Engine) -> Iterator[Diagnostic]:
    """FS510 for each that the engine cannot read, where it is written."""
    if model.config.kind not in AS_OF_KINDS:
        return
    for node in model.tree.find_all(exp.Interval, exp.Cast):
        if not is_written_out(node):
            continue
        key = (node.this.name, spelled(node))
        if key not in known:
            known[key] = refusal(exp.select(exp.cast(in_quotes(node), "varchar")).sql(DUCKDB), engine)
        message = known[key]
        if message is not None:
            start = node.meta.get("start", node.this.meta.get("start"))
            written = model.rendered.text.find(f"'{node.this.name}") if start is None else start
            place, trail = model.rendered.origin(max(written, 0), 1)
            yield Diagnostic("FS510", message, place, HINT, trail=trail)


def spelled(node: exp.Expr) -> str:
    """The type that a constant is cast to, or the unit of a span."""
    unit = node.args.get("unit")
    return unit.sql(DUCKDB) if unit is not None else node.to.sql(DUCKDB) if isinstance(node, exp.Cast) else ""


def is_written_out(node: exp.Expr) -> bool:
    """Whether a node is a span or an instant in quotes."""
    if type(node) is exp.Cast and node.to.this not in TEMPORAL:
        return False
    return type(node) in {exp.Cast, exp.Interval} and isinstance(node.this, exp.Literal) and node.this.is_string


def in_quotes(node: exp.Expr) -> exp.Expr:
    """The node; a span whose unit was taken out of its quotes, with both in quotes."""
    unit = node.args.get("unit") if isinstance(node, exp.Interval) else None
    if not isinstance(unit, exp.Var):
        return node.copy()
    return exp.cast(exp.Literal.string(f"{node.this.name} {unit.name}"), "interval")


def refusal(sql: str, engine: Engine) -> str | None:
    """What the engine says against a query."""
    try:
        engine.rows(sql)
    except EngineError as error:
        return error.message.splitlines()[0]
    return None
