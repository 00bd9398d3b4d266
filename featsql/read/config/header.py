"""From raw configuration to the typed header of a model, and to a clock."""

from __future__ import annotations

from collections.abc import Iterator, KeysView, Mapping, Set, ValuesView
from typing import Any, Literal

from featsql.errors import Diagnostic, FeatsqlError, Place
from featsql.names import did_you_mean
from featsql.read.config.files import PROJECT_FILE
from featsql.read.config.rules import read_rules
from featsql.read.config.schema import HeaderBlock, RuleBlock, TimeBlock
from featsql.read.config.validate import Complaint, fitted
from featsql.read.project import ColumnProperties, Config, Publish, RawConfig, RuleSetting, Split
from featsql.temporal import Clock, interval

Kind = Literal["events", "state", "periods", "static"]

KEYS: Mapping[str, frozenset[str]] = {
    "events": frozenset({"event_time", "available_at", "delay", "retracted_at", "deleted", "unique_key", "tie_break"}),
    "state": frozenset({"event_time", "available_at", "delay", "retracted_at", "deleted", "unique_key", "tie_break"}),
    "periods": frozenset(
        {
            "valid_from",
            "valid_to",
            "available_at",
            "delay",
            "retracted_at",
            "deleted",
            "unique_key",
            "tie_break",
            "valid_to_available_at",
        }
    ),
    "static": frozenset({"why"}),
}
NEEDED: Mapping[str, tuple[str, ...]] = {
    "events": ("event_time",),
    "state": ("event_time", "unique_key"),
    "periods": ("valid_from", "valid_to"),
    "static": ("why",),
}

# How the rows of each kind of model may be stored, and what else to do.
STORED: Mapping[str, frozenset[str]] = {
    "plain": frozenset({"view", "table", "ephemeral", "incremental"}),
    "features": frozenset(),
    "labels": frozenset({"table"}),
    "training_set": frozenset({"table", "external"}),
}
STORING: Mapping[str, str] = {
    "plain": "`external` belongs to kind training_set; of a table, `publish` makes a copy",
    "features": "leave it out: a features model is computed wherever a training set asks for it",
    "labels": "leave it out: labels are always a table",
    "training_set": "leave it out, or say `external`: a training set is a table, or lies in files alone",
}


class Places:
    """Where each key of a configuration was written."""

    def __init__(self, raw: RawConfig, under: tuple[str, ...] = ()) -> None:
        self.raw = raw
        self.under = under

    def of(self, *keys: str) -> Place | None:
        """The place of a key, or of what stands around it."""
        path = (*self.under, *keys)
        for end in range(len(path), 0, -1):
            found = self.raw.places.get(".".join(path[:end]))
            if found is not None:
                return found
        return self.raw.place


def read_header(raw: RawConfig, default_delay: str | None) -> Config:
    """The typed header of a model. Raises FeatsqlError with everything that is wrong in it:
    FS102, FS103 keys and values, FS11x what is wrong with a clock, FS120 keys that do not belong
    to the model's kind, FS121, FS122 keys that it cannot do without."""
    places = Places(raw)
    block = header_block(raw, places)
    found: list[Diagnostic] = misplaced(block, places)
    clock = None
    if block.time is not None:
        clock = read_clock(block.time, Places(raw, ("time",)), default_delay, found)
    if block.horizon is not None:
        check_interval(block.horizon, "horizon", places, found)
    rules = own_rules(block, places, found)
    if found:
        raise FeatsqlError(found)
    columns: tuple[ColumnProperties, ...] = raw.values["columns"] if is_described(raw) else ()
    return Config(
        kind=block.kind,
        materialized=block.materialized,
        entity=tuple(block.entity or ()),
        as_of=block.as_of,
        horizon=block.horizon,
        label=block.label,
        clock=clock,
        boundary=block.boundary,
        unique_key=tuple(block.unique_key),
        incremental_time=block.incremental_time,
        publish=Publish(block.publish.path, tuple(block.publish.partition_by)) if block.publish else None,
        rules=rules,
        split=Split(block.split.train_until, block.split.test_from, block.split.by) if block.split else None,
        enabled=block.enabled,
        tags=tuple(block.tags),
        meta=block.meta,
        description=block.description,
        columns=columns,
        place=raw.place,
    )


