"""The nouns of `plan`: relational nodes with a temporal meaning, ready to be lowered to one query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from sqlglot import exp

from featsql.plan.missing_row.defaults import Defaults
from featsql.plan.precomputed import Met as Met
from featsql.plan.precomputed import Precomputed as Precomputed
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.lineage.span import behind
from featsql.temporal import Boundary


class Scan(Struct, frozen=True):
    """One reading of a relation inside a lifted model.

    `keys` pairs the position of an entity key with the relation's column that it may be pushed
    into; `lookback` is how far before `as_of()` a row can still matter (None: for ever).
    """

    relation: RelationInfo
    table: exp.Table
    keys: tuple[tuple[int, str], ...] = ()
    lookback: exp.Interval | None = None


class Lifted(Struct, frozen=True):
    """Any features model, evaluated for each probe by the general rule.

    `tree` is the model's own query, whose table nodes carry `meta['scan']`, an index into `scans`
    (or a nested features model's tree stands in their place already). `outputs` are the names of all of its
    columns, `features` of those that are asked for. `defaults` gives the aggregates' own values where the
    entity has no row; None: all NULL. `unique` tells that the tree is proved to give at most one row for an entity.
    """

    name: str
    tree: exp.Query
    scans: Mapping[int, Scan]
    keys: tuple[str, ...]
    match_nulls: tuple[bool, ...]
    outputs: tuple[str, ...]
    features: tuple[str, ...]
    defaults: Defaults | None = None
    unique: bool = False
    reason: str = "the general rule: any query"

    @property
    def relations(self) -> tuple[RelationInfo, ...]:
        return tuple(scan.relation for scan in self.scans.values())


class AsOf(Struct, frozen=True):
    """The latest state per key, by one as-of join: a features model that only projects the columns
    of one `state` relation whose unique key is the entity's.

    `outputs` gives each column, keys and features in the author's order, as an expression over the
    relation's columns; `where` keeps the model's own filter; `key_columns` are the relation's
    columns in the entity's order. `in_order` tells that rows become known in the order in which they
    happen, so that none is the newest for an interval only; `stored`, that to read some columns of the
    relation once more costs little; `narrow`, that its rows are first narrowed to the keys that are asked;
    `arrays`, that a build finds the rows by arrays before the query: when it has, they are `precomputed`. `as_of_type`
    is the type of the instants that are asked, where they are in nanoseconds.
    """

    name: str
    relation: RelationInfo
    table: exp.Table
    alias: str
    keys: tuple[str, ...]
    key_columns: tuple[str, ...]
    outputs: tuple[tuple[str, exp.Expr], ...]
    where: exp.Expr | None = None
    in_order: bool = False
    stored: bool = False
    narrow: bool = False
    arrays: bool = False
    precomputed: Met | None = None
    as_of_type: str = ""

    @property
    def reason(self) -> str:
        """Why this node, and how it finds the newest rows."""
        how = (
            "its rows become known in order"
            if self.in_order
            else "by validity intervals: its rows may become known late"
        )
        how += "; of the keys that are asked alone" if self.narrow else ""
        return f"a projection of a state by its own key ({how})"

    @property
    def relations(self) -> tuple[RelationInfo, ...]:
        return (self.relation,)

    @property
    def match_nulls(self) -> tuple[bool, ...]:
        return (False,) * len(self.keys)

    @property
    def projections(self) -> tuple[tuple[str, exp.Expr], ...]:
        folded = {key.casefold() for key in self.keys}
        return tuple((name, value) for name, value in self.outputs if name.casefold() not in folded)

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.projections)

    @property
    def needed(self) -> tuple[str, ...]:
        """The relation's columns that the values depend on, or seem to: any that is called by its name."""
        values = [value for _, value in self.projections] + ([self.where] if self.where is not None else [])
        said = {name.name.casefold() for value in values for name in value.find_all(exp.Identifier)}
        clock = self.relation.clock
        if clock is not None and clock.deleted:
            said.add(clock.deleted.casefold())
        return tuple(name for name in self.relation.names if name.casefold() in said)


class Edge(Struct, frozen=True):
    """One end of a window: rows whose event time stands in this relation to `bound`, an expression over
    `as_of()` alone."""

    compare: Literal[">", ">=", "<", "<="]
    bound: exp.Expr

    @property
    def is_lower(self) -> bool:
        return self.compare in {">", ">="}

    @property
    def text(self) -> str:
        return f"{self.compare} {self.bound.sql('duckdb')}"


# All of these hold of a window's rows; the visible ones only, always.
Window = tuple[Edge, ...]


def reach(window: Window) -> float | None:
    """How far back a window reaches, in seconds; None where nobody knows."""
    found = [back for edge in window if edge.is_lower and (back := behind(edge.bound)) is not None]
    return min(found) if found else None


class Measure(Struct, frozen=True):
    """One aggregate: its call over columns of `Over.rows`, the boolean column of those that its rows must
    satisfy (None: all count), and its window's position."""

    call: exp.Expr
    flag: str | None
    window: int


# How windows are found: each probe joined with the rows of its widest window, which may be put in order for it first,
# or frames of one sort.
Method = Literal["join", "near join", "sort"]


class Over(Struct, frozen=True):
    """Aggregates over windows of one `events` relation, grouped by the entity's keys: one sort of the rows
    and of the probes together serves all of them.

    `rows` is the author's own FROM and row-wise filters, with the keys, the aggregates' arguments and
    their filters as columns; its table carries `meta['scan']`. `windows` begins with that of the
    model's own WHERE. `outputs` are expressions over the measures' values, the keys and `as_of()`.
    `general` is the same model for the general rule, which answers where nothing better can: wherever a
    row that happened before a window's edge became known only after it. By `method` each probe is
    joined with the rows of its widest window, or all windows are frames of one sort; a build counts
    what the join would meet, and takes what is cheaper. `arrays` are the positions of the measures that a build
    computes from arrays instead, before the query; when it has, they are `precomputed`.
    """

    name: str
    general: Lifted
    scan: Scan
    rows: exp.Select
    windows: tuple[Window, ...]
    measures: tuple[Measure, ...]
    outputs: tuple[tuple[str, exp.Expr], ...]
    method: Method = "join"
    reason: str = "windows of one events relation"
    arrays: frozenset[int] = frozenset()
    precomputed: Precomputed | None = None

    @property
    def relations(self) -> tuple[RelationInfo, ...]:
        return (self.scan.relation,)

    @property
    def keys(self) -> tuple[str, ...]:
        return self.general.keys

    @property
    def match_nulls(self) -> tuple[bool, ...]:
        return self.general.match_nulls

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.outputs)

    @property
    def bounded(self) -> tuple[int, ...]:
        """The positions of the measures whose windows are not all that was ever known, but for those from arrays."""
        return tuple(i for i in self.rest if self.windows[self.measures[i].window])

    @property
    def endless(self) -> tuple[int, ...]:
        """The positions of the measures of all that was ever known, but for those from arrays."""
        return tuple(i for i in self.rest if not self.windows[self.measures[i].window])

    @property
    def rest(self) -> tuple[int, ...]:
        """The positions of the measures that do not come from arrays."""
        return tuple(i for i in range(len(self.measures)) if i not in self.arrays)

    @property
    def joinable(self) -> bool:
        """Whether a join can find the windows: each is of a known length, or is everything."""
        windows = [self.windows[self.measures[i].window] for i in self.bounded]
        return bool(windows or self.arrays) and all(reach(window) is not None for window in windows)


