"""Which rows of a spine are put to the test: the odd ones first, of every kind a few, and others by chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest
from typing import TypeGuard

from msgspec import Struct
from sqlglot import exp

from featsql.plan.plan import Attach, Plan, Scan, scans_of
from featsql.prove.answers import NUMBER
from featsql.prove.scratch import ID, Scratch, chance, clocked, numbered, table
from featsql.resolve.nanoseconds import of_type, seen_at
from featsql.temporal import available_at, column

SPINE = "spine"
# So many rows are asked for in the first query: a floor of them is seen soon.
FIRST = 24
ENDLESS = {"infinity", "-infinity"}
INSTANT, FACTS, SHARED = "__instant", "__facts", "__shared"


class Pick(Struct):
    """One row of the spine: its number, its instant as text (None: NULL), and why it was chosen."""

    number: int
    instant: str | None
    why: list[str] = []


def number_spine(plan: Plan, scratch: Scratch) -> exp.Table:
    """Copy the spine, every row with its number."""
    spine = table(SPINE)
    scratch.create(spine, numbered(plan))
    return spine


def pick(plan: Plan, spine: exp.Table, scratch: Scratch, size: int, seed: int) -> list[Pick]:
    """At most `size` rows of a numbered spine, the strata taking turns; the same seed gives the same rows."""
    chosen: dict[int, Pick] = {}
    strata = [
        [(name, int(number), instant) for number, instant in scratch.engine.rows(query.sql("duckdb"))]
        for name, query in queries(plan, spine, scratch, size, seed)
    ]
    for turn in zip_longest(*strata):
        for found in turn:
            if found is None:
                continue
            name, number, instant = found
            if number not in chosen and len(chosen) < size:
                chosen[number] = Pick(number, instant)
            if number in chosen and name not in chosen[number].why:
                chosen[number].why.append(name)
    return list(chosen.values())


def queries(plan: Plan, spine: exp.Table, scratch: Scratch, size: int, seed: int) -> Iterator[tuple[str, exp.Select]]:
    """Each stratum: its name, and the query of its first rows."""
    few = max(2, size // 8)
    at = column(plan.spine.as_of, plan.spine.alias)
    lot = chance(column(NUMBER, plan.spine.alias), seed)
    rows = exp.select(column(NUMBER, plan.spine.alias), exp.cast(at, "varchar")).from_(
        exp.alias_(spine.copy(), plan.spine.alias, table=True, quoted=True)
    )
    dated = rows.where(exp.not_(exp.Is(this=at.copy(), expression=exp.null())))
    for key in clocked(plan):
        for name, told in edges(plan, key, scratch):
            yield name, ordered(rows.where(exp.Exists(this=told)), [lot], few)
    yield "first instants", ordered(dated, [at], few)
    yield "last instants", ordered(dated, [exp.Ordered(this=at, desc=True)], few)
    for attach in plan.attachments:
        yield from by_facts(rows, attach, scratch, lot, few)
    nothing = [exp.Is(this=each.copy(), expression=exp.null()) for each in (at, *keys_of(plan))]
    yield "NULL keys or instants", ordered(rows.where(exp.or_(*nothing)), [lot], few)
    yield (
        "ties: one instant, many rows",
        ordered(rows.where(exp.In(this=at.copy(), query=busiest(plan, spine))), [lot], few),
    )
    yield "chance", ordered(rows, [lot], size)


def ordered(rows: exp.Select, terms: list[exp.Expr], few: int) -> exp.Select:
    """The first rows by some order, and then by their number."""
    by = [term.copy() if isinstance(term, exp.Ordered) else exp.Ordered(this=term.copy()) for term in terms]
    return rows.copy().order_by(*by, exp.column(NUMBER, quoted=True)).limit(few)


def edges(plan: Plan, key: str, scratch: Scratch) -> Iterator[tuple[str, exp.Select]]:
    """The rows of a relation that happened, or became known, at the very instant of a row of the spine, which is where
    `<` and `<=` part; of its own entity, if the relation is read by keys."""
    copy = scratch.copies[key]
    clock = copy.info.clock
    assert clock is not None
    at = of_type(column(plan.spine.as_of, plan.spine.alias), plan.spine.as_of_type)
    at = seen_at(at, fine=copy.info.is_fine, boundary=plan.boundary)
    same = same_keys(plan, key)
    rows = exp.select(exp.Literal.number(1)).from_(exp.alias_(copy.rows.copy(), FACTS, table=True, quoted=True))
    for name, instant in (
        (f"the instant a row of {key} became known", available_at(clock, FACTS)),
        (f"the instant of a row of {key}", column(clock.start, FACTS)),
    ):
        yield name, rows.where(exp.EQ(this=instant, expression=at.copy()), *(each.copy() for each in same))


def same_keys(plan: Plan, key: str) -> list[exp.Expr]:
    """Whether a row of a relation is of the entity of a row of the spine, as the first model asks that reads the
    relation by keys."""
    for attach in plan.attachments:
        for scan in scans_of(attach.features):
            if scan.relation.key == key and scan.keys:
                pairs = [(column(name, FACTS), attach.keys[i].copy()) for i, name in scan.keys]
                return [exp.EQ(this=mine, expression=theirs) for mine, theirs in pairs]
    return []


def by_facts(
    rows: exp.Select, attach: Attach, scratch: Scratch, lot: exp.Expr, few: int
) -> Iterator[tuple[str, exp.Select]]:
    """Entities with many and with few facts, as far as a relation that a model reads knows the entity."""
    keyed = [scan for scan in scans_of(attach.features) if scan.keys and scan.relation.key in scratch.copies]
    for scan in keyed[:1]:
        facts = counted(rows, attach, scan, scratch)
        count = exp.func("coalesce", column(FACTS, FACTS), exp.Literal.number(0))
        key = scan.relation.key
        yield f"many facts in {key}", ordered(facts, [exp.Ordered(this=count, desc=True), lot], few)
        yield f"few facts in {key}", ordered(facts, [count, lot], few)


def counted(rows: exp.Select, attach: Attach, scan: Scan, scratch: Scratch) -> exp.Select:
    """The spine's rows beside the number of facts that a relation has of their keys."""
    copy = scratch.copies[scan.relation.key]
    keys = [column(name) for _, name in scan.keys]
    count = exp.alias_(exp.Count(this=column(ID)), FACTS)
    facts = exp.select(*keys, count).from_(copy.rows.copy()).group_by(*(key.copy() for key in keys))
    on = [exp.EQ(this=attach.keys[i].copy(), expression=column(name, FACTS)) for i, name in scan.keys]
    return rows.copy().join(facts.subquery(FACTS), on=exp.and_(*on), join_type="left")