def header_block(raw: RawConfig, places: Places) -> HeaderBlock:
    """The header as its schema has it. Raises FeatsqlError with what does not fit."""
    values = {key: gathered(each) for key, each in raw.values.items() if key != "columns" or not is_described(raw)}
    if "entity" in values and values["entity"] is None:
        values["entity"] = []
    block, wrong = fitted(values, HeaderBlock)
    if block is None:
        raise FeatsqlError([told(each, places) for each in wrong])
    return block


def is_described(raw: RawConfig) -> bool:
    """Whether a property file has words about columns; a header has none."""
    columns = raw.values.get("columns")
    return isinstance(columns, tuple) and all(isinstance(each, ColumnProperties) for each in columns)


def gathered(value: Any) -> Any:
    """What a template gives one item after the other as a list."""
    return list(value) if isinstance(value, Iterator | KeysView | ValuesView | Set | range) else value


def told(complaint: Complaint, places: Places) -> Diagnostic:
    """What does not fit, with its place."""
    place = places.of(*(step for step in complaint.path if isinstance(step, str)))
    message = complaint.message.replace("unknown key", "unknown configuration key")
    return Diagnostic(complaint.code, message, place, complaint.hint)


def own_rules(block: HeaderBlock, places: Places, found: list[Diagnostic]) -> tuple[RuleSetting, ...]:
    """How strictly a model takes each rule."""
    blocks = {name: [RuleBlock(each.severity, each.reason)] for name, each in block.rules.items()}
    return read_rules(blocks, lambda name: places.of("rules", name), found)


def misplaced(block: HeaderBlock, places: Places) -> list[Diagnostic]:
    """Keys that mean nothing for a model of this kind, and those that it cannot do without."""
    found: list[Diagnostic] = []
    allowed = {
        "as_of": {"labels"},
        "horizon": {"labels"},
        "label": {"labels"},
        "boundary": {"training_set"},
        "split": {"training_set"},
    }
    allowed |= {"time": {"plain"}, "incremental_time": {"plain"}, "entity": {"features", "labels"}}
    for key, kinds in allowed.items():
        if getattr(block, key) is not None and block.kind not in kinds:
            message = f"`{key}` means nothing for a model of kind `{block.kind}`"
            found.append(
                Diagnostic("FS120", message, places.of(key), f"it belongs to kind {' or '.join(sorted(kinds))}")
            )
    if block.kind == "features" and block.entity is None:
        hint = "name the entity that the features describe: entity='customer'; entity=none for global features"
        found.append(Diagnostic("FS121", "a features model needs an `entity`", places.of("kind"), hint))
    return [*found, *unpublishable(block, places)]


def unpublishable(block: HeaderBlock, places: Places) -> Iterator[Diagnostic]:
    """What stands against a copy as Parquet, and against rows that lie there alone."""
    place, external = places.of("publish"), places.of("materialized")
    if block.publish is not None and block.kind == "features":
        hint = "publish a training set, or a table"
        yield Diagnostic("FS120", "a features model has no rows of its own to publish", place, hint)
    if block.publish is not None and "://" in block.publish.path:
        message = "wrong value for `path`: rows are published to files of this machine, not to a URL"
        yield Diagnostic("FS103", message, place, "a path is relative to the project's folder; copy from there")
    if block.publish is not None and "\\" in block.publish.path:
        yield Diagnostic("FS103", "wrong value for `path`: `\\` separates nothing", place, "write `/`")
    if block.materialized not in STORED[block.kind] and is_own(places):
        message = f"a model of kind `{block.kind}` cannot be materialized as `{block.materialized}`"
        yield Diagnostic("FS120", message, external, STORING[block.kind])
    elif block.materialized == "external" and block.publish is None:
        hint = "say where they are to lie: publish={'path': 'target/training.parquet'}"
        yield Diagnostic("FS122", "an external training set does not say where its rows lie", external, hint)


