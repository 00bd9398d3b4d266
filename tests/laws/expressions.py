"""Random scalar expressions, conditions, windows of time and aggregates over the wide schema."""

from __future__ import annotations

from dataclasses import dataclass

from laws.dice import Dice
from laws.focus import ANYTHING, Focus
from laws.tables import SCALARS

WIDTHS = ("3 hours", "90 minutes", "1 day", "1 hour", "2 days", "1 month", "0 hours")
ZONES = ("Europe/Berlin", "America/New_York")


@dataclass(frozen=True)
class Readable:
    """A relation that a query may read: its name in SQL, the kind of its clock ('features' for a
    features model, whose columns are `names`)."""

    table: str
    kind: str
    names: tuple[str, ...] = ()


class Expressions:
    """Expressions of columns of an alias that has the wide schema."""

    def __init__(
        self,
        dice: Dice,
        *,
        zoned: bool,
        finite: bool,
        sources: tuple[Readable, ...],
        focus: Focus = ANYTHING,
    ) -> None:
        self.dice = dice
        self.focus = focus
        self.zoned = zoned
        self.finite = finite
        self.sources = sources
        self.aliases = 0

    def alias(self) -> str:
        """An alias that no other relation of the query has."""
        self.aliases += 1
        return f"t{self.aliases}"

    def total(self, t: str, direction: str = "") -> str:
        """A total order of the rows of an alias, but for rows that are the same."""
        return ", ".join(f"{t}.{name}{direction}" for name in ("at", *(n for n in SCALARS if n != "at")))

    def number(self, t: str) -> str:
        """A number of one row."""
        choices = [
            f"{t}.n",
            f"{t}.x",
            f"{t}.id",
            f"{t}.s.a",
            f"{t}.l[2]",
            f"len({t}.l)",
            f"coalesce({t}.n, 0)",
            f"{t}.n + {t}.id",
            f"date_diff('hour', {t}.at, as_of())",
            f"case when {self.simple(t)} then {t}.n else 0 end",
            f"{t}.n * 2 - 1",
            f"extract(hour from {self.local(f'{t}.at')})",
            f"list_sum(list_transform({t}.l, lambda e: e + 1))",
        ]
        return self.dice.one(choices)

    def local(self, instant: str) -> str:
        """An instant, read in a zone where it has one."""
        return f"({instant} at time zone '{self.dice.one(ZONES)}')" if self.zoned and self.dice.chance(50) else instant

    def text(self, t: str) -> str:
        """A text of one row."""
        return self.dice.one((f"{t}.m", f"{t}.c", f"{t}.s.b", f"upper({t}.m)", f"{t}.m || coalesce({t}.c, '-')"))

    def simple(self, t: str) -> str:
        """A condition without subqueries."""
        choices = [
            f"{t}.n > 0",
            f"{t}.m = 'p'",
            f"{t}.x is not null",
            f"{t}.n in (1, 2, 3)",
            f"{t}.k = 1",
            f"{t}.n between 0 and 2",
            f"coalesce({t}.m, 'p') <> 'q'",
            f"not ({t}.x > 1)",
            f"{t}.c is not distinct from 'a'",
            f"{t}.at is not null",
            f"({t}.n = 1 or {self.window(t)})",
            f"{t}.seen <= {t}.at",
        ]
        return self.dice.one(choices)

    def window(self, t: str) -> str:
        """A window of time that ends now, in one of its spellings."""
        w = f"interval '{self.dice.one(WIDTHS)}'"
        hours = self.dice.one((1, 3, 24))
        unit = self.dice.one(("day", "month", "hour"))
        choices = [
            f"{t}.at > as_of() - {w}",
            f"{t}.at >= as_of() - {w}",
            f"as_of() - {w} < {t}.at",
            f"as_of() - {w} <= {t}.at",
            f"{t}.at between as_of() - {w} and as_of()",
            f"({t}.at > as_of() - {w} and {t}.at <= as_of() - interval '1 hour')",
            f"{t}.at + {w} > as_of()",
            f"as_of() <= {t}.at + {w}",
            f"{t}.at > as_of() - to_hours({hours})",
            f"date_diff('hour', {t}.at, as_of()) < {hours}",
            f"{t}.at >= date_trunc('{unit}', as_of())",
            f"date_trunc('{unit}', {t}.at) = date_trunc('{unit}', as_of())",
            f"{t}.at >= date_trunc('{unit}', as_of() - {w})",
            f"{t}.seen > as_of() - {w}",
            f"not ({t}.at <= as_of() - {w})",
            f"case when {t}.at > as_of() - {w} then true else false end",
            f"{t}.at < as_of() - {w}",
        ]
        if self.finite:
            choices += [f"as_of() - {t}.at < {w}", f"age(as_of(), {t}.at) <= {w}"]
        return self.dice.one(choices)

    def condition(self, t: str, depth: int = 1) -> str:
        """Any condition on a row, also with subqueries."""
        roll = self.dice.number(0, 9)
        if roll < 3:
            return self.window(t)
        if roll < 6 or depth <= 0:
            return self.simple(t)
        if roll == 6:
            return f"{self.simple(t)} and {self.window(t)}"
        if roll == 7:
            return f"({self.window(t)} or {self.simple(t)})"
        return self.subquery_condition(t)

    def subquery_condition(self, t: str) -> str:
        """EXISTS, IN, and comparisons with scalar subqueries, correlated and not."""
        table, u = self.dice.one(self.sources).table, self.alias()
        choices = [
            f"exists (select 1 from {table} {u} where {u}.k = {t}.k and {u}.n > 0)",
            f"not exists (select 1 from {table} {u} where {u}.id = {t}.id and {self.window(u)})",
            f"{t}.id in (select {u}.id from {table} {u} where {self.simple(u)})",
            f"{t}.id not in (select {u}.id from {table} {u} where {u}.id is not null)",
            f"{t}.n >= (select min({u}.n) from {table} {u} where {u}.k = {t}.k)",
            f"{t}.n <= (select max({u}.n) from {table} {u})",
            f"{t}.n > any (select {u}.n from {table} {u} where {self.window(u)})",
        ]
        return self.dice.one(choices)

    def aggregate(self, t: str) -> str:
        """An aggregate of the rows of an alias, often with a FILTER."""
        key = f"{{'a': {t}.at, 'n': {t}.n}}"
        inner = f"case when {self.window(t)} then {t}.n end"
        choices = [
            "count(*)",
            f"count({t}.n)",
            f"sum({self.number(t)})",
            f"min({self.number(t)})",
            f"max({t}.at)",
            f"max({t}.until)",
            f"count({t}.until)",
            f"avg({t}.x)",
            f"count(distinct {t}.m)",
            f"arg_max({t}.n, {key})",
            f"list({t}.n order by {t}.n)",
            f"string_agg({t}.m, ',' order by {t}.m)",
            f"bool_or({self.simple(t)})",
            f"sum({inner})",
            f"first({t}.n order by {t}.at desc, {t}.n)",
            f"count_if({self.simple(t)})",
            self.dice.one(("sum(1)", "max(1)", "avg(1)", "count()")),
            f"sum(case when {self.window(t)} then {self.dice.one(('1', f'{t}.n'))} else 0 end)",
            f"quantile_cont({t}.n, {self.dice.one(('[0.25, 0.75]', '1.0 / 3'))})",
        ]
        chosen = self.dice.one(choices)
        if self.dice.chance(45):
            chosen += f" filter (where {self.dice.one((self.window(t), self.window(t), self.condition(t)))})"
        return self.around(chosen, t)

    def windowed_aggregate(self, t: str) -> str:
        """An aggregate over one of the common windows of time."""
        width, after = self.dice.one(WIDTHS), self.dice.one((">", ">="))
        within = f"{t}.at {after} as_of() - interval '{width}'"
        if self.dice.chance(20):
            within = f"{within} and {self.simple(t)}"
        if self.dice.chance(20):
            within = self.window(t)
        value = self.dice.one(
            (
                "count(*)",
                f"sum({t}.n)",
                f"max({t}.at)",
                f"min({t}.x)",
                f"list({t}.id order by {t}.id)",
                f"avg({t}.n)",
                f"sum({t}.x)",
                f"count(distinct {t}.m)",
                f"bool_and({t}.dead)",
                f"stddev({t}.n)",
                f"median({t}.n)",
            )
        )
        if self.dice.chance(20):
            value = self.dice.one(("sum", "count", "min"))
            counted = self.dice.one(("1", f"{t}.n", f"{t}.n"))
            return f"{value}(case when {within} then {counted} {self.dice.one(('end', 'else null end', 'else 0 end'))})"
        return f"{value} filter (where {within})"

    def around(self, aggregate: str, t: str) -> str:
        """What authors write around an aggregate."""
        roll = self.dice.number(0, 11)
        if roll == 0:
            return f"coalesce(sum({t}.n), 0)"
        if roll == 1:
            return f"date_diff('minute', max({t}.at), as_of())"
        if roll == 2:
            return f"count(*) / nullif(sum({t}.n), 0)"
        if roll == 3:
            return f"count(*) + coalesce(max({t}.n), -1)"
        return aggregate