def busiest(plan: Plan, spine: exp.Table) -> exp.Subquery:
    """The instants that most rows of the spine share."""
    at = column(plan.spine.as_of)
    count = exp.Count(this=exp.Star())
    shared = exp.select(exp.alias_(at, INSTANT)).from_(spine.copy()).group_by(at.copy())
    shared = shared.having(exp.GT(this=count, expression=exp.Literal.number(1)))
    return shared.order_by(exp.Ordered(this=count.copy(), desc=True), at.copy()).limit(3).subquery()


def keys_of(plan: Plan) -> list[exp.Expr]:
    """Every expression of the spine that some features are asked for by."""
    found = {key.sql("duckdb"): key for attach in plan.attachments for key in attach.keys}
    return list(found.values())


def is_told(instant: str | None) -> TypeGuard[str]:
    """Whether an instant is one that something can be later than."""
    return instant is not None and instant not in ENDLESS


def chunks(picks: Sequence[Pick], later: int) -> Iterator[list[list[Pick]]]:
    """Rows by instant, in the order in which the instants were picked, some instants together."""
    order = {instant: place for place, instant in reversed([(i, p.instant) for i, p in enumerate(picks)])}
    together: list[list[Pick]] = []
    enough = FIRST
    for _, group in groupby(sorted(picks, key=lambda p: order[p.instant]), key=lambda p: p.instant):
        together.append(list(group))
        if sum(map(len, together)) >= enough:
            yield together
            together, enough = [], later
    if together:
        yield together
