"""Compilers that are wrong in one way each. Only names that the plan uses are replaced: the reference
stays right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace
from sqlglot import exp

from featsql import temporal
from featsql.engines.duckdb.lower import asof, cells, latest, lift, lower, over, tables
from featsql.plan import features, known, measures, microseconds, names, shapes
from featsql.plan.plan import AsOf, Edge, Features, Lifted, Over, Scan
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.checked import Checked
from featsql.resolve.keys import meeting, pushdown
from featsql.resolve.lineage import lookback
from featsql.temporal import Boundary, Clock
from laws.focus import (
    ANYTHING,
    FLOWING,
    IN_ORDER,
    LASTING,
    LIMITED,
    MATCHING,
    OUTER,
    PROJECTED,
    RECENT,
    SEVERAL,
    VERSIONS,
    WINDOWS,
    Focus,
)

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Mutant:
    """One wrong compiler: what is wrong with it, how it is put in place, and how many random projects
    may pass before one catches it."""

    name: str
    put: Callable[[Patch], None]
    focus: Focus


MUTANTS: list[Mutant] = []


def mutant(focus: Focus) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Add a mutant to the list; its name is the function's."""

    def add(put: Callable[[Patch], None]) -> Callable[[Patch], None]:
        MUTANTS.append(Mutant(put.__name__, put, focus))
        return put

    return add


def swapped(boundary: Boundary) -> Boundary:
    """The other boundary."""
    return "exclusive" if boundary == "inclusive" else "inclusive"


def without(clock: Clock, **fields: Any) -> Clock:
    """A clock that knows less."""
    return replace(clock, **fields)


def blind(put: Patch, **fields: Any) -> None:
    """Let scans and versions forget parts of every clock."""
    rows_at, validity_intervals = known.rows_at, known.validity_intervals

    def forget(info: RelationInfo) -> RelationInfo:
        return info if info.clock is None else replace(info, clock=without(info.clock, **fields))

    def blind_rows(
        info: RelationInfo, table: exp.Expr, at: exp.Expr, boundary: Boundary, versions: str | None
    ) -> exp.Select:
        return rows_at(forget(info), table, at, boundary, versions)

    def blind_intervals(info: RelationInfo, table: exp.Expr) -> exp.Select:
        return validity_intervals(forget(info), table)

    for module in (lift, lower):
        put.setattr(module, "rows_at", blind_rows)
    for module in (lower, tables):
        put.setattr(module, "validity_intervals", blind_intervals)
    last_known = lower.last_known

    def blind_last(planned: AsOf, probe: str, parts: tables.Parts) -> exp.Select:
        return last_known(replace(planned, relation=forget(planned.relation)), probe, parts)

    put.setattr(lower, "last_known", blind_last)


@mutant(VERSIONS)
def the_boundary_is_the_other_one(put: Patch) -> None:
    put.setattr(lower, "Parts", parts_with_swapped_boundary())


def parts_with_swapped_boundary() -> type[tables.Parts]:
    """Parts that read every boundary the wrong way round."""

    class Swapped(tables.Parts):
        def __init__(self, boundary: Boundary) -> None:
            super().__init__(swapped(boundary))

    return Swapped


@mutant(VERSIONS)
def versions_begin_after_their_instant(put: Patch) -> None:
    """`<` for `<=`, where versions become known."""
    put.setattr(known, "reached", lambda instant, at, boundary: temporal.reached(instant, at, "exclusive"))


@mutant(PROJECTED)
def an_as_of_join_misses_its_own_instant(put: Patch) -> None:
    for module in (asof, latest):
        put.setattr(module, "reached", lambda instant, at, boundary: temporal.reached(instant, at, swapped(boundary)))


@mutant(IN_ORDER)
def twins_are_left_to_chance(put: Patch) -> None:
    """Of several rows of one instant that which the as-of join happened to take."""
    settled = latest.settled

    def nothing(planned: AsOf, found: str, rows: str) -> exp.Select:
        return settled(planned, found, rows).where(exp.false())

    put.setattr(lower, "settled", nothing)


