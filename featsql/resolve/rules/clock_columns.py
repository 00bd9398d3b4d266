"""FS609: a clock whose columns are not there, are no instants, or are of two sorts."""

from __future__ import annotations

from collections.abc import Iterator

from featsql.errors import Diagnostic, Place
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.catalog.fitting import wrong_clock
from featsql.resolve.graph import model_key
from featsql.resolve.nanoseconds import is_zoned
from featsql.resolve.subject import Subject, named


def check(subject: Subject) -> Iterator[Diagnostic]:
    """The clocks of the model itself, of what it reads, and of all of them together."""
    own = subject.catalog.relations[model_key(subject.model.name)]
    for info in {info.key: info for info in (own, *(info for _, info in subject.reads))}.values():
        yield from wrong_clock(info, place_of(info, subject))
    if subject.kind == "features":
        yield from mixed(subject)


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
