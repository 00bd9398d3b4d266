"""FS609: a clock whose columns are not there, are no instants, or are of two sorts."""

from __future__ import annotations

from collections.abc import Iterator

from featsql.errors import Diagnostic, Place
from featsql.names import did_you_mean
from featsql.resolve.catalog import RelationInfo
from featsql.resolve.describe import is_instant, is_zoned
from featsql.resolve.graph import model_key
from featsql.resolve.subject import Subject, named


def check(subject: Subject) -> Iterator[Diagnostic]:
    """The clocks of the model itself, of what it reads, and of all of them together."""
    own = subject.catalog.relations[model_key(subject.model.name)]
    for info in {info.key: info for info in (own, *(info for _, info in subject.reads))}.values():
        yield from of_relation(info, place_of(info, subject))
    if subject.kind == "features":
        yield from mixed(subject)


def of_relation(info: RelationInfo, place: Place | None) -> Iterator[Diagnostic]:
    """What is wrong with one clock."""
    clock = info.clock
    if clock is None:
        return
    for column in clock.columns:
        if info.type_of(column) is None:
            message = f"the clock of {named(info.key)} names a column `{column}` that it does not have"
            yield Diagnostic("FS609", message, place, did_you_mean(column, info.names))
    for column in clock.instants:
        kind = info.type_of(column)
        if kind is not None and not is_instant(kind):
            message = f"`{column}` of {named(info.key)} is {kind}, not an instant"
            hint = "cast it in a staging model: `strptime(x, ...)`, `x::timestamp`, or to_timestamp(x) for seconds"
            yield Diagnostic("FS609", message, place, hint)
    sorts = {is_zoned(kind) for column in clock.instants if (kind := info.type_of(column))}
    if len(sorts) > 1:
        message = f"the clock of {named(info.key)} compares zoned instants with naive ones"
        yield Diagnostic("FS609", message, place, "make all of them zoned: `x at time zone '<zone>'`")


def mixed(subject: Subject) -> Iterator[Diagnostic]:
    """Clocks of both sorts cannot be compared with one `as_of()`."""
    first: tuple[str, bool] | None = None
    for table, info in subject.reads:
        kind = info.type_of(info.clock.instants[0]) if info.clock and info.clock.instants else None
        if kind is None:
            continue
        zoned = is_zoned(kind)
        if first is None:
            first = (info.key, zoned)
        elif first[1] != zoned:
            words = ("naive", "zoned")
            message = (
                f"the instants of {named(info.key)} are {words[zoned]}, those of {named(first[0])} {words[not zoned]}"
            )
            yield subject.found("FS609", message, table, "make both zoned: `x at time zone '<zone>'`")


def place_of(info: RelationInfo, subject: Subject) -> Place | None:
    """Where a relation's clock is declared."""
    kind, _, name = info.key.partition(":")
    if kind == "model":
        model = subject.graph.models[name]
        return model.config.place or model.rendered.file.place(1)
    return subject.graph.sources[info.key].place
