"""Random features models: a SELECT with entity keys and some features, of every form that authors use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from laws.dice import Dice
from laws.expressions import Readable
from laws.focus import ANYTHING, Focus
from laws.relations import Relations


@dataclass(frozen=True)
class Query:
    """The text of a features model, and the form it was made from."""

    text: str
    form: str


class Grammar(Relations):
    """One features model: its keys are `keys`, the wide schema's `k` and `c`, or none at all.

    `features` are the features models that it may read.
    """

    def __init__(
        self,
        dice: Dice,
        keys: tuple[str, ...],
        sources: tuple[Readable, ...],
        features: tuple[Readable, ...] = (),
        *,
        zoned: bool = False,
        finite: bool = False,
        focus: Focus = ANYTHING,
    ) -> None:
        super().__init__(dice, zoned=zoned, finite=finite, sources=sources, focus=focus)
        self.keys = keys
        self.features = features
        self.ctes = {}

    def query(self) -> Query:
        """A model's whole text."""
        forms: list[Callable[[], str]] = [self.grouped, self.grouped, self.grouped, self.newest, self.nested]
        forms += [self.set_operation, self.two_groups, self.scalar_subqueries, self.first_of_each, self.over_groups]
        forms += [self.twice, self.side_groups, self.first_rows]
        if self.states:
            forms += [self.projection, self.projection]
        if self.features:
            forms += [self.on_features, self.on_features, self.on_features]
        if not self.keys:
            forms = [self.everything, self.everything, self.top_row, self.on_features_alone]
        form = self.dice.one([each for each in forms if each.__name__ in self.focus.forms] or forms)
        body = form()
        clause = ", ".join(f"{name} as ({text})" for name, text in self.ctes.items())
        return Query(f"with {clause} {body}" if clause else body, form.__name__)

    @property
    def states(self) -> tuple[Readable, ...]:
        """The sources that are states."""
        return tuple(source for source in self.sources if source.kind == "state")

    def named_keys(self, t: str) -> str:
        """The entity's keys as output columns."""
        if self.keys == ("k",) and self.dice.chance(15):
            return self.dice.one((f"{t}.id as k", f"coalesce({t}.k, {t}.id) as k", f"{t}.k + 0 as k"))
        return ", ".join(f"{t}.{key}" if self.dice.chance(70) else f"{t}.{key} as {key}" for key in self.keys)

    def outputs(self, values: list[str]) -> str:
        """Features with names."""
        return ", ".join(f"{value} as f{i}" for i, value in enumerate(values, 1))

    def aggregates(self, t: str) -> str:
        """One to four aggregates as features; sometimes all of them over windows of time."""
        if self.dice.chance(self.focus.windowed):
            return self.outputs([self.windowed_aggregate(t) for _ in range(self.dice.number(1, 3))])
        return self.outputs([self.aggregate(t) for _ in range(self.dice.number(1, 4))])

    def where(self, t: str, percent: int = 45) -> str:
        """A WHERE, or none."""
        return f" where {self.condition(t)}" if self.dice.chance(percent) else ""

    def grouped(self) -> str:
        """Aggregates by key."""
        t = self.alias()
        source = self.relation(t)
        keys = self.named_keys(t)
        group = self.dice.one(
            (
                ", ".join(term.partition(" as ")[0] for term in keys.split(", ")) if "(" not in keys else "all",
                "all",
                ", ".join(str(i + 1) for i in range(len(self.keys))),
            )
        )
        having = (
            self.dice.one(("", "", "", " having count(*) > 1", f" having max({t}.n) is not null"))
            if self.focus.having
            else ""
        )
        return f"select {keys}, {self.aggregates(t)} from {source}{self.where(t)} group by {group}{having}"

    def nested(self) -> str:
        """Aggregates by key in a subquery or a CTE, with expressions over them outside."""
        inner, q = self.grouped(), self.alias()
        keys = ", ".join(f"{q}.{key}" for key in self.keys)
        outside = self.dice.one((f"{q}.f1 as f1", f"{q}.f1 is null as f1", f"{q}.f1 as f1, as_of() as f2"))
        if self.dice.chance(50):
            name = f"c{len(self.ctes) + 1}"
            self.ctes[name] = inner
            return f"select {keys}, {outside} from {name} {q}"
        return f"select {keys}, {outside} from ({inner}) {q}"

    def newest(self) -> str:
        """The newest row of each key by QUALIFY."""
        t = self.alias()
        part = ", ".join(f"{t}.{key}" for key in self.keys)
        number = f"row_number() over (partition by {part} order by {self.total(t, self.dice.one((' desc', '')))})"
        keys = ", ".join(f"{t}.{key}" for key in self.keys)
        return f"select {keys}, {self.values(t)} from {self.relation(t)}{self.where(t)} qualify {number} = 1"

    def values(self, t: str) -> str:
        """One to three values of a row as features."""
        return self.outputs([self.value(t) for _ in range(self.dice.number(1, 3))])

    def value(self, t: str) -> str:
        """One value of a row."""
        forms = (self.number, self.text, lambda a: f"{a}.until", lambda a: f"{a}.s", lambda a: f"{a}.at", self.window)
        return self.dice.one(forms)(t)

    def first_of_each(self) -> str:
        """DISTINCT ON the keys."""
        t = self.alias()
        keys = ", ".join(f"{t}.{key}" for key in self.keys)
        order = f"{keys}, {self.total(t, self.dice.one((' desc', '')))}"
        return f"select distinct on ({keys}) {keys}, {self.values(t)} from {self.relation(t)}{self.where(t)} order by {order}"

    def set_operation(self) -> str:
        """Keys of one relation with, without or as well as those of another."""
        word = self.dice.one(("union", "union all", "intersect", "except"))
        a, b, q = self.alias(), self.alias(), self.alias()
        one, other = (", ".join(f"{t}.{key}" for key in self.keys) for t in (a, b))
        left = f"select {one}, {a}.n from {self.relation(a, 1)}{self.where(a)}"
        right = f"select {other}, {b}.n from {self.relation(b, 1)}{self.where(b)}"
        keys = ", ".join(f"{q}.{key}" for key in self.keys)
        return f"select {keys}, count(*) as f1, sum({q}.n) as f2 from ({left} {word} {right}) {q} group by all"

    def two_groups(self) -> str:
        """Keys of one relation, beside aggregates of another."""
        a, b, p, q = (self.alias() for _ in range(4))
        inner = ", ".join(f"{b}.{key}" for key in self.keys)
        first = ", ".join(f"{a}.{key}" for key in self.keys)
        keyed = f"(select distinct {first} from {self.relation(a, 1)}{self.where(a)}) {p}"
        groups = f"(select {inner}, {self.aggregates(b)} from {self.relation(b, 1)}{self.where(b)} group by all) {q}"
        word = self.dice.one(("left join", "join", "right join", "full join", "semi join", "anti join"))
        on = " and ".join(f"{p}.{key} = {q}.{key}" for key in self.keys)
        if word in ("semi join", "anti join"):
            return (
                f"select {', '.join(f'{p}.{key}' for key in self.keys)}, 1 as f1 from {keyed} {word} {groups} on {on}"
            )
        if self.dice.chance(40):
            return f"select {', '.join(self.keys)}, {q}.f1 as f1 from {keyed} {word} {groups} using ({', '.join(self.keys)})"
        side = q if word == "right join" else p
        keys = ", ".join(f"{side}.{key}" for key in self.keys)
        return f"select {keys}, {q}.f1 as f1, {p}.k is null as f2 from {keyed} {word} {groups} on {on}"

    def side_groups(self) -> str:
        """Aggregates by a key of either side of a join."""
        t, u = self.alias(), self.alias()
        word, side = self.dice.one(("left join", "right join", "full join", "join")), self.dice.one((t, u))
        keys = ", ".join(f"{side}.{key}" for key in self.keys)
        on = f"{t}.k = {u}.k{self.dice.one(('', f' and {self.simple(u)}', f' and {t}.n = {u}.n'))}"
        where = self.dice.one(("", "", f" where {self.simple(t)}", f" where {u}.k is null"))
        values = f"count({t}.id) as f1, count({u}.id) as f2, count(*) as f3"
        return (
            f"select {keys}, {values} from {self.single(t, 1)} {word} {self.single(u, 1)} on {on}{where} group by all"
        )

    def first_rows(self) -> str:
        """Keys of the first rows of all."""
        t = self.alias()
        keys, most = ", ".join(f"{t}.{key}" for key in self.keys), self.dice.number(1, 6)
        if self.dice.chance(50):
            return f"select {keys}, {self.aggregates(t)} from {self.limited(t, 1)} group by all"
        return f"select {keys}, count(*) as f1 from {self.single(t, 1)} group by all order by all limit {most}"

    def twice(self) -> str:
        """A CTE that is read twice, by key and by something else."""
        t, p, q, name = self.alias(), self.alias(), self.alias(), f"c{len(self.ctes) + 1}"
        text = f"select {t}.* from {self.base()} {t}{self.where(t)}"
        self.ctes[name] = text
        keys = ", ".join(f"{p}.{key}" for key in self.keys)
        on = self.dice.one((f"{p}.n = {q}.n", f"{p}.id = {q}.id", f"{p}.k = {q}.k", f"{p}.k <> {q}.k"))
        word = self.dice.one(("join", "left join"))
        return f"select {keys}, {self.aggregates(q)} from {name} {p} {word} {name} {q} on {on} group by all"

    def scalar_subqueries(self) -> str:
        """Keys beside scalar subqueries, correlated and not."""
        a, b, c, p = (self.alias() for _ in range(4))
        keys = ", ".join(f"{p}.{key}" for key in self.keys)
        first = ", ".join(f"{a}.{key}" for key in self.keys)
        one = f"(select {self.aggregate(b)} from {self.base()} {b} where {b}.k = {p}.k and {self.simple(b)})"
        other = f"(select {self.aggregate(c)} from {self.relation(c, 1)}{self.where(c)})"
        keyed = f"(select distinct {first} from {self.base()} {a}{self.where(a)}) {p}"
        return f"select {keys}, {one} as f1, {other} as f2 from {keyed}"

    def over_groups(self) -> str:
        """Window functions over aggregates by key."""
        t = self.alias()
        keys = ", ".join(f"{t}.{key}" for key in self.keys)
        rank = f"rank() over (order by count(*), sum({t}.n))"
        share = "count(*) / sum(count(*)) over ()"
        return f"select {keys}, {rank} as f1, {share} as f2 from {self.relation(t)}{self.where(t)} group by {keys}"

    def projection(self) -> str:
        """Columns of a state; where its key is not the entity's, perhaps several rows for an entity."""
        t = self.alias()
        source = self.dice.one(self.states).table
        keys = ", ".join(f"{t}.{key}" for key in self.keys)
        plain = self.dice.one((self.simple(t), self.simple(t), self.window(t)))
        return f"select {keys}, {self.values(t)} from {source} {t}{self.dice.one(('', f' where {plain}'))}"

    def on_features(self) -> str:
        """Features of features: alone, or beside what the model reads itself."""
        read = self.dice.one(self.features)
        g, t, q = self.alias(), self.alias(), self.alias()
        shared = [key for key in self.keys if key in read.names]
        if shared != list(self.keys):
            return self.beside(read, g, t)
        keys = ", ".join(f"{g}.{key}" for key in self.keys)
        roll = self.dice.number(0, 4)
        if roll == 0:
            return f"select {keys}, {g}.f1 as f1 from {read.table} {g}"
        if roll == 1:
            return (
                f"select {keys}, {g}.f1 as f1, {g}.f1 is not null as f2 from {read.table} {g} where {g}.f1 is not null"
            )
        if roll == 2:
            number = f"count(*) over () as f1, row_number() over (order by {keys}) as f2"
            return f"select {keys}, {number} from {read.table} {g}"
        groups = f"(select {', '.join(f'{t}.{key}' for key in self.keys)}, {self.aggregates(t)} from {self.relation(t, 1)} group by all) {q}"
        word = self.dice.one(("join", "left join", "right join", "full join"))
        if roll == 3:
            return f"select {', '.join(self.keys)}, {q}.f1 as f1, {g}.f1 as f2 from {groups} {word} {read.table} {g} using ({', '.join(self.keys)})"
        on = " and ".join(f"{g}.{key} = {q}.{key}" for key in self.keys)
        return f"select {keys}, {q}.f1 as f1, {g}.f1 as f2 from {groups} {word} {read.table} {g} on {on}"

    def beside(self, read: Readable, g: str, t: str) -> str:
        """Aggregates of rows that were joined to features of fewer keys."""
        keys = ", ".join(f"{t}.{key}" for key in self.keys)
        on = " and ".join(f"{g}.{key} = {t}.{key}" for key in read.names if key in ("k", "c")) or "true"
        values = f"count({g}.f1) as f1, count(*) as f2"
        return f"select {keys}, {values} from {self.relation(t, 1)} left join {read.table} {g} on {on} group by all"

    def everything(self) -> str:
        """Aggregates of everything."""
        t = self.alias()
        return f"select {self.aggregates(t)} from {self.relation(t)}{self.where(t)}"

    def top_row(self) -> str:
        """The first row of all."""
        t = self.alias()
        order = self.total(t, self.dice.one((" desc", "")))
        return f"select {self.values(t)} from {self.relation(t)}{self.where(t)} order by {order} limit 1"

    def on_features_alone(self) -> str:
        """Aggregates of a features model's rows."""
        if not self.features:
            return self.everything()
        g = self.alias()
        return f"select count(*) as f1, count({g}.f1) as f2, count(distinct {g}.f1) as f3 from {self.dice.one(self.features).table} {g}"