@mutant(IN_ORDER)
def twins_of_any_instant_are_settled(put: Patch) -> None:
    put.setattr(latest, "same_instant", lambda mine, theirs: exp.true())


@mutant(IN_ORDER)
def the_last_twin_is_the_newest(put: Patch) -> None:
    newest_first = known.newest_first

    def turned(info: RelationInfo, table: str | None = None) -> exp.Order:
        order = newest_first(info, table)
        for term in order.expressions:
            term.set("desc", False)
        return order

    put.setattr(latest, "newest_first", turned)


@mutant(IN_ORDER)
def a_delay_is_forgotten_by_an_as_of_join(put: Patch) -> None:
    put.setattr(latest, "known_from", lambda clock: temporal.column(clock.start))


@mutant(PROJECTED)
def only_the_rows_of_other_keys_are_read(put: Patch) -> None:
    """Narrowed to the keys that nobody asks about."""
    of_asked = latest.of_asked

    def others(planned: AsOf, rows: exp.Expr, probe: str) -> exp.Select:
        query = of_asked(planned, rows, probe)
        query.args["joins"][0].set("kind", "ANTI")
        return query

    for module in (latest, lower):
        put.setattr(module, "of_asked", others)


@mutant(PROJECTED)
def late_rows_are_taken_to_be_in_order(put: Patch) -> None:
    put.setattr(shapes, "known_in_order", lambda info: True)


@mutant(VERSIONS)
def versions_end_late(put: Patch) -> None:
    """`>=` for `>`, where versions stop being known."""
    put.setattr(known, "pending", lambda instant, at, boundary: temporal.pending(instant, at, swapped(boundary)))


@mutant(ANYTHING)
def availability_is_forgotten(put: Patch) -> None:
    blind(put, available_at=None, delay=None)


@mutant(VERSIONS)
def retraction_is_forgotten(put: Patch) -> None:
    blind(put, retracted_at=None)


@mutant(VERSIONS)
def deletions_are_forgotten(put: Patch) -> None:
    blind(put, deleted=None)


@mutant(LASTING)
def the_end_of_a_period_is_known_with_its_row(put: Patch) -> None:
    def project(info: RelationInfo, at: exp.Expr, boundary: Boundary) -> exp.Select:
        return exp.select(*(temporal.column(name) for name in info.names))

    put.setattr(known, "project", project)


@mutant(LASTING)
def when_an_end_was_learnt_is_forgotten(put: Patch) -> None:
    blind(put, valid_to_available_at=None)


@mutant(VERSIONS)
def a_key_is_known_by_its_first_instant(put: Patch) -> None:
    """`greatest(event_time, available_at)` without the first."""
    put.setattr(known, "known_from", lambda clock: temporal.available_at(clock))


@mutant(VERSIONS)
def versions_that_were_never_newest_stay(put: Patch) -> None:
    """`greatest` without pruning: the next version to become known ends one, though it be older."""

    def following(info: RelationInfo, table: exp.Expr) -> exp.Select:
        clock = info.clock
        assert clock is not None
        begun = exp.select("*", exp.alias_(known.known_from(clock), names.KNOWN_FROM)).from_(table.copy())
        until = exp.Window(
            this=exp.Lead(this=temporal.column(names.KNOWN_FROM)),
            partition_by=[temporal.column(name) for name in clock.unique_key],
            order=exp.Order(expressions=[exp.Ordered(this=temporal.column(names.KNOWN_FROM), nulls_first=False)]),
        )
        begun = begun.where(known.has_instants(clock))
        return exp.select("*", exp.alias_(until, names.KNOWN_TO)).from_(begun.subquery("begun"))

    put.setattr(known, "intervals_of_lasting", following)


@mutant(VERSIONS)
def a_tie_break_counts_the_wrong_way(put: Patch) -> None:
    order = temporal.version_order

    def reversed_ties(clock: Clock) -> tuple[exp.Expr, ...]:
        start, available, *ties = order(clock)
        return (start, available, *(exp.Neg(this=tie) for tie in ties))

    put.setattr(known, "version_order", reversed_ties)


