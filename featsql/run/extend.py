"""Which rows of a training set are as they were: those asked at instants whose knowledge has not changed since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from featsql.engine import Engine
from featsql.plan.plan import Plan, Scan, scans_of
from featsql.resolve.aggregates import has_aggregate
from featsql.resolve.catalog import RelationInfo
from featsql.temporal import available_at, column

# Of a relation: its clock and columns, the last instant at which a row became known (text; None: no clock), and how
# many rows there are and the sum of their hashes, of all that became known by then.
Extent = tuple[str, str | None, int, str]
ROWWISE = frozenset({"kind", "expressions", "from_", "joins", "operation_modifiers"})


@dataclass(frozen=True, slots=True)
class Kept:
    """What of an earlier table still stands: its rows asked at each of `until` or before, by the names that the
    spine's columns have in it."""

    until: tuple[str, ...]
    names: Mapping[str, str]


def scans(plan: Plan) -> Iterator[Scan]:
    """Every reading of a relation behind the features and the author's own expressions."""
    for attach in plan.attachments:
        yield from scans_of(attach.features)
    yield from (read.scan for read in plan.readings)
    yield from plan.scans.values()


def extents(plan: Plan, engine: Engine, before: Mapping[str, Extent]) -> dict[str, tuple[Extent, Extent | None]]:
    """The extent of every relation that a plan reads, and beside it what it now is of the instant of `before`."""
    found: dict[str, tuple[Extent, Extent | None]] = {}
    for scan in scans(plan):
        info = scan.relation
        if info.key not in found:
            then = before.get(info.key)
            (row,) = engine.rows(measured(scan.table, info, then[1] if then else None).sql("duckdb"))
            last, count, total, old_count, old_total = row
            made = repr((info.clock, [(each.name, each.type) for each in info.columns]))
            found[info.key] = (
                (made, last, count, str(total)),
                (made, then[1], old_count, str(old_total)) if then else None,
            )
    return found


def measured(table: exp.Table, info: RelationInfo, until: str | None) -> exp.Select:
    """The query of a relation's extent now, and of what of it had become known until an instant. The hash is hashed
    once more, since the engine's hash of several values is too regular to be added up."""
    row = exp.func("hash", exp.func("hash", *(column(each.name) for each in info.columns)))
    total = exp.Sum(this=exp.cast(row, "hugeint"))
    known: exp.Expr = exp.true() if info.clock is None or info.clock.kind == "static" else available_at(info.clock)
    timed = info.clock is not None and info.clock.kind != "static"
    last = exp.cast(exp.Max(this=known.copy()), "varchar") if timed else exp.null()
    there = exp.not_(exp.Is(this=known.copy(), expression=exp.null()))
    then = exp.LTE(this=known, expression=exp.Literal.string(until)) if timed and until is not None else exp.true()
    values: list[exp.Expr] = [last]
    for condition in (there, exp.and_(there.copy(), then)):
        where = exp.Where(this=condition)
        calls = (exp.Count(this=exp.Star()), total.copy())
        values.extend(exp.Filter(this=call, expression=where.copy()) for call in calls)
    return exp.select(*values).from_(table.copy())


def kept(plan: Plan, found: Mapping[str, tuple[Extent, Extent | None]], before: Mapping[str, Extent]) -> Kept | None:
    """What of the earlier table still stands; None where nothing does, or where nobody can tell."""
    names = spine_names(plan)
    if names is None or found.keys() != before.keys():
        return None
    until: list[str] = []
    for key, (now, then) in found.items():
        if now == before[key]:
            continue
        if then != before[key] or then[1] is None:
            return None
        until.append(then[1])
    return Kept(tuple(dict.fromkeys(until)), names)


def spine_names(plan: Plan) -> dict[str, str] | None:
    """The names that the spine's columns have in the training set; None where one is missing, or where a row of the
    training set is not made of its own spine row alone."""
    select = plan.select
    if {part for part, value in select.args.items() if value} - ROWWISE:
        return None
    names: dict[str, str] = {}
    for value in select.expressions:
        inner = value.unalias()
        if has_aggregate(inner, frozenset()) or inner.find(exp.Window):
            return None
        if isinstance(inner, exp.Column) and inner.table.casefold() == plan.spine.alias.casefold():
            names[inner.name.casefold()] = value.alias_or_name
    return names if all(name.casefold() in names for name in plan.spine.columns) else None


class Extension:
    """The parts of the query of a training set of which some rows are taken from `table`, as it was."""

    def __init__(self, plan: Plan, table: exp.Table, stands: Kept) -> None:
        self.plan, self.table, self.stands = plan, table, stands
        self.spine = exp.select("*").from_(plan.spine.source.copy()).subquery("__spine")
        self.same = [
            exp.NullSafeEQ(this=column(name, "__spine"), expression=column(stands.names[name.casefold()], "__old"))
            for name in plan.spine.columns
        ]

    def old(self) -> exp.Subquery:
        """The rows that still stand, each once."""
        own = [column(self.stands.names[name.casefold()]) for name in self.plan.spine.columns]
        asked = column(self.stands.names[self.plan.spine.as_of.casefold()])
        known = [exp.LTE(this=asked.copy(), expression=exp.Literal.string(until)) for until in self.stands.until]
        there = exp.not_(exp.Is(this=asked, expression=exp.null()))
        return exp.select("*").distinct(*own).from_(self.table.copy()).where(there, *known).subquery("__old")

    def fresh(self) -> exp.Select:
        """The rows of the spine that have to be computed."""
        query = exp.select("__spine.*").from_(self.spine.copy())
        query.append("joins", exp.Join(this=self.old(), side="ANTI", on=exp.and_(*self.same)))
        return query

    def query(self, computed: exp.Query) -> exp.Query:
        """All rows: those of the earlier table, and `computed`."""
        again = exp.select("__old.*").from_(self.spine.copy())
        again.append("joins", exp.Join(this=self.old(), on=exp.and_(*(each.copy() for each in self.same))))
        return exp.union(again, exp.select("*").from_(computed.subquery("__computed")), distinct=False)
