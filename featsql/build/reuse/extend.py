"""Which cells of a training set are as they were: those of rows whose knowledge, and of columns whose code, has not
changed since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.build.reuse.columns import Made
from featsql.build.reuse.extent import Change, Extent, hashed
from featsql.engine import Column, Engine
from featsql.engines.duckdb.columnar.questions import needed
from featsql.engines.duckdb.lower.lower import numbered
from featsql.plan.microseconds import instant
from featsql.plan.names import PLACE, ROW
from featsql.plan.plan import Plan, Scan, scans_of
from featsql.resolve.aggregates import has_aggregate
from featsql.resolve.catalog.describe import instant_type
from featsql.resolve.nanoseconds import BELOW, beside, of_type, whole
from featsql.temporal import column

# The name of the number that the engine gives each row of a table.
ROWID = "rowid"
# Which share of the rows of a table may fall without it being written anew.
HOLES = 0.1
ROWWISE = frozenset({"kind", "expressions", "from_", "joins", "operation_modifiers"})


class Before(Struct, frozen=True):
    """What an earlier build left of a training set: the extents of what it read, by relation, and the fingerprint of
    each column's code; `untouched` are the relations that are known to hold what they held then."""

    extents: Mapping[str, Extent]
    columns: Mapping[str, str]
    untouched: frozenset[str] = frozenset()


class Earlier(Struct, frozen=True):
    """The rows that an earlier build left: the relation that holds them, and which of its columns numbers them; whether
    rows can be put behind them, and some be taken away, without the others being written anew; and which columns, by
    their folded names, are not held as exactly as they were computed."""

    rows: exp.Table | exp.Subquery
    number: str
    grows: bool
    shrinks: bool
    rounded: frozenset[str] = frozenset()

    def columns(self, engine: Engine) -> tuple[Column, ...]:
        """What they have, without their number."""
        found = engine.columns(exp.select("*").from_(self.rows.copy()).sql("duckdb"))
        return tuple(each for each in found if each.name != self.number)


class Kept(Struct, frozen=True):
    """What of earlier rows still stands: the columns but `anew`, in the rows that do not fulfil any of `reached`.
    `names` are those that the spine's columns have in them."""

    names: Mapping[str, str]
    anew: tuple[str, ...]
    reached: tuple[exp.Expr, ...]


def scans(plan: Plan) -> Iterator[Scan]:
    """Every reading of a relation behind the features and the author's own expressions."""
    for attach in plan.attachments:
        yield from scans_of(attach.features)
    yield from (read.scan for read in plan.readings)
    yield from plan.scans.values()


