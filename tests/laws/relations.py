"""Random relations in a FROM: every one has, under the alias that it is given, the wide schema."""

from __future__ import annotations

from laws.expressions import Expressions
from laws.tables import NAMES

JOINS = ("join", "left join", "right join", "full join", "inner join")


class Relations(Expressions):
    """FROM clauses; `ctes` collects what has to stand in the WITH before them."""

    ctes: dict[str, str]

    def base(self) -> str:
        """A source."""
        return self.dice.one(self.sources).table

    def relation(self, t: str, depth: int = 2) -> str:
        """A FROM clause in which the alias `t` has the wide schema."""
        if depth <= 0 or self.dice.chance(self.focus.bare):
            return f"{self.base()} {t}"
        forms = (
            self.plain,
            self.plain,
            self.filtered,
            self.combined,
            self.joined,
            self.joined,
            self.half_joined,
            self.limited,
            self.windowed,
            self.distinct,
            self.qualified,
            self.starred,
            self.common,
            self.unnested,
            self.crossed,
        )
        return self.dice.one([each for each in forms if each.__name__ in self.focus.relations] or forms)(t, depth)

    def single(self, t: str, depth: int) -> str:
        """A relation that is not a join itself."""
        text = self.relation(t, depth)
        return text if text.startswith("(") and text.endswith(f") {t}") else f"{self.base()} {t}"

    def plain(self, t: str, depth: int) -> str:
        return f"{self.base()} {t}"

    def filtered(self, t: str, depth: int) -> str:
        u = self.alias()
        return f"(select {u}.* from {self.relation(u, depth - 1)} where {self.condition(u)}) {t}"

    def combined(self, t: str, depth: int) -> str:
        """A set operation of two relations."""
        word = self.dice.one(("union all", "union", "intersect", "except", "union all by name"))
        a, b = self.alias(), self.alias()
        one = f"select {wide(a)} from {self.relation(a, depth - 1)}"
        other = f"select {wide(b)} from {self.relation(b, depth - 1)} where {self.condition(b)}"
        return f"({one} {word} {other}) {t}"

    def joined(self, t: str, depth: int) -> str:
        """A join on keys and sometimes more; either side may be the one that stays."""
        u = self.alias()
        word = self.dice.one(JOINS)
        if self.dice.chance(25):
            return f"{self.single(t, depth - 1)} {word} {self.base()} {u} using ({self.dice.one(('k', 'k, c'))})"
        extra = self.dice.one(("", "", f" and {u}.n > 0", f" and {self.window(u)}", f" and {u}.at <= {t}.at"))
        second = self.single(u, depth - 1) if self.dice.chance(40) else f"{self.base()} {u}"
        sides = (f"{self.single(t, depth - 1)} {word} {second}", f"{self.base()} {u} {word} {self.base()} {t}")
        return f"{self.dice.one(sides)} on {t}.k = {u}.k{extra}"

    def half_joined(self, t: str, depth: int) -> str:
        """A semi join or an anti join."""
        u, word = self.alias(), self.dice.one(("semi join", "anti join"))
        on = self.dice.one((f"on {t}.k = {u}.k and {self.simple(u)}", "using (k)", f"on {t}.id = {u}.id"))
        return f"{self.base()} {t} {word} {self.base()} {u} {on}"

    def crossed(self, t: str, depth: int) -> str:
        """A cross join with one row, or a comma."""
        u, v = self.alias(), self.alias()
        one = f"(select count(*) as total, max({v}.at) as latest from {self.relation(v, depth - 1)}) {u}"
        return self.dice.one((f"{self.base()} {t} cross join {one}", f"{self.base()} {t}, {one}"))

    def limited(self, t: str, depth: int) -> str:
        """The first rows of a total order."""
        u = self.alias()
        order = self.total(u, self.dice.one(("", " desc", " desc nulls last")))
        count = self.dice.one(("limit 1", "limit 3", "limit 5", "limit 4 offset 2"))
        return f"(select {u}.* from {self.relation(u, depth - 1)} order by {order} {count}) {t}"

    def windowed(self, t: str, depth: int) -> str:
        """Values of a window function in place of numbers."""
        u = self.alias()
        order = f"order by {self.total(u)}"
        part = self.dice.one((f"partition by {u}.k ", f"partition by {u}.k ", f"partition by {u}.id ", ""))
        value = self.dice.one(
            (
                f"row_number() over ({part}{order})",
                f"lag({u}.n) over ({part}{order})",
                f"sum({u}.n) over ({part}{order} rows between 2 preceding and current row)",
                f"count(*) over ({part.strip()})",
                f"sum({u}.n) over ({part}order by {u}.at range between interval '3 hours' preceding and current row)",
                f"first_value({u}.n) over w",
            )
        )
        named = f" window w as ({part}{order})" if value.endswith("over w") else ""
        replaced = f"{u}.* replace ({value} as n)"
        return f"(select {replaced} from {self.relation(u, depth - 1)}{named}) {t}"

    def distinct(self, t: str, depth: int) -> str:
        """DISTINCT, and DISTINCT ON with a total order."""
        u = self.alias()
        inner = self.relation(u, depth - 1)
        if self.dice.chance(40):
            return f"(select distinct {u}.* from {inner}) {t}"
        key = self.dice.one(("k", "id", "m"))
        return f"(select distinct on ({u}.{key}) {u}.* from {inner} order by {u}.{key}, {self.total(u, ' desc')}) {t}"

    def qualified(self, t: str, depth: int) -> str:
        """The newest rows by QUALIFY."""
        u = self.alias()
        key, most = self.dice.one(("k", "id", "m")), self.dice.one((1, 2))
        number = f"row_number() over (partition by {u}.{key} order by {self.total(u, ' desc')})"
        return f"(select {u}.* from {self.relation(u, depth - 1)} qualify {number} <= {most}) {t}"

    def starred(self, t: str, depth: int) -> str:
        """Stars with columns left out, replaced and put back."""
        if self.dice.chance(50):
            return f"(select * exclude (n), n + 1 as n from {self.base()}) {t}"
        return f"(select * replace (coalesce(n, 0) as n, upper(m) as m) from {self.base()} where {self.bare()}) {t}"

    def bare(self) -> str:
        """A condition of columns without an alias."""
        return self.dice.one(("n > 0", '"at" > as_of() - interval 1 day', "k is not null", "m = 'p' or x > 1"))

    def common(self, t: str, depth: int) -> str:
        """A CTE, new or one that is there already, so that it is read twice."""
        if self.ctes and self.dice.chance(60):
            return f"{self.dice.one(list(self.ctes))} {t}"
        u = self.alias()
        text = f"select {u}.* from {self.relation(u, depth - 1)}"
        if self.dice.chance(60):
            text += f" where {self.condition(u)}"
        name = f"c{len(self.ctes) + 1}"
        self.ctes[name] = text
        return f"{name} {t}"

    def unnested(self, t: str, depth: int) -> str:
        """A row for each element of a list."""
        u = self.alias()
        inner = f"select {u}.* exclude (n), unnest({u}.l) as n from {self.base()} {u}"
        return self.dice.one((f"(select * from ({inner})) {t}", f"{self.base()} {t}, unnest({t}.l) as e{u}(v)"))


def wide(t: str) -> str:
    """Every column of an alias, in the schema's order."""
    return ", ".join(f"{t}.{name}" for name in NAMES)