@mutant(VERSIONS)
def a_correction_counts_by_when_it_happened(put: Patch) -> None:
    def by_event_time(clock: Clock) -> tuple[exp.Expr, ...]:
        first, second, *ties = temporal.version_order(clock)
        return (first, second, *ties) if clock.kind == "state" else (second, first, *ties)

    put.setattr(known, "version_order", by_event_time)


@mutant(ANYTHING)
def duplicates_go_before_the_cut(put: Patch) -> None:
    """The newest version of all times, whether it was known then or not."""

    def forever(info: RelationInfo, table: exp.Expr) -> exp.Select:
        clock = info.clock
        assert clock is not None
        number = exp.Window(
            this=exp.RowNumber(),
            partition_by=[temporal.column(name) for name in clock.unique_key],
            order=known.newest_first(info),
        )
        begun = exp.select("*", exp.alias_(known.known_from(clock), names.KNOWN_FROM)).from_(table.copy())
        begun = begun.where(known.has_instants(clock)).qualify(exp.EQ(this=number, expression=exp.Literal.number(1)))
        end = exp.column(clock.retracted_at, quoted=True) if clock.retracted_at else exp.null()
        return exp.select("*", exp.alias_(end, names.KNOWN_TO)).from_(begun.subquery("begun"))

    for module in (lower, tables):
        put.setattr(module, "validity_intervals", forever)


@mutant(ANYTHING)
def versions_never_end(put: Patch) -> None:
    """A newer version does not take the place of an older one."""

    def rows_at(
        info: RelationInfo, table: exp.Expr, at: exp.Expr, boundary: Boundary, versions: str | None
    ) -> exp.Select:
        rows = known.project(info, at, boundary).from_(exp.to_table(versions) if versions else table.copy())
        return rows.where(temporal.visible(info.clock or Clock("static"), at, boundary))

    put.setattr(lift, "rows_at", rows_at)


@mutant(VERSIONS)
def what_was_retracted_has_no_older_version(put: Patch) -> None:
    """After a retraction nothing holds, though an older version does."""

    def lasting(info: RelationInfo, table: exp.Expr) -> exp.Select:
        return known.intervals_of_lasting(info, table)

    put.setattr(known, "intervals_of_retractable", lasting)


@mutant(ANYTHING)
def no_row_is_always_null(put: Patch) -> None:
    put.setattr(features, "defaults", lambda tree, keys, aggregates: None)


@mutant(ANYTHING)
def null_keys_always_match(put: Patch) -> None:
    plan = features.plan_features

    def matched(name: str, checked: Checked, *, general: bool = False) -> Features:
        planned = plan(name, checked, general=general)
        if isinstance(planned, Lifted):
            return replace(planned, match_nulls=tuple(True for _ in planned.match_nulls))
        return planned

    put.setattr("laws.trial.plan_features", matched)


@mutant(MATCHING)
def null_keys_never_match(put: Patch) -> None:
    plan = features.plan_features

    def unmatched(name: str, checked: Checked, *, general: bool = False) -> Features:
        planned = plan(name, checked, general=general)
        if isinstance(planned, Lifted):
            return replace(planned, match_nulls=tuple(False for _ in planned.match_nulls))
        return planned

    put.setattr("laws.trial.plan_features", unmatched)


@mutant(LIMITED)
def keys_are_pushed_into_a_limit(put: Patch) -> None:
    body = pushdown.Pushdown.body

    def through(self: pushdown.Pushdown, query: exp.Expr, wanted: pushdown.Wanted) -> None:
        parts = {part: query.args.pop(part, None) for part in ("limit", "offset")}
        body(self, query, wanted)
        query.args.update({part: node for part, node in parts.items() if node is not None})

    put.setattr(pushdown.Pushdown, "body", through)


@mutant(FLOWING)
def keys_are_pushed_through_any_window(put: Patch) -> None:
    put.setattr(pushdown, "partitioned", lambda window, select, same: True)


