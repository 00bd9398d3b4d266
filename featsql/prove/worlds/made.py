"""Relations as they were known at many instants at once: for each instant a world, in which what came later is left
out or made up."""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from featsql.plan.known import known_from
from featsql.plan.plan import Plan, Scan, scans_of
from featsql.prove.perturbation import (
    LATER,
    MOST_LATER,
    MOST_POSTPONED,
    arrived,
    clock_of,
    disturbed,
    to_learn,
    told_later,
    unlearnt,
)
from featsql.prove.scratch import ID, Copy, Scratch, chance, name_of, table
from featsql.prove.worlds.keyed import WORLD
from featsql.temporal import column, interval

CUTS, FACTS = "__cuts", "__facts"
# The place of a row in the order in which they become known, and in one by chance; how far these go for a world.
PLACE, LOT, KNOWN, LOTS = "__place", "__lot", "__known", "__lots"


class ManyWorlds:
    """The worlds of a plan's relations, one for each instant of `spine`, numbered rows of the plan's."""

    def __init__(self, plan: Plan, scratch: Scratch, keep: Collection[str], seed: int) -> None:
        self.plan = plan
        self.scratch = scratch
        self.keep = keep
        self.seed = seed
        self.in_order = [self.ordered(copy, i) for i, copy in enumerate(self.copies)]

    @property
    def copies(self) -> list[Copy]:
        """The relations that change."""
        return list(self.scratch.copies.values())

    def ordered(self, copy: Copy, number: int) -> tuple[exp.Table, exp.Table]:
        """The rows of a relation twice: in the order in which they become known, and in one by chance."""
        soonest = exp.Ordered(this=known_from(clock_of(copy)), nulls_first=False)
        by_chance = exp.Ordered(this=chance(column(ID), self.seed))
        made = []
        for name, place, term in (("timed", PLACE, soonest), ("drawn", LOT, by_chance)):
            order = exp.Order(expressions=[term, exp.Ordered(this=column(ID))])
            placed = exp.alias_(exp.Window(this=exp.RowNumber(), order=order), place)
            rows = exp.select(exp.Star(), placed).from_(copy.rows.copy()).order_by(column(place))
            made.append(table(f"{name}_{number}"))
            self.scratch.create(made[-1], rows)
        return made[0], made[1]

    def make(self, spine: exp.Select, *, made_up: bool) -> None:
        """Make the worlds of all instants of some rows of the spine."""
        spine_rows = table("asked")
        self.scratch.create(spine_rows, spine)
        for number, copy in enumerate(self.copies):
            self.scratch.create(table(f"cuts_{number}"), self.cuts(copy, number, spine_rows))
            world = self.perturbed(copy, number, spine_rows) if made_up else self.known(copy, number, spine_rows, None)
            self.scratch.create(table(f"world_{number}"), world)

    def cuts(self, copy: Copy, number: int, spine: exp.Table) -> exp.Select:
        """The instants, each with the place of the last row that was known before, and with how many of those that
        chance puts first hold enough that were."""
        instants = exp.select(exp.alias_(column(self.plan.spine.as_of), WORLD)).distinct().from_(spine.copy())
        rows = exp.select(exp.alias_(known_from(clock_of(copy)), KNOWN), PLACE).from_(self.in_order[number][0].copy())
        there = exp.not_(exp.Is(this=column(KNOWN), expression=exp.null()))
        rows = exp.select("*").from_(rows.subquery()).where(there)
        before = exp.GT(this=column(WORLD, CUTS), expression=column(KNOWN, FACTS))
        place = exp.func("coalesce", column(PLACE, FACTS), exp.Literal.number(0))
        share = exp.Div(this=number_of(MOST_POSTPONED), expression=exp.func("greatest", place, number_of(1)))
        lots = exp.Mul(this=share, expression=number_of(self.scratch.engine.count(copy.rows)))
        found = exp.select(column(WORLD, CUTS), exp.alias_(place.copy(), KNOWN), exp.alias_(lots, LOTS))
        found = found.from_(instants.subquery(CUTS))
        found.append("joins", exp.Join(this=rows.subquery(FACTS), method="ASOF", side="LEFT", on=before))
        return found

    def known(self, copy: Copy, number: int, spine: exp.Table, instead: exp.Expr | None) -> exp.Select:
        """The rows that were known at each instant, of any use, without what was learnt of them later; those of which
        something was still to be learnt are there in any case, since that is what must not be seen."""
        at = column(WORLD)
        shown = unlearnt(copy, at, self.plan.boundary, instead if instead is not None else exp.null())
        of_use = self.of_use(copy, spine)
        query = self.beside_cuts(copy.rows, number, [*shown, at], [arrived(copy, at, self.plan.boundary)])
        if of_use is None:
            return query
        return query.where(exp.or_(of_use, *to_learn(copy, at, self.plan.boundary).values()))

    def perturbed(self, copy: Copy, number: int, spine: exp.Table) -> exp.Query:
        """The same, beside what was not known: rows that come soonest, changed, and some known ones, told again."""
        at, boundary = column(WORLD), self.plan.boundary
        timed, drawn = self.in_order[number]
        here = arrived(copy, at, boundary)
        known = self.known(copy, number, spine, exp.Add(this=at.copy(), expression=interval(LATER)))
        last = exp.Add(this=column(KNOWN), expression=number_of(MOST_LATER))
        soon = [exp.GT(this=column(PLACE), expression=column(KNOWN)), exp.LTE(this=column(PLACE), expression=last)]
        soonest = self.beside_cuts(timed, number, [exp.Star()], [exp.not_(here), *soon])
        later = [disturbed(c, copy, self.keep, self.seed, at) for c in copy.info.columns]
        some = self.beside_cuts(drawn, number, [exp.Star()], [here, exp.LTE(this=column(LOT), expression=column(LOTS))])
        again = told_later(copy, at, self.keep, self.seed, at)
        made_up = exp.union(
            exp.select(*later, at.copy()).from_(soonest.subquery("soonest")),
            exp.select(*again, at.copy()).from_(some.subquery("told")),
            distinct=False,
        )
        return exp.union(known, made_up, distinct=False)

    def beside_cuts(self, rows: exp.Table, number: int, outputs: list[exp.Expr], on: list[exp.Expr]) -> exp.Select:
        """Rows beside the instants for which conditions hold."""
        query = exp.select(*(each.copy() for each in outputs))
        query = query.from_(exp.alias_(rows.copy(), FACTS, table=True, quoted=True))
        cuts = exp.alias_(table(f"cuts_{number}"), CUTS, table=True, quoted=True)
        return query.join(cuts, on=exp.and_(*(each.copy() for each in on)))

    def of_use(self, copy: Copy, spine: exp.Table) -> exp.Expr | None:
        """Which rows that were known can matter to a row of the spine, as far as the plan says so; None: all can. Where
        it is wrong a value changes."""
        readings = [read.scan for read in self.plan.readings] + list(self.plan.scans.values())
        if any(scan.relation.key == copy.info.key for scan in readings):
            return None
        terms: list[exp.Expr] = []
        for attach in self.plan.attachments:
            for scan in scans_of(attach.features):
                if scan.relation.key == copy.info.key:
                    term = self.recent(scan) if scan.lookback else self.of_keys(scan, attach.keys, spine)
                    if term is None:
                        return None
                    terms.append(term)
        return exp.or_(*terms)

    def recent(self, scan: Scan) -> exp.Expr:
        """Whether a row is within the lookback."""
        assert scan.relation.clock is not None
        assert scan.lookback is not None
        oldest = exp.Sub(this=column(WORLD, CUTS), expression=scan.lookback.copy())
        return exp.GTE(this=column(scan.relation.clock.start, FACTS), expression=oldest)

    def of_keys(self, scan: Scan, keys: tuple[exp.Expr, ...], spine: exp.Table) -> exp.Expr | None:
        """Whether a row has the keys that are asked for at the instant."""
        if not scan.keys:
            return None
        same = [exp.NullSafeEQ(this=column(name, FACTS), expression=keys[i].copy()) for i, name in scan.keys]
        at = column(self.plan.spine.as_of, self.plan.spine.alias)
        rows = exp.alias_(spine.copy(), self.plan.spine.alias, table=True, quoted=True)
        asked = exp.select(number_of(1)).from_(rows)
        return exp.Exists(this=asked.where(*same, exp.EQ(this=at, expression=column(WORLD, CUTS))))


def tables(scratch: Scratch) -> dict[tuple[str, str, str], exp.Table]:
    """The tables of worlds by the names of the relations."""
    return {name_of(copy.original): table(f"world_{i}") for i, copy in enumerate(scratch.copies.values())}


def number_of(value: int) -> exp.Expr:
    """A number in a query."""
    return exp.Literal.number(value)
