"""Which rows a window function sees: only those up to its own row's instant, or later ones too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from sqlglot import exp

Sight = Literal["past", "ahead", "unknown"]
# What depends on the whole partition, whatever the frame.
WHOLE = (exp.PercentRank, exp.CumeDist, exp.Ntile)
# What counts rows, and has no frame.
NUMBERING = (exp.RowNumber, exp.Rank, exp.DenseRank)
IsClock = Callable[[exp.Expr], bool]


def sight(window: exp.Window, is_clock: IsClock) -> Sight:
    """Whether a window function's row sees rows that happened after it; `is_clock` knows the column of instants."""
    parts = [window, *named(window)]
    if any(is_clock(each) for part in parts for each in part.args.get("partition_by") or ()):
        return "past"
    order = next((each for part in parts if (each := order_of(part)) is not None), None)
    if order is None:
        return "past" if isinstance(window.this, NUMBERING) else "ahead"
    if not is_clock(order.this):
        return "unknown"
    later = bool(order.args.get("desc"))
    inner = window.this.this if isinstance(window.this, exp.IgnoreNulls | exp.RespectNulls) else window.this
    if isinstance(inner, WHOLE):
        return "ahead"
    if isinstance(inner, exp.Lead | exp.Lag):
        return "ahead" if isinstance(inner, exp.Lead) != later else "past"
    if isinstance(inner, NUMBERING):
        return "ahead" if later else "past"
    frame = next((each for part in parts if (each := part.args.get("spec")) is not None), None)
    return "ahead" if framed_ahead(frame, later) else "past"


def named(window: exp.Window) -> list[exp.Window]:
    """The window of the WINDOW clause that a window names, and those that this one names."""
    select, name = window.parent_select, window.args.get("alias")
    while isinstance(select, exp.Select) and isinstance(name, exp.Identifier):
        for other in select.args.get("windows") or ():
            if other is not window and other.name.casefold() == name.name.casefold():
                return [other, *named(other)]
        select = select.parent_select
    return []


def order_of(window: exp.Window) -> exp.Ordered | None:
    """The first term that a window is ordered by."""
    order = window.args.get("order")
    return order.expressions[0] if order is not None and order.expressions else None


def framed_ahead(frame: exp.Expr | None, later: bool) -> bool:
    """Whether a frame holds rows after its own in time, where the order is of falling instants if `later`."""
    start, start_side = ("UNBOUNDED", "PRECEDING") if frame is None else ends(frame, "start")
    end, end_side = ("CURRENT ROW", None) if frame is None else ends(frame, "end")
    if later:
        return start_side == "PRECEDING" and start != "0"
    return end_side == "FOLLOWING" and end != "0"


def ends(frame: exp.Expr, which: str) -> tuple[str, str | None]:
    """One end of a frame: how far, and on which side."""
    value = frame.args.get(which)
    text = value.sql("duckdb") if isinstance(value, exp.Expr) else str(value or "CURRENT ROW")
    side = frame.args.get(f"{which}_side")
    return text.upper(), str(side).upper() if side else None