@mutant(OUTER)
def keys_are_pushed_to_the_side_that_may_be_null(put: Patch) -> None:
    add = meeting.add

    def careless(found: meeting.Meeting, join: exp.Join, equal: list[tuple[meeting.Owned, meeting.Owned]]) -> None:
        inner = join if join.method or join.kind in {"SEMI", "ANTI"} else exp.Join(this=join.this.copy(), kind="INNER")
        add(found, inner, equal)

    put.setattr(meeting, "add", careless)


@mutant(FLOWING)
def keys_are_pushed_for_one_use_of_a_cte(put: Patch) -> None:
    def first_use(self: pushdown.Pushdown, cte: exp.CTE) -> pushdown.Wanted:
        uses = self.uses.get(id(cte), [])
        return uses[0] if uses else pushdown.NOTHING

    put.setattr(pushdown.Pushdown, "agreed", first_use)


@mutant(FLOWING)
def keys_are_pushed_through_any_group(put: Patch) -> None:
    put.setattr(pushdown, "keeps_apart", lambda select, name, value, owner, aggregates: True)


@mutant(WINDOWS)
def the_lookback_is_a_notch_too_narrow(put: Patch) -> None:
    recent = lift.recent

    def narrow(visible: exp.Select, scan: Scan, moment: lift.Moment) -> exp.Query:
        hour = exp.Interval(this=exp.Literal.string("59"), unit=exp.var("MINUTES"))
        return recent(visible, replace(scan, lookback=hour), moment)

    put.setattr(lift, "recent", narrow)


@mutant(WINDOWS)
def the_oldest_bucket_is_forgotten(put: Patch) -> None:
    recent = lift.recent

    def one_bucket(visible: exp.Select, scan: Scan, moment: lift.Moment) -> exp.Query:
        found = recent(visible, scan, moment)
        return found.this if isinstance(found, exp.Union) else found

    put.setattr(lift, "recent", one_bucket)


@mutant(WINDOWS)
def the_narrowest_of_several_windows_is_the_lookback(put: Patch) -> None:
    def narrowest(values: Iterable[float]) -> float:
        return min(values)

    put.setattr(lookback, "max", narrowest, raising=False)


@mutant(ANYTHING)
def probes_repeat(put: Patch) -> None:
    """Each row of the spine is a probe of its own: duplicates multiply."""
    probe = tables.Parts.probe

    def repeated(self: tables.Parts, keys: Sequence[exp.Expr], as_of: exp.Expr, spine: str) -> str:
        name = probe(self, keys, as_of, spine)
        self.tables[name][0].set("distinct", None)
        return name

    put.setattr(tables.Parts, "probe", repeated)


@mutant(ANYTHING)
def null_instants_find_no_probe(put: Patch) -> None:
    put.setattr(exp, "NullSafeEQ", exp.EQ)


@mutant(SEVERAL)
def several_rows_are_let_through(put: Patch) -> None:
    put.setattr(lower, "guarded", lambda query, planned, keys: query)


@mutant(SEVERAL)
def one_row_is_taken_for_granted(put: Patch) -> None:
    put.setattr(features, "unique_per_key", lambda tree, keys, aggregates: True)


@mutant(ANYTHING)
def as_of_is_the_latest_of_the_spine(put: Patch) -> None:
    """One instant for all: what a feature store does that serves only now."""

    def now(tree: exp.Query, scans: Mapping[int, Scan], moment: lift.Moment) -> exp.Query:
        latest = exp.select(exp.Max(this=exp.column("as_of"))).from_("spine").subquery()
        return lift.lift(tree, scans, replace(moment, at=latest))

    put.setattr(lower, "lift", now)