Features = Lifted | AsOf | Over


def scans_of(features: Features) -> tuple[Scan, ...]:
    """Every reading of a relation that evaluates a features model."""
    if isinstance(features, Over):
        return scans_of(features.general)
    if isinstance(features, Lifted):
        return tuple(features.scans.values())
    keys = tuple(enumerate(features.key_columns))
    return (Scan(features.relation, features.table, keys),)


class Outcome(Struct, frozen=True):
    """The spine: rows with keys and an `as_of` instant, and whatever was learnt later about them.

    `source` is what is selected from, `alias` the name by which the author's SQL knows it. It is
    the only node that may look past `as_of`, the column of the instant (its type: `as_of_type`).
    """

    source: exp.Expr
    alias: str
    columns: tuple[str, ...]
    as_of: str
    as_of_type: str


class Attach(Struct, frozen=True):
    """The columns of a features model beside the spine's, one row for one row.

    `keys` are expressions over the spine, in the entity's order; `alias` is the name under which
    the training set's own SQL knows the features.
    """

    features: Features
    keys: tuple[exp.Expr, ...]
    alias: str


class Reading(Struct, frozen=True):
    """Another relation that a training set joins at each row's instant; `on` is the author's condition
    over the spine and the relation, `outer` whether a row without a partner stays."""

    scan: Scan
    alias: str
    on: exp.Expr
    outer: bool


class Plan(Struct, frozen=True):
    """One training set: its spine, what is attached, and the author's own projections over both.

    `select` holds the author's projections and order, with stars written out and no FROM; scans
    inside its subqueries carry `meta['scan']`, an index into `scans`.
    """

    name: str
    spine: Outcome
    attachments: tuple[Attach, ...]
    readings: tuple[Reading, ...]
    select: exp.Select
    scans: Mapping[int, Scan]
    boundary: Boundary
