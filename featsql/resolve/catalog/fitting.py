"""Whether a relation's clock fits its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from featsql.engine import Column
from featsql.errors import Diagnostic, Place
from featsql.names import did_you_mean
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.catalog.describe import is_instant
from featsql.resolve.graph import Graph
from featsql.resolve.nanoseconds import is_zoned
from featsql.resolve.subject import named

SHOWN = 8  # columns in a hint


def wrong_clocks(graph: Graph, sources: Mapping[str, tuple[Column, ...]]) -> Iterator[Diagnostic]:
    """What is wrong with the clocks of sources and seeds, each at its declaration: else the models that read a column
    which is not there would be blamed for it."""
    for key, columns in sources.items():
        source = graph.sources[key]
        reading = graph.readings.get(key)
        texts = reading.texts if reading is not None else {}
        yield from wrong_clock(RelationInfo(key, columns, source.clock), source.place, texts)


def wrong_clock(
    info: RelationInfo, place: Place | None, texts: Mapping[str, str] | None = None
) -> Iterator[Diagnostic]:
    """What is wrong with one clock; `texts` tells where the value stands that makes a column one of texts."""
    clock = info.clock
    if clock is None:
        return
    for column in clock.columns:
        if info.type_of(column) is None:
            message = f"the clock of {named(info.key)} names a column `{column}` that it does not have"
            yield Diagnostic("FS609", message, place, did_you_mean(column, info.names, has(info)))
    for column in clock.instants:
        kind = info.type_of(column)
        if kind is not None and not is_instant(kind):
            message = f"`{column}` of {named(info.key)} is {kind}, not an instant"
            hint = "cast it in a staging model: `strptime(x, ...)`, `x::timestamp`, or to_timestamp(x) for seconds"
            odd = next((said for name, said in (texts or {}).items() if name.casefold() == column.casefold()), None)
            if odd is not None:
                ways = "say how it is written (`options: {timestampformat: ...}`) or that it is NULL (`nullstr`)"
                hint = f"{odd}: mend it, {ways}, or cast it in a staging model"
            yield Diagnostic("FS609", message, place, hint)
    sorts = {is_zoned(kind) for column in clock.instants if (kind := info.type_of(column))}
    if len(sorts) > 1:
        message = f"the clock of {named(info.key)} compares zoned instants with naive ones"
        yield Diagnostic("FS609", message, place, "make all of them zoned: `x at time zone '<zone>'`")


def has(info: RelationInfo) -> str:
    """What columns there are instead, as one who looks at the wrong file sees at once."""
    return listed(info.names)


def listed(names: Sequence[str]) -> str:
    """Some names of columns, for people."""
    more = ", ..." if len(names) > SHOWN else ""
    return f"its columns are {', '.join(f'`{name}`' for name in names[:SHOWN])}{more}"
