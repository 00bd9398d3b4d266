"""Which cells of a training set are as they were: those of rows whose knowledge, and of columns whose code, has not
changed since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from featsql.engine import Engine
from featsql.plan.asking import needed
from featsql.plan.microseconds import instant
from featsql.plan.plan import Plan, Scan, scans_of
from featsql.resolve.aggregates import has_aggregate
from featsql.run.columns import Made
from featsql.run.extent import Change, Extent, hashed
from featsql.temporal import column

ROWWISE = frozenset({"kind", "expressions", "from_", "joins", "operation_modifiers"})


@dataclass(frozen=True, slots=True)
class Before:
    """What an earlier build left of a training set: the extents of what it read, by relation, and the fingerprint of
    each column's code; `untouched` are the relations that are known to hold what they held then."""

    extents: Mapping[str, Extent]
    columns: Mapping[str, str]
    untouched: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Kept:
    """What of an earlier table still stands: the columns but `anew`, in the rows that do not fulfil any of `reached`.
    `names` are those that the spine's columns have in it."""

    names: Mapping[str, str]
    anew: tuple[str, ...]
    reached: tuple[exp.Expr, ...]


def scans(plan: Plan) -> Iterator[Scan]:
    """Every reading of a relation behind the features and the author's own expressions."""
    for attach in plan.attachments:
        yield from scans_of(attach.features)
    yield from (read.scan for read in plan.readings)
    yield from plan.scans.values()


def kept(plan: Plan, columns: Mapping[str, Made], changes: Mapping[str, Change | None], before: Before) -> Kept | str:
    """What of the earlier table still stands; where nothing does, or nobody can tell, why not."""
    names = spine_names(plan)
    if isinstance(names, str):
        return names
    if any(before.columns.get(name) != columns[name].code for name in names.values()):
        return "the columns of its labels are not as they were"
    anew = tuple(
        name
        for name, made in columns.items()
        if before.columns.get(name) != made.code or any(changes[scan.relation.key] is None for scan in made.scans)
    )
    if len(anew) + len(names) >= len(columns) > len(names):
        return "none of its features is as it was"
    reached: dict[str, exp.Expr] = {}
    for name, made in columns.items():
        for scan in made.scans if name not in anew else ():
            condition = sees(plan, scan, changes[scan.relation.key], names)
            if condition is not None:
                reached[condition.sql("duckdb")] = condition
    return Kept(names, anew, tuple(reached.values()))


def sees(plan: Plan, scan: Scan, change: Change | None, names: Mapping[str, str]) -> exp.Expr | None:
    """Whether a row of the earlier table is asked at an instant that sees what changed of a relation; None where
    none is."""
    assert change is not None
    if change.ranges == ():
        return None
    asked = column(names[plan.spine.as_of.casefold()])
    found: list[exp.Expr] = []
    if change.after is not None:
        found.append(exp.GT(this=asked, expression=exp.Literal.string(change.after)))
    if change.ranges is not None:
        spans: list[exp.Expr] = []
        for first, last in change.ranges:
            span: exp.Expr = exp.GTE(this=asked.copy(), expression=instant(first, scan.relation))
            if scan.lookback is not None:
                oldest = exp.Sub(this=asked.copy(), expression=scan.lookback.copy())
                span = exp.and_(span, exp.LTE(this=oldest, expression=instant(last, scan.relation)))
            spans.append(span)
        found.append(exp.or_(*spans))
    return exp.and_(*found)


def spine_names(plan: Plan) -> dict[str, str] | str:
    """The names in the training set of those columns of the spine that it is made of; where one is missing, or a row is
    not made of its own spine row alone, why no row can be known again."""
    select, more = plan.select, "its query does more than to give a row for each of its labels"
    if {part for part, value in select.args.items() if value} - ROWWISE:
        return more
    names: dict[str, str] = {}
    for value in select.expressions:
        inner = value.unalias()
        if has_aggregate(inner, frozenset()) or inner.find(exp.Window):
            return more
        if isinstance(inner, exp.Column) and inner.table.casefold() == plan.spine.alias.casefold():
            names[inner.name.casefold()] = value.alias_or_name
    wanted = needed(plan)
    missing = [name for name in wanted if name.casefold() not in names]
    if missing:
        return f"without {' and '.join(f'`{name}`' for name in missing)} of its labels no row can be known again"
    return {name.casefold(): names[name.casefold()] for name in wanted}