def is_own(places: Places) -> bool:
    """Whether it is said of a model itself how it is stored: what a folder's models have in common means nothing to
    some of them."""
    place = places.raw.places.get("materialized")
    return "materialized" in places.raw.values and (place is None or place.path != PROJECT_FILE)


def read_clock(block: TimeBlock, places: Places, default_delay: str | None, found: list[Diagnostic]) -> Clock | None:
    """The clock that a `time:` block declares; what is wrong with it is added to `found`.

    FS110 no kind, FS111 a key of another kind, FS112 a key that is missing, FS113 no availability,
    FS114 two availabilities, FS115 not a positive interval.
    """
    kind: Kind | None = "static" if block.static and block.kind in {None, "static"} else block.kind
    if kind is None:
        hint = "say what a row is: kind: events, state, periods or static"
        found.append(Diagnostic("FS110", "the clock does not say its `kind`", places.of(), hint))
        return None
    given = {name for name in set(block.__struct_fields__) - {"kind", "static"} if getattr(block, name)}
    before = len(found)
    for name in sorted(given - KEYS[kind]):
        near = did_you_mean(name, KEYS[kind], f"{kind} has " + ", ".join(sorted(KEYS[kind])))
        found.append(Diagnostic("FS111", f"a clock of kind `{kind}` has no `{name}`", places.of(name), near))
    found += [
        Diagnostic("FS112", f"a clock of kind `{kind}` needs `{name}`", places.of("kind"), MISSING.get(name))
        for name in NEEDED[kind]
        if name not in given
    ]
    delay = available(block, kind, places, default_delay, found)
    if len(found) > before:
        return None
    return Clock(
        kind=kind,
        event_time=block.event_time,
        available_at=block.available_at,
        delay=delay,
        retracted_at=block.retracted_at,
        deleted=block.deleted,
        unique_key=tuple(block.unique_key),
        tie_break=tuple(block.tie_break),
        valid_from=block.valid_from,
        valid_to=block.valid_to,
        valid_to_available_at=block.valid_to_available_at,
        why=block.why,
    )


MISSING = {
    "event_time": "name the column of the instant at which a row happened",
    "unique_key": "name the column, or columns, of which the newest row counts",
    "valid_from": "name the column of the instant from which a row holds",
    "valid_to": "name the column of the instant at which a row ceases to hold",
    "why": "a timeless relation can carry knowledge back in time: say why it may be read at any instant",
}


def available(
    block: TimeBlock, kind: Kind, places: Places, default_delay: str | None, found: list[Diagnostic]
) -> str | None:
    """The delay of a clock, given or the project's; None where a column tells the availability."""
    if block.available_at and block.delay:
        message = "`available_at` and `delay` are given, and only one can be right"
        found.append(Diagnostic("FS114", message, places.of("delay"), "keep the column if there is one"))
        return None
    if block.delay:
        check_interval(block.delay, "delay", places, found)
        return block.delay
    if block.available_at or kind == "static":
        return None
    if kind == "periods":
        return default_delay
    if default_delay is None:
        hint = (
            "name the column of the instant at which a row could first be known (available_at: loaded_at), or say "
            "how long it takes (delay: 1 hour); `delay: 0 seconds` is a choice, too"
        )
        found.append(
            Diagnostic("FS113", "the clock does not say when a row could first be known", places.of("kind"), hint)
        )
    return default_delay


def check_interval(text: str, key: str, places: Places, found: list[Diagnostic]) -> None:
    """A span of time must be an interval, and not negative."""
    try:
        interval(text)
    except ValueError:
        hint = "write it like '30 days' or '15 minutes'"
        found.append(Diagnostic("FS115", f"`{key}` is not a span of time: `{text}`", places.of(key), hint))