def kept(
    plan: Plan, columns: Mapping[str, Made], changes: Mapping[str, Change | None], before: Before, earlier: Earlier
) -> Kept | str:
    """What of the earlier rows still stands; where nothing does, or nobody can tell, why not."""
    names = spine_names(plan)
    if isinstance(names, str):
        return names
    if earlier.number in {name.casefold() for name in columns}:
        return f"the engine's own `{earlier.number}` of its table is hidden by a column"
    if rounded := sorted(name for name in names.values() if name.casefold() in earlier.rounded):
        return f"Parquet does not hold `{rounded[0]}` of its labels as it is"
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
    """Whether an earlier row is asked at an instant that sees what changed of a relation; None where
    none is."""
    assert change is not None
    if change.ranges == ():
        return None
    kind = plan.spine.as_of_type
    asked = of_type(column(names[plan.spine.as_of.casefold()]), kind)
    found: list[exp.Expr] = []
    if change.after is not None:
        after = exp.cast(exp.Literal.string(BELOW.sub(r"\1", change.after)), instant_type(kind))
        found.append(exp.GT(this=asked, expression=beside(after, asked)))
    if change.ranges is not None:
        spans: list[exp.Expr] = []
        for first, last in change.ranges:
            span: exp.Expr = exp.GTE(this=asked.copy(), expression=beside(instant(first, scan.relation), asked))
            if scan.lookback is not None:
                oldest = exp.Sub(this=whole(asked), expression=scan.lookback.copy())
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
    """The parts of the query of a training set of which some cells are taken from `earlier` rows. Where they lie
    there is told by the numbers of these: no cell is joined by anything longer."""

    def __init__(self, plan: Plan, earlier: Earlier, stands: Kept) -> None:
        self.plan, self.earlier, self.stands = plan, earlier, stands
        self.spine = exp.select("*").from_(plan.spine.source.copy()).subquery("__spine")
        written = {name.casefold(): name for name in plan.spine.columns}
        self.names = tuple(written.get(name, name) for name in stands.names)

    def same(self) -> exp.Expr:
        """Whether an earlier row is of a row of the spine."""
        names = self.stands.names
        return exp.and_(
            *(
                exp.NullSafeEQ(this=column(name, "__spine"), expression=column(names[name.casefold()], "__old"))
                for name in self.names
            )
        )

    def stand(self) -> exp.Expr:
        """Whether an earlier row still stands."""
        asked = column(self.stands.names[self.plan.spine.as_of.casefold()])
        there = exp.not_(exp.Is(this=asked, expression=exp.null()))
        return exp.and_(there, *(exp.not_(condition.copy()) for condition in self.stands.reached))

    def old(self) -> exp.Subquery:
        """Of which rows of the spine there are rows that still stand, each once, and where the first lies."""
        own = [column(name) for name in self.stands.names.values()]
        first = exp.alias_(exp.Min(this=column(self.earlier.number)), PLACE, quoted=True)
        rows = exp.select(*own, first).from_(self.earlier.rows.copy()).where(self.stand())
        return rows.group_by(*(name.copy() for name in own)).subquery("__old")

    def only_grows(self, fresh: exp.Table, count: int, engine: Engine, computed: exp.Query) -> bool:
        """Whether those earlier rows that stand are those of all rows of the spine but the `fresh` ones,
        each as often as there: what is `computed` of these can be put behind them. Rows are told by the sums of
        their hashes. Where facts reach too many rows of a table, no: what fell leaves holes in it."""
        rows = self.earlier.rows
        holes = self.stands.reached and self.earlier.shrinks
        if self.stands.anew or (holes and count > HOLES * engine.count(rows)):
            return False
        if self.earlier.shrinks and self.earlier.columns(engine) != engine.columns(computed.sql("duckdb")):
            return False
        mine = exp.select("*").from_(rows.copy()).where(self.stand()).subquery()
        sums = (
            total(self.plan.spine.source, self.names),
            total(fresh, self.names),
            total(mine, list(self.stands.names.values())),
        )
        ((whole, added, before),) = engine.rows(exp.select(*sums).sql("duckdb"))
        return bool(whole == added + before)

    def fallen(self) -> exp.Expr:
        """Whether an earlier row does not stand."""
        return exp.not_(exp.func("coalesce", self.stand(), exp.false()))

    def takes(self, engine: Engine, computed: exp.Query) -> bool:
        """Whether the earlier rows can be made those that stand, and the `computed` come behind these, where they lie:
        as columns of the same names and types, but for those that are not held as they are."""
        if not self.earlier.grows or self.earlier.shrinks:
            return self.earlier.grows
        held, wanted = self.earlier.columns(engine), engine.columns(computed.sql("duckdb"))
        if [each.name for each in held] != [each.name for each in wanted]:
            return False
        pairs = zip(held, wanted, strict=True)
        if any(one.type != other.type for one, other in pairs if other.name.casefold() not in self.earlier.rounded):
            return False
        gone = exp.select("1").from_(self.earlier.rows.copy()).where(self.fallen())
        return engine.count(gone.subquery()) == 0

    def others(self, columns: Sequence[str]) -> exp.Select:
        """The earlier rows that stand."""
        return exp.select(*(column(name) for name in columns)).from_(self.earlier.rows.copy()).where(self.stand())

    def fresh(self) -> exp.Select:
        """The rows of the spine that have to be computed, in their order."""
        own = exp.Star(except_=[exp.to_identifier(ROW)])
        query = exp.select(exp.Column(this=own, table=exp.to_identifier("__spine")))
        query = query.from_(numbered(self.plan).subquery("__spine"))
        query.append("joins", exp.Join(this=self.old(), side="ANTI", on=self.same()))
        return query.order_by(column(ROW, "__spine"))

    def standing(self) -> exp.Select:
        """The place of what stands for each row of the spine, with what is needed of that."""
        query = exp.select(*(column(name, "__spine") for name in self.names), column(PLACE, "__old"))
        query = query.from_(self.spine.copy())
        query.append("joins", exp.Join(this=self.old(), on=self.same()))
        return query

    def partial(self, standing: exp.Table, columns: Mapping[str, Made]) -> Plan:
        """The plan of the columns that have to be computed, beside the places where others stand."""
        aliases = {alias for name in self.stands.anew for alias in columns[name].aliases}
        select = self.plan.select.copy()
        wanted = [value for value in select.expressions if value.alias_or_name in self.stands.anew]
        place = exp.alias_(column(PLACE, self.plan.spine.alias), PLACE, quoted=True)
        select.set("expressions", [*wanted, place])
        attachments = tuple(each for each in self.plan.attachments if each.alias.casefold() in aliases)
        spine = replace(self.plan.spine, source=standing, columns=(*self.names, PLACE))
        return replace(self.plan, spine=spine, attachments=attachments, select=select)

    def query(self, standing: exp.Table, anew: exp.Table | None, columns: Sequence[str]) -> exp.Select:
        """The rows of which something stands, in the order of the earlier ones: what lies in the places of these, and
        what was computed for them."""
        tables = {name: "__anew" if name in self.stands.anew else "__old" for name in columns}
        query = exp.select(*(column(name, table) for name, table in tables.items()))
        query = query.from_(exp.alias_(self.earlier.rows.copy(), "__old", table=True))
        for other, alias in ((standing, "__standing"), (anew, "__anew")):
            if other is not None:
                on = exp.EQ(this=column(PLACE, alias), expression=column(self.earlier.number, "__old"))
                query.append("joins", exp.Join(this=exp.alias_(other.copy(), alias, table=True), on=on))
        return query.order_by(column(self.earlier.number, "__old"))
