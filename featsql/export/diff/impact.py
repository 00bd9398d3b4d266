"""What a change of code touches: which columns, through which relations, and what has to be built again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from featsql.export.diff.snapshot import Snapshot, State
from featsql.export.paths import Node, Paths, head
from featsql.resolve.graph import model_key
from featsql.resolve.lineage.lineage import ROWS, Edge

What = Literal["added", "removed", "changed"]


class Change(Struct, frozen=True):
    """A relation whose own code changed; `columns` says what became of each column that did, `rows` whether what
    it holds may differ in every column."""

    key: str
    kind: str
    path: str | None
    what: What
    rows: bool
    columns: tuple[tuple[str, What], ...]


class Reach(Struct, frozen=True):
    """The interval in which rows of a relation act on some columns of a changed one: before, where these were
    there and it is known, and now."""

    relation: str
    key: str
    columns: tuple[str, ...]
    before: str | None
    now: str


class Touched(Struct, frozen=True):
    """A relation whose values or rows may differ, and the columns in which they may."""

    key: str
    kind: str
    columns: tuple[str, ...]
    total: int
    rows: bool


class Rebuild(Struct, frozen=True):
    """A relation that has to be built again, and why; `refresh` says that it must be built from nothing."""

    name: str
    why: str
    refresh: bool = False


class Impact(Struct, frozen=True):
    """All that a change does, in build order."""

    changes: tuple[Change, ...]
    reaches: tuple[Reach, ...]
    touched: tuple[Touched, ...]
    rebuild: tuple[Rebuild, ...]


def impact(old: Snapshot, new: Snapshot) -> Impact:
    """What changed between two snapshots, and everything below that it touches."""
    changes = tuple(changes_of(old, new))
    starts = [node for change in changes for node in starts_of(change, old, new)]
    starts += [(key, column.casefold()) for key, column, _ in reshaped(old, new)]
    paths = Paths(edge for side in (old, new) for edge in effective(side))
    nodes = {*starts, *map(head, paths.below(starts))}
    touched = tuple(touched_of(nodes, new))
    changed = {change.key: {name.casefold() for name, _ in change.columns} for change in changes}
    return Impact(changes, tuple(reaches(changed, old, new)), touched, tuple(rebuilds(touched, changes, old, new)))


def changes_of(old: Snapshot, new: Snapshot) -> Iterator[Change]:
    """Relations whose own code differs, in build order, those that are gone last."""
    for key, state in new.tables.items():
        before = old.tables.get(key)
        if before is None:
            yield Change(key, state.kind, state.path, "added", True, every(state, "added"))
        elif before.code != state.code:
            columns = tuple(columns_between(before, state))
            yield Change(key, state.kind, state.path, "changed", before.rows != state.rows, columns)
    for key, state in old.tables.items():
        if key not in new.tables:
            yield Change(key, state.kind, state.path, "removed", True, every(state, "removed"))


def every(state: State, what: What) -> tuple[tuple[str, What], ...]:
    """The same said of every column."""
    return tuple((name, what) for name in state.columns)


def columns_between(before: State, after: State) -> Iterator[tuple[str, What]]:
    """The columns that came, went, or have another expression or type."""
    was = {name.casefold(): own for name, own in before.columns.items()}
    for name, own in after.columns.items():
        if name.casefold() not in was:
            yield name, "added"
        elif was[name.casefold()] != own:
            yield name, "changed"
    now = {name.casefold() for name in after.columns}
    yield from ((name, "removed") for name in before.columns if name.casefold() not in now)


def reshaped(old: Snapshot, new: Snapshot) -> Iterator[tuple[str, str, What]]:
    """Columns of relations with the same code that came, went or changed their type, because of what is read."""
    for key, state in new.tables.items():
        before = old.tables.get(key)
        if before is None or before.code != state.code:
            continue
        was = {name.casefold(): kind for name, (kind, _) in before.columns.items()}
        now = {name.casefold(): kind for name, (kind, _) in state.columns.items()}
        for name in {**was, **now}:
            if was.get(name) != now.get(name):
                yield key, name, "changed" if name in was and name in now else "added" if name in now else "removed"


def starts_of(change: Change, old: Snapshot, new: Snapshot) -> Iterator[Node]:
    """The columns at which a change begins to act."""
    yield from ((change.key, name.casefold()) for name, _ in change.columns)
    if change.rows:
        yield change.key, ROWS
        for side in (old, new):
            state = side.tables.get(change.key)
            yield from ((change.key, name.casefold()) for name in (state.columns if state else ()))


def effective(side: Snapshot) -> Iterator[Edge]:
    """The edges through which a change can act. A training set has its labels' rows whatever the features are: these
    act on the columns alone that they flow into. Its labels' instants act on whatever is asked at them."""
    flows = {(edge.model, edge.output, edge.relation) for edge in side.edges if edge.kind == "value"}
    kinds = {key: state.kind for key, state in side.tables.items()}
    for edge in side.edges:
        spared = kinds.get(model_key(edge.model)) == "training_set" and kinds.get(edge.relation) == "features"
        if edge.kind == "value" or not spared or (edge.model, edge.output, edge.relation) in flows:
            yield edge
    read = {(edge.model, edge.relation) for edge in side.edges}
    for model, labels in read:
        as_of = side.tables[labels].as_of if labels in side.tables else None
        if kinds.get(model_key(model)) == "training_set" and as_of is not None:
            asked = {output for name, output, relation in flows if name == model and relation != labels}
            yield from (Edge(model, output, labels, as_of, "influence", "as_of") for output in asked)


def reaches(changed: Mapping[str, Collection[str]], old: Snapshot, new: Snapshot) -> Iterator[Reach]:
    """The intervals of the edges into changed columns, those together that are alike."""
    found: dict[tuple[str, str, str | None, str], dict[str, None]] = {}
    for edge, now in new.edges.items():
        key = model_key(edge.model)
        before = old.edges.get(edge)
        if edge.output.casefold() in changed.get(key, ()) or (before and before != now):
            found.setdefault((edge.relation, key, before, now), {})[edge.output] = None
    for (relation, key, before, now), columns in found.items():
        yield Reach(relation, key, tuple(columns), before, now)


def touched_of(nodes: Iterable[Node], new: Snapshot) -> Iterator[Touched]:
    """The relations that there are now, with the columns that a change reaches."""
    reached: dict[str, set[str]] = {}
    for key, column in nodes:
        reached.setdefault(key, set()).add(column)
    for key, state in new.tables.items():
        found = reached.get(key, set())
        columns = tuple(name for name in state.columns if name.casefold() in found)
        if found:
            yield Touched(key, state.kind, columns, len(state.columns), ROWS in found)


def rebuilds(touched: Iterable[Touched], changes: Iterable[Change], old: Snapshot, new: Snapshot) -> Iterator[Rebuild]:
    """What a build has to make again: whatever holds rows that may differ, and views whose own text or columns do."""
    own = {change.key for change in changes} | {key for key, *_ in reshaped(old, new)}
    for each in touched:
        state = new.tables[each.key]
        name = each.key.partition(":")[2]
        why = "its code changed" if each.key in own else "what it reads changed"
        if state.kind in {"seed", "labels", "training_set"} or state.materialized == "table":
            yield Rebuild(name, why)
        elif state.kind == "plain" and state.materialized == "incremental":
            yield Rebuild(name, why, refresh=each.key in old.tables)
        elif state.kind == "plain" and each.key in own:
            yield Rebuild(name, why)
