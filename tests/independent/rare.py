"""Random features models of rarer forms: names that hide others, stars, limits and places outside of groups, more joins."""

from __future__ import annotations

from collections.abc import Callable

from independent.evaluator import Question
from independent.models import Models
from independent.values import Column, numbered


class RareModels(Models):
    """Makes models of `keys`, rarer forms among them."""

    def forms(self) -> list[Callable[[], Question]]:
        """All forms."""
        rare: list[Callable[[], Question]] = [
            self.starred, self.renamed, self.cut_outside, self.placed_outside, self.aliased_outside, self.last_values,
            self.semi, self.computed_keys, self.series, self.named_windows, self.joined_groups, self.grouped_unions,
            self.filtered_groups, self.aliased_where, self.distinct_outside, self.hidden_outside,
        ]  # fmt: skip
        return [*super().forms(), *rare]

    def inside(self, count: int = 2) -> tuple[list[Column], Question]:
        """A SELECT that groups, some of its columns made of aggregates, and these columns."""
        columns = [Column(self.aggregate("t")), *self.columns("t", count - 1)]
        return columns, self.over(*self.source(), columns, self.rest() if self.chance(30) else "")

    def outside(self, inside: Question, columns: str, rest: str, kept: str | None = None) -> Question:
        """A SELECT around one that groups; `kept` is what it says of no rows, if not `columns`."""
        nothing = f"select {kept or columns} from ({inside.nothing}) q"
        return Question(f"select {columns} from ({inside.text}) q{rest}", self.keys, nothing, inside.groups)

    def starred(self) -> Question:
        """All columns of groups, by a star."""
        return self.outside(self.inside(3)[1], self.one(("*", "q.*", "* exclude (f3)", "* rename (f2 as g)")), "")

    def renamed(self) -> Question:
        """Columns of groups under other names."""
        columns, inside = self.inside()
        names = ", ".join((*self.keys, "one", "two"))
        kept = "q.two is null" if columns[1].aggregates else "null"
        head = f"select {self.key('q')}, q.one as f1, "
        return Question(
            f"{head}q.two is null as f2 from ({inside.text}) q({names})", self.keys,
            f"{head}{kept} as f2 from ({inside.nothing}) q({names})", inside.groups,
        )  # fmt: skip

    def cut_outside(self) -> Question:
        """The first of some groups, cut outside of them."""
        order = f" order by {self.one(('q.f1 desc nulls last, ', 'q.f1, ', ''))}{self.key('q')}"
        cut = self.one((" limit 2", " limit 3 offset 1", " limit 1"))
        return self.outside(self.inside()[1], f"{self.key('q')}, q.f1 as f1, q.f2 as f2", order + cut)

    def placed_outside(self) -> Question:
        """The first of some groups by a window function, and their places."""
        place = f"row_number() over (order by q.f1, {self.key('q')})"
        columns = f"{self.key('q')}, q.f1 is null as f1, "
        rest = self.one((f" qualify {place} <= 2", "", " where q.f1 is not null"))
        return self.outside(self.inside()[1], f"{columns}{place} as f2", rest, f"{columns}null as f2")

    def aliased_outside(self) -> Question:
        """Names of columns used in the same SELECT, outside of groups."""
        values = "q.f1 is null as g, case when g then 'no' else 'yes' end as h, concat(h, '!') as i"
        rest = self.one(("", " where g", " where not g", " where h = 'yes' and q.k > 1"))
        return self.outside(self.inside()[1], f"{self.key('q')}, {values}", rest)

    def hidden_outside(self) -> Question:
        """A name used in the same SELECT that a column of the groups has, too: the column is meant."""
        columns, inside = self.inside()
        head = f"select {self.key('q')}, q.f1 is not null as f2, "
        text = f"{head}f2 is null as f3 from ({inside.text}) q"
        kept = "f2 is null" if columns[1].aggregates else "null"
        return Question(text, self.keys, f"{head}{kept} as f3 from ({inside.nothing}) q", inside.groups)

    def distinct_outside(self) -> Question:
        """Groups by DISTINCT, though each is there but once."""
        columns = f"{self.key('q')}, q.f1 is null as f1"
        made = self.inside()[1]
        nothing = f"select {columns} from ({made.nothing}) q"
        return Question(f"select distinct {columns} from ({made.text}) q", self.keys, nothing, made.groups)

    def last_values(self) -> Question:
        """Keys beside the newest value of a row of theirs, and lists of them."""
        tied = f"from {self.relation()} e where {self.equal('e', 't')} and {self.simple('e')}"
        newest = f"(select e.s {tied} order by e.ts desc, e.id limit 1)"
        listed = f"array(select e.n {tied} order by e.id)"
        counted = f"(select count(*) {tied} having count(*) > 1)"
        nested = f"(select max(d.n) from (select e.n {tied} order by e.ts, e.id limit 2) d)"
        values = self.some((newest, listed, counted, nested), 2)
        return Question(f"select {self.key('t')}, {numbered(values)} from {self.distinct_keys()}", self.keys)

    def semi(self) -> Question:
        """Aggregates of rows that have, or have not, a match."""
        word = self.one(("semi join", "anti join"))
        on = self.one(("t.k = u.k and u.n > 1", "t.id = u.id", "t.u = u.u and t.k = u.k"))
        return self.over(
            f"{self.relation()} t {word} {self.relation()} u on {on}", self.where("t", 30), self.columns("t")
        )

    def computed_keys(self) -> Question:
        """Keys that are computed."""
        key = self.one(("coalesce(r.k, 9)", "r.k % 3", "r.n", "case when r.n > 1 then r.k end"))
        inner = f"(select r.* exclude (k), {key} as k from {self.relation()} r{self.where('r', 30)}) t"
        return self.over(inner, self.where("t", 30), self.columns("t"), self.one(("", self.rest())))

    def series(self) -> Question:
        """Aggregates of rows by a series of days before."""
        source = f"{self.relation()} t, range(3) as g(i)"
        where = " where t.ts > as_of() - to_days((g.i + 1)::integer) and t.ts <= as_of() - to_days(g.i::integer)"
        columns = ["count(*)", "list(g.i order by g.i, t.id)", "sum(t.n * g.i)", "count(distinct g.i)", "max(g.i)"]
        return self.over(source, where, [Column(text) for text in self.some(columns, 3)])

    def named_windows(self) -> Question:
        """Values of rows by a window with a name, of the newest row."""
        values = numbered(self.some(("lag(t.n) over w", "sum(t.n) over w", "count(*) over w", "ntile(2) over w"), 2))
        window = f" window w as (partition by {self.key('t')} order by t.ts, t.id)"
        place = f"row_number() over (partition by {self.key('t')} order by t.ts desc, t.id desc) = 1"
        return Question(
            f"select {self.key('t')}, {values} from {''.join(self.source())}{window} qualify {place}", self.keys
        )

    def joined_groups(self) -> Question:
        """Groups beside rows of another relation: no missing row has values."""
        inside = self.inside()[1]
        word = self.one(("join", "left join"))
        side = f"(select s.k, max(s.n) as n from {self.relation()} s group by s.k) s"
        text = f"select {self.key('q')}, q.f1 as f1, s.n as f2 from ({inside.text}) q {word} {side} on s.k = q.k"
        return Question(text, self.keys)

    def grouped_unions(self) -> Question:
        """Groups of groups of two relations."""
        keys = ", ".join(self.keys)
        one = f"select {self.key('r')}, count(*) as n, max(r.s) as s from {self.relation()} r{self.where('r')} group by all"
        other = f"select {self.key('r')}, sum(r.n), min(r.s) from {self.relation()} r{self.where('r')} group by {keys}"
        columns = [
            Column(text) for text in self.some(("count(*)", "sum(t.n)", "max(t.s)", "count(t.s) * 2", "avg(t.n)"), 3)
        ]
        return self.over(f"({one} union all {other}) t", self.one(("", " where t.n > 1")), columns)

    def filtered_groups(self) -> Question:
        """Groups of few rows, filtered outside by another relation."""
        inside = self.inside()[1]
        rest = f" where q.k {self.one(('in', 'not in'))} (select e.k from {self.relation()} e where e.k > 0 and {self.simple('e')})"
        return self.outside(inside, f"{self.key('q')}, q.f1 as f1, q.f1 is null as f2", rest)

    def aliased_where(self) -> Question:
        """Names of a SELECT in its own WHERE and beneath aggregates."""
        inner = f"select r.*, coalesce(r.n, 0) * 2 as m from {self.relation()} r where m > {self.one((-1, 2, 5))}"
        columns = [
            Column(text) for text in self.some(("sum(t.m)", "count(*)", "max(t.m) + 1", "list(t.m order by t.id)"), 2)
        ]
        return self.over(f"({inner}) t", self.where("t", 30), columns)