def total(table: exp.Expr, names: Sequence[str]) -> exp.Subquery:
    """The sum of the hashes of a table's rows, as far as some columns tell them; of no rows, nought."""
    hashes = exp.func("coalesce", exp.Sum(this=hashed(names)), exp.Literal.number(0))
    return exp.select(hashes).from_(table.copy()).subquery()


class Extension:
    """The parts of the query of a training set of which some cells are taken from `table`, as it was."""

    def __init__(self, plan: Plan, table: exp.Table, stands: Kept) -> None:
        self.plan, self.table, self.stands = plan, table, stands
        self.spine = exp.select("*").from_(plan.spine.source.copy()).subquery("__spine")

    def same(self, other: str, spine: str = "__spine") -> exp.Expr:
        """Whether a row of a training set is of a row of the spine."""
        names = self.stands.names
        return exp.and_(
            *(
                exp.NullSafeEQ(this=column(name, spine), expression=column(names[name], other))
                for name in self.stands.names
            )
        )

    def old(self) -> exp.Subquery:
        """The rows that still stand, each once."""
        own = [column(name) for name in self.stands.names.values()]
        asked = column(self.stands.names[self.plan.spine.as_of.casefold()])
        there = exp.not_(exp.Is(this=asked, expression=exp.null()))
        untouched = (exp.not_(condition.copy()) for condition in self.stands.reached)
        rows = exp.select("*").distinct(*own).from_(self.table.copy()).where(there, *untouched)
        return rows.subquery("__old")

    def only_grows(self, fresh: exp.Table, engine: Engine, computed: exp.Query) -> bool:
        """Whether the earlier table is that of all rows of the spine but the `fresh` ones, each as often as there: what
        is `computed` of these can be put behind its rows. Rows are told by the sums of their hashes."""
        if self.stands.anew or self.stands.reached:
            return False
        held = engine.columns(exp.select("*").from_(self.table.copy()).sql("duckdb"))
        if held != engine.columns(computed.sql("duckdb")):
            return False
        spine, mine = list(self.stands.names), list(self.stands.names.values())
        ((whole, added, before),) = engine.rows(
            exp.select(total(self.plan.spine.source, spine), total(fresh, spine), total(self.table, mine)).sql("duckdb")
        )
        return bool(whole == added + before)

    def fresh(self) -> exp.Select:
        """The rows of the spine that have to be computed."""
        query = exp.select("__spine.*").from_(self.spine.copy())
        query.append("joins", exp.Join(this=self.old(), side="ANTI", on=self.same("__old")))
        return query

    def standing(self) -> exp.Select:
        """The rows of the spine of which some columns stand, each once."""
        query = exp.select("__spine.*").distinct().from_(self.spine.copy())
        query.append("joins", exp.Join(this=self.old(), side="SEMI", on=self.same("__old")))
        return query

    def partial(self, standing: exp.Table, columns: Mapping[str, Made]) -> Plan:
        """The plan of the columns that have to be computed, for the rows of which others stand."""
        aliases = {alias for name in self.stands.anew for alias in columns[name].aliases}
        wanted = {*self.stands.anew, *self.stands.names.values()}
        select = self.plan.select.copy()
        select.set("expressions", [value for value in select.expressions if value.alias_or_name in wanted])
        attachments = tuple(each for each in self.plan.attachments if each.alias.casefold() in aliases)
        spine = replace(self.plan.spine, source=standing)
        return replace(self.plan, spine=spine, attachments=attachments, select=select)

    def query(self, computed: exp.Query, partial: exp.Query | None, columns: Sequence[str]) -> exp.Query:
        """All rows: those of the earlier table, with what was computed of them, and those computed whole."""
        tables = {name: "__anew" if name in self.stands.anew else "__old" for name in columns}
        again = exp.select(*(column(name, table) for name, table in tables.items())).from_(self.spine.copy())
        again.append("joins", exp.Join(this=self.old(), on=self.same("__old")))
        if partial is not None:
            again.append("joins", exp.Join(this=partial.subquery("__anew"), on=self.same("__anew")))
        return exp.union(again, exp.select("*").from_(computed.subquery("__computed")), distinct=False)