@mutant(PROJECTED)
def the_filter_of_a_state_goes_before_its_versions(put: Patch) -> None:
    """An as-of join of the rows that pass the filter: an older one comes back."""
    joined = lower.per_probe

    def filtered_first(planned: Features, probe: str, parts: tables.Parts) -> exp.Select:
        if not isinstance(planned, AsOf) or planned.where is None:
            return joined(planned, probe, parts)
        rows = (
            exp.select("*")
            .from_(exp.alias_(planned.table.copy(), planned.alias, table=True))
            .where(planned.where.copy())
        )
        if rows.find(exp.Anonymous):
            return joined(planned, probe, parts)
        filtered: Any = rows.subquery(planned.alias)
        return joined(replace(planned, table=filtered), probe, parts)

    put.setattr(lower, "per_probe", filtered_first)


@mutant(RECENT)
def a_window_ends_on_the_other_side_of_its_instant(put: Patch) -> None:
    put.setattr(
        microseconds,
        "last_reached",
        lambda at, boundary: temporal.last_reached(at, swapped(boundary)),
    )


@mutant(RECENT)
def a_windows_left_end_is_always_closed(put: Patch) -> None:
    """`>=` for `>`."""
    bound = over.Frames.bound

    def closed(self: over.Frames, edge: Edge, at: exp.Expr, now: exp.Expr | None) -> exp.Expr:
        return bound(self, replace(edge, compare=">=") if edge.is_lower else edge, at, now)

    put.setattr(over.Frames, "bound", closed)


@mutant(RECENT)
def late_rows_are_taken_as_prompt(put: Patch) -> None:
    """A window over when rows became known, not over when they happened."""
    put.setattr(over.Frames, "late", lambda self: None)


@mutant(RECENT)
def a_windows_rows_are_known_when_they_happen(put: Patch) -> None:
    put.setattr(microseconds, "is_prompt", lambda clock: True)
    put.setattr(over, "is_prompt", lambda clock: True)


@mutant(RECENT)
def probes_count_as_rows(put: Patch) -> None:
    def measured(self: over.Frames, position: int) -> exp.Expr:
        shape = self.shapes[position]
        counted = exp.Filter(this=shape.call.copy(), expression=exp.Where(this=column_or_true(shape.flag)))
        track = self.tracks.index(tuple(shape.spans))
        return self.window(counted, track, temporal.column(names.part("to", track)), "PRECEDING")

    put.setattr(over.Frames, "measured", measured)


def column_or_true(flag: str | None) -> exp.Expr:
    """The column of a flag, or `true`."""
    return temporal.column(flag) if flag else exp.true()


@mutant(replace(RECENT, windowed=95, bare=90))
def an_empty_sum_of_cases_is_nothing(put: Patch) -> None:
    """`sum(case ... else 0 end)` as if it had no ELSE."""

    def plain(self: measures.Measures, call: exp.Expr, found: Any, counted: Any) -> exp.Expr:
        return self.measure(call, counted)

    put.setattr(measures.Measures, "zero_of_some", plain)


@mutant(RECENT)
def null_keys_are_one_entity(put: Patch) -> None:
    plan = features.plan_features

    def matched(name: str, checked: Checked, *, general: bool = False) -> Features:
        planned = plan(name, checked, general=general)
        if isinstance(planned, Over):
            always = tuple(True for _ in planned.match_nulls)
            return replace(planned, general=replace(planned.general, match_nulls=always))
        return planned

    put.setattr("laws.trial.plan_features", matched)


@mutant(RECENT)
def the_narrowest_window_prunes_the_rows(put: Patch) -> None:
    wanted = over.Frames.wanted

    def narrow(self: over.Frames, rows: exp.Select) -> exp.Select:
        found = wanted(self, rows)
        for join in found.args.get("joins") or []:
            for least in list(join.find_all(exp.Least)):
                least.replace(exp.func("greatest", *(part.copy() for part in (least.this, *least.expressions))))
        return found

    put.setattr(over.Frames, "wanted", narrow)


@mutant(RECENT)
def cells_lie_in_every_window(put: Patch) -> None:
    put.setattr(cells.Cells, "within", lambda self, window: None)


@mutant(RECENT)
def empty_windows_hold_the_rows_of_their_instant(put: Patch) -> None:
    put.setattr(
        over.Frames, "up_to_now", lambda self, call, span, nothing: self.window(call, span, "CURRENT ROW", None)
    )
