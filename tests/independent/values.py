"""Random conditions, aggregates and expressions over a relation's columns, all with one right value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

T = TypeVar("T")
RELATIONS = ("$a", "$a", "$a", "$b", "$b", "$held", "$spans", "$fixed")


@dataclass(frozen=True)
class Column:
    """A feature: its expression, whether it is made of aggregates, and what it is without a group if not the same text."""

    text: str
    aggregates: bool = True
    alone: str | None = None


def named(columns: Sequence[Column], first: int = 1) -> str:
    """Columns as f1, f2, ..."""
    return numbered([column.text for column in columns], first)


def numbered(texts: Sequence[str], first: int = 1) -> str:
    """Expressions as f1, f2, ..."""
    return ", ".join(f"{text} as f{number}" for number, text in enumerate(texts, first))


def ungrouped(columns: Sequence[Column]) -> str:
    """Columns as they are of no rows: what is not made of aggregates is NULL."""
    return numbered([(column.alone or column.text) if column.aggregates else "null" for column in columns])


class Values:
    """Makes expressions over the columns of a relation that is called `t`, or whatever is asked for."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def one(self, choices: Sequence[T]) -> T:
        """One of several."""
        return self.random.choice(choices)

    def some(self, choices: Sequence[str], count: int) -> list[str]:
        """Some of several, none of them twice."""
        return self.random.sample(choices, count)

    def chance(self, percent: int) -> bool:
        """True so often in a hundred."""
        return self.random.random() * 100 < percent

    def relation(self) -> str:
        """A relation by name."""
        return self.one(RELATIONS)

    def window(self, t: str) -> str:
        """A condition: a span of time."""
        width = self.one(("6 hours", "1 day", "3 days", "7 days"))
        back = self.one(("1 hour", "12 hours", "2 days"))
        between = f"{t}.ts > as_of() - interval 5 days and {t}.ts <= as_of() - interval {back}"
        return self.one((f"{t}.ts > as_of() - interval {width}", f"{t}.ts >= as_of() - interval {width}", between))

    def simple(self, t: str) -> str:
        """A condition without a subquery."""
        plain = (f"{t}.n > 1", f"{t}.x is not null", f"{t}.s = 'x'", f"{t}.n % 2 = 0", f"{t}.c in ('p', 'q')")
        more = (
            f"{t}.n is distinct from 2",
            f"coalesce({t}.s, '') <> ''",
            f"not ({t}.x > 0 or {t}.n = 3)",
            f"{t}.k > 1",
        )
        return self.window(t) if self.chance(25) else self.one((*plain, *more))

    def condition(self, t: str) -> str:
        """A condition, perhaps with a subquery."""
        other = self.relation()
        tied = f"select 1 from {other} e where e.k = {t}.k and {self.one((f'e.ts < {t}.ts', self.simple('e')))}"
        subqueries = (
            f"exists ({tied})", f"not exists ({tied})", f"{t}.n > (select avg(e.n) from {other} e)",
            f"{t}.k in (select e.k from {other} e where {self.simple('e')})",
            f"{t}.k not in (select e.k from {other} e where e.k is not null and {self.simple('e')})",
            f"{t}.ts > (select min(e.ts) from {other} e where e.k = {t}.k)",
            f"{t}.n >= any (select e.n from {other} e where e.k = {t}.k)",
        )  # fmt: skip
        if self.chance(30):
            return self.one(subqueries)
        return self.one(
            (self.simple(t), f"({self.simple(t)} or {self.simple(t)})", f"{self.simple(t)} and {self.simple(t)}")
        )

    def aggregate(self, t: str, *, plain: bool = False) -> str:
        """An aggregate; a `plain` one has no FILTER."""
        order = self.one((f"{t}.id", f"{t}.ts desc, {t}.id", f"{t}.n nulls first, {t}.id desc"))
        last = f"({t}.ts, {t}.id)"
        numbers = (
            "count(*)",
            f"count({t}.n)",
            f"sum({t}.n)",
            f"sum({t}.x)",
            f"avg({t}.x)",
            f"min({t}.n)",
            f"max({t}.x)",
        )
        times = (f"max({t}.ts)", f"min({t}.ts)", f"count(distinct {t}.s)", f"sum({t}.n * {t}.x)", f"median({t}.n)")
        flags = (
            f"bool_or({t}.n > 3)",
            f"count_if({t}.n > 2)",
            f"sum(case when {t}.n > 1 then {t}.x end)",
            f"max({t}.s)",
        )
        picks = (
            f"arg_max({t}.s, {last})",
            f"arg_min({t}.n, {last})",
            f"arg_max({t}.n, {last})",
            f"max({{'t': {t}.ts, 'i': {t}.id}})",
        )
        lists = (
            f"list({t}.n order by {order})", f"array_agg({t}.s order by {order})", f"first({t}.n order by {order})",
            f"string_agg({t}.s, ',' order by {order})", f"last({t}.s order by {order})", f"histogram({t}.n)",
            f"list({{'s': {t}.s, 'n': {t}.n}} order by {order})", f"arg_max({t}.n, {last}, 2)", f"stddev_samp({t}.n)",
            f"arg_max({{'s': {t}.s, 'n': {t}.n}}, {last})", f"quantile_cont({t}.x, 0.25)", f"bit_xor({t}.id)",
            f"list(distinct {t}.n order by {t}.n)", f"max_by({t}.id, {last})", f"covar_pop({t}.n, {t}.x)",
        )  # fmt: skip
        text = self.one((*numbers, *numbers, *times, *flags, *picks, *lists))
        return text if plain or self.chance(55) else f"{text} filter (where {self.simple(t)})"

    def columns(self, t: str, count: int | None = None) -> list[Column]:
        """Columns of a SELECT that groups."""
        return [self.column(t) for _ in range(count or self.random.randrange(1, 5))]

    def column(self, t: str) -> Column:
        """An aggregate, an expression over some, or now and then something else."""
        if self.chance(50):
            return Column(self.aggregate(t))
        a, b, values = self.aggregate(t), self.aggregate(t), f"list({t}.n order by {t}.id)"
        number = self.one((f"sum({t}.n)", "count(*)", f"avg({t}.x)", f"max({t}.n)"))
        of_all = f"(select count(*) from {self.relation()} e)"
        expressions = (
            f"coalesce({number}, 0)", f"{number} / nullif(count({t}.n), 0)", f"round({number} / 3.0, 2)",
            f"case when count(*) > 2 then {a} end", f"{a} is null", f"{{'a': {a}, 'b': {b}}}", f"[{a}, null]",
            f"[v + 1 for v in {values} if v > 1]", f"list_transform({values}, lambda v: v * 2)", f"len({values})",
            f"{values}[1]", f"list_sum({values})", f"greatest({number}, 1)", f"count(*) > 0 and max({t}.n) > 2",
            f"date_diff('hour', max({t}.ts), as_of())", f"as_of() - max({t}.ts)", f"{number} + {of_all}",
            f"coalesce({number}, {of_all})", f"struct_pack(n := {number}, s := {a})", f"concat('n', {number})",
            f"count(*) filter (where {self.window(t)}) / nullif(count(*), 0)", f"{number} between 1 and 5",
            f"coalesce({a}, {a})",
        )  # fmt: skip
        keyed = Column(f"count(*) + coalesce({t}.k, 0)", alone="count(*) + coalesce(null, 0)")
        alone = f"(select count(*) from {self.relation()} e where e.k = {t}.k)"
        rare = (
            keyed,
            Column(alone, aggregates=False),
            Column("7", aggregates=False),
            Column("as_of()", aggregates=False),
        )
        return self.one(rare) if self.chance(10) else Column(self.one(expressions))

    def of_row(self, t: str) -> tuple[str, ...]:
        """Values of one row."""
        values = (f"{t}.n", f"{t}.s", f"{t}.x * 2", f"{t}.ts", f"as_of() - {t}.ts", f"coalesce({t}.s, 'none')", "1")
        return (*values, f"{{'n': {t}.n, 's': {t}.s}}", f"case when {t}.n > 1 then {t}.x end", f"{t}.until")
