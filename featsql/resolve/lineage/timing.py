"""What a model's kind and its relations' clocks say about time, before any condition is read."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from featsql.read.project import Config
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.graph import Graph, model_key
from featsql.resolve.lineage.reach import ANY, NOW, PAST, Span
from featsql.resolve.lineage.span import lengths
from featsql.resolve.qualify import Resolved
from featsql.temporal import Clock, interval


class Timing(Struct, frozen=True):
    """For each scan of a model when rows can act at all (`spans`) and the folded column that says when each
    row happened (`clocks`), where a condition on it bounds what acts; `lower` has the scans of which only
    a lower bound does, since a newer row hides an older.

    `keys` are the outputs of a features model that are entity keys (None for other models), `now` the
    output of a label model, or of a plain model that has a clock, that is its instant, `own` the
    output that is a plain model's own clock.
    """

    spans: Mapping[int, Span] = {}
    clocks: Mapping[int, str] = {}
    lower: frozenset[int] = frozenset()
    keys: frozenset[str] | None = None
    now: str | None = None
    own: str | None = None


def timing(model: Resolved, graph: Graph) -> Timing:
    """What is known of one model's time."""
    config = graph.models[model.name].config
    scans = model.scans
    clocks = {n: info.clock.start.casefold() for n, info in scans.items() if info.clock and bounds_rows(info.clock)}
    clock = model.info.clock
    return Timing(
        {number: span_of(config.kind, info, graph) for number, info in scans.items()},
        clocks,
        frozenset(n for n in clocks if hides_older(config.kind, scans[n])),
        key_names(config, graph) if config.kind == "features" else None,
        now_of(config, clock),
        clock.start.casefold() if clock is not None and clock.kind != "static" else None,
    )


def now_of(config: Config, clock: Clock | None) -> str | None:
    """The folded output that is the instant of a model's rows: that of labels, or of a plain model's clock."""
    own = clock.start if clock is not None and clock.kind != "static" else None
    name = config.as_of if config.kind == "labels" else own if config.kind == "plain" else None
    return name.casefold() if name else None


def bounds_rows(clock: Clock) -> bool:
    """Whether a condition on the start of a clock bounds the rows that act: not where a row that
    happened at any time may correct another."""
    return clock.kind == "state" or (clock.kind != "static" and not clock.versioned)


def hides_older(kind: str, info: RelationInfo) -> bool:
    """Whether a newer row of a relation hides an older one from a model: what is not evaluated at instants
    reads all versions."""
    return kind in {"features", "training_set"} and info.clock is not None and info.clock.kind == "state"


def span_of(kind: str, info: RelationInfo, graph: Graph) -> Span:
    """When rows of a relation can act on a model of a kind: what is visible at `as_of()`."""
    if kind not in {"features", "training_set"}:
        return ANY
    below = graph.models.get(info.key.partition(":")[2]) if info.key.startswith("model:") else None
    if below is not None and below.config.kind in {"features", "labels"}:
        return NOW
    if info.clock is None or info.clock.kind == "static":
        return ANY
    delayed = info.clock.delay if info.clock.available_at is None else None
    delay = lengths(interval(delayed)) if delayed else None
    return PAST if delay is None else PAST.shift(-delay[0])


def key_names(config: Config, graph: Graph) -> frozenset[str]:
    """The outputs that are entity keys."""
    entities = graph.project.entities
    return frozenset(key.casefold() for name in config.entity for key in entities[name].keys if name in entities)


def promised(graph: Graph) -> frozenset[str]:
    """The plain models that declare a clock: that no row knows anything later than it says is its author's word."""
    return frozenset(
        model_key(name)
        for name, model in graph.models.items()
        if model.config.kind == "plain" and model.config.clock is not None
    )
