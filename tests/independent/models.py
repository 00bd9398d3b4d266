"""Random features models of many forms, each with what its author would say of missing rows. Each has one right answer:
whatever chooses among rows has a total order."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from independent.evaluator import Question
from independent.values import Column, Values, named, numbered, ungrouped


class Models(Values):
    """Makes models of `keys`."""

    def __init__(self, random: Random, keys: tuple[str, ...]) -> None:
        super().__init__(random)
        self.keys = keys

    def model(self) -> tuple[str, Question]:
        """A model and the name of its form."""
        form = self.one(self.forms())
        return form.__name__, form()

    def forms(self) -> list[Callable[[], Question]]:
        """All forms, some of them more often than others."""
        forms: list[Callable[[], Question]] = [
            self.grouped, self.grouped, self.grouped, self.aliases, self.wrapped, self.wrapped, self.wrapped,
            self.pairs, self.windows, self.united, self.twice_grouped, self.many_windows, self.first_row, self.newest,
            self.subqueries, self.beside, self.unnested, self.lateral, self.twice_read, self.limited, self.ranked,
        ]  # fmt: skip
        if self.keys == ("k",):
            forms += [self.state, self.filtered_state]
        return forms

    def key(self, t: str) -> str:
        """The keys as columns of a relation."""
        return ", ".join(f"{t}.{key}" for key in self.keys)

    def equal(self, t: str, u: str) -> str:
        """Two relations have the same keys."""
        return " and ".join(f"{t}.{key} = {u}.{key}" for key in self.keys)

    def where(self, t: str, percent: int = 50) -> str:
        """A WHERE, or none."""
        return f" where {self.condition(t)}" if self.chance(percent) else ""

    def over(self, source: str, where: str, columns: list[Column], rest: str = "") -> Question:
        """A SELECT that groups rows of `source` by the keys of `t`."""
        group = self.one((self.key("t"), "all", ", ".join(str(i + 1) for i in range(len(self.keys)))))
        if "qualify" in rest or any("t.k" in column.text or not column.aggregates for column in columns):
            group = self.key("t")  # of `all`, what is no aggregate would be a key
        text = f"select {self.key('t')}, {named(columns)} from {source}{where} group by {group}{rest}"
        if not any(column.aggregates for column in columns):
            return Question(text, self.keys)
        keys = ", ".join(f"null as {key}" for key in self.keys)
        nothing = f"select {keys}, {ungrouped(columns)} from {source} where false"
        groups = f"select {self.key('t')} from {source}{where} group by {self.key('t')}"
        return Question(text, self.keys, nothing, groups)

    def source(self, percent: int = 50) -> tuple[str, str]:
        """A relation `t` and a WHERE."""
        return f"{self.relation()} t", self.where("t", percent)

    def rest(self) -> str:
        """A HAVING, a QUALIFY, both or none."""
        having = self.one(("", "", " having count(*) > 1", " having max(t.n) is not null", " having sum(t.x) > 1"))
        order = f"count(*) desc, {self.key('t')}"
        ranks = (f" qualify rank() over (order by {order}) <= 2", f" qualify lag(count(*)) over (order by {order}) > 1")
        return having + self.one(("", "", "", *ranks))

    def grouped(self) -> Question:
        """Aggregates by key."""
        return self.over(*self.source(), self.columns("t"), self.rest())

    def many_windows(self) -> Question:
        """Aggregates over several windows of time."""
        columns = [Column(f"{self.aggregate('t', plain=True)} filter (where {self.window('t')})") for _ in range(4)]
        return self.over(*self.source(20), columns, self.rest() if self.chance(20) else "")

    def aliases(self) -> Question:
        """Expressions over columns of the same SELECT by their names."""
        columns = [Column(self.one(("count(*)", "sum(t.n)", "count(t.x)"))), *self.columns("t", 1)]
        beside = ("f1 / 2.0", "coalesce(f1, 0) + 1", "f1 is null", "case when f1 > 1 then f1 end")
        columns += map(Column, self.some(beside, 2))
        return self.over(*self.source(), columns, self.one(("", self.rest(), " having f1 > 1")))

    def ranked(self) -> Question:
        """A place among the groups, beside aggregates."""
        order = f"count(*) desc, {self.key('t')}"
        place = Column(f"row_number() over (order by {order})", aggregates=False)
        return self.over(*self.source(), [place, *self.columns("t", 2)], self.rest())

    def limited(self) -> Question:
        """The first few groups."""
        rest = f" order by count(*) desc, {self.key('t')} limit {self.random.randrange(1, 4)}"
        return self.over(*self.source(), self.columns("t", 2), rest)

    def wrapped(self, inner: Question | None = None, columns: list[Column] | None = None) -> Question:
        """Expressions over grouped columns, outside, perhaps of some groups only; once or twice, as CTE or subquery."""
        made = columns or self.columns("t", 3)
        inside = inner or self.over(*self.source(), made, self.rest() if self.chance(40) else "")
        outside = [self.outer("q", i, column) for i, column in enumerate(made, 1)]
        filtered = self.one(("", "", " where q.f1 is not null", f" where q.k % {self.one((2, 3))} = 1"))
        kept = [c if c.aggregates else Column("null") for c in outside]
        nothing = inside.nothing and self.around(inside.nothing, kept, "")
        question = Question(self.around(inside.text, outside, filtered), self.keys, nothing, inside.groups)
        return self.wrapped(question, outside) if inner is None and self.chance(25) else question

    def around(self, inner: str, columns: list[Column], filtered: str) -> str:
        """A SELECT of expressions over a query."""
        if self.chance(50):
            return f"with q as ({inner}) select {self.key('q')}, {named(columns)} from q{filtered}"
        return f"select {self.key('q')}, {named(columns)} from ({inner}) q{filtered}"

    def outer(self, q: str, number: int, column: Column) -> Column:
        """An expression over a column of a query."""
        f = f"{q}.f{number}"
        text = self.one((f, f"{f} is null", f"[{f}]", f"case when {f} is not null then 'some' else 'none' end"))
        return Column(text, column.aggregates) if self.chance(90) else Column("7", aggregates=False)

    def pairs(self) -> Question:
        """Rows joined to rows of another relation that came before them."""
        word = self.one(("join", "left join"))
        on = f"t.k = u.k and u.ts < t.ts{self.one(('', ' and u.n > 0', ' and u.ts > t.ts - interval 2 days'))}"
        values = ("count(*)", "count(u.id)", "count(distinct t.id)", "sum(u.n)", "avg(u.x - t.x)")
        more = ("list(u.s order by t.id, u.id)", "arg_max(u.s, (u.ts, u.id, t.id))", "max(t.ts - u.ts)")
        columns = [Column(text) for text in self.some((*values, *more), 3)]
        return self.over(f"{self.relation()} t {word} {self.relation()} u on {on}", self.where("t"), columns)

    def windows(self) -> Question:
        """Aggregates of rows that know the rows around them."""
        over = f"partition by {self.key('r')} order by r.ts, r.id"
        days = f"partition by {self.key('r')} order by r.ts range between interval 1 day preceding and current row"
        values = (
            f"lag(r.n) over ({over})", f"lead(r.n, 1, -1) over ({over})", f"sum(r.n) over ({days})",
            f"row_number() over ({over})", f"sum(r.n) over ({over} rows between 2 preceding and current row)",
            f"dense_rank() over ({over})", f"first_value(r.n) over ({over})", f"count(*) over ({days})",
            f"count(*) over (partition by {self.key('r')}, r.s)", "sum(r.n) over (order by r.id)",
        )  # fmt: skip
        inner = f"(select r.* exclude (n), {self.one(values)} as n from {self.relation()} r{self.where('r')}) t"
        return self.over(inner, self.where("t", 30), self.columns("t"), self.rest() if self.chance(30) else "")

    def united(self) -> Question:
        """Aggregates of rows of two relations together."""
        word = self.one(("union all", "union all", "union all", "union", "except", "intersect"))
        one, other = self.relation(), self.relation()
        step = "l.id + 1000" if "union" in word else "l.id"  # ids are told apart
        left = f"select r.id as id, r.k, r.c, r.n, r.x, r.s, r.ts from {one} r{self.where('r')}"
        right = f"select {step} as id, l.k, l.c, l.n, l.x, l.s, l.ts from {other} l{self.where('l')}"
        return self.over(f"({left} {word} {right}) t", self.where("t", 20), self.columns("t"))

    def twice_grouped(self) -> Question:
        """Aggregates of groups by key and something else."""
        inner = f"select r.k, r.c, r.s, count(*) as n, min(r.id) as id, max(r.x) as x, max(r.ts) as ts from {self.relation()} r"
        having = self.one(("", " having count(*) > 1"))
        return self.over(f"({inner}{self.where('r')} group by all{having}) t", self.where("t", 20), self.columns("t"))

    def unnested(self) -> Question:
        """Aggregates of lists' elements."""
        values = self.some(
            ("count(*)", "sum(v.e)", "list(v.e order by t.id, v.e)", "max(v.e)", "count(distinct t.id)"), 2
        )
        lists = self.one(("[t.n, t.n + 1]", "range(t.n)", "[1, t.id]"))
        return self.over(f"{self.relation()} t, unnest({lists}) as v(e)", self.where("t"), [Column(v) for v in values])

    def first_row(self) -> Question:
        """The first or last row of each key."""
        order = self.one(("t.ts desc, t.id desc", "t.ts, t.id", "t.n desc nulls last, t.id"))
        number = f"row_number() over (partition by {self.key('t')} order by {order})"
        values, source = numbered(self.some(self.of_row("t"), 3)), "".join(self.source())
        if self.chance(40):
            inner = f"select *, {number} as place from {source}"
            return Question(f"select {self.key('t')}, {values} from ({inner}) t where t.place = 1", self.keys)
        return Question(f"select {self.key('t')}, {values} from {source} qualify {number} = 1", self.keys)

    def newest(self) -> Question:
        """DISTINCT ON the keys."""
        order, values = self.one(("t.ts desc, t.id", "t.x, t.id desc")), numbered(self.some(self.of_row("t"), 2))
        keys, source = self.key("t"), "".join(self.source())
        return Question(
            f"select distinct on ({keys}) {keys}, {values} from {source} order by {keys}, {order}", self.keys
        )

    def state(self) -> Question:
        """A state's columns."""
        return Question(
            f"select t.k, {numbered(self.some(self.of_row('t'), 3))} from $held t{self.where('t', 30)}", ("k",)
        )

    def filtered_state(self) -> Question:
        """A state's columns beside what is known of others."""
        word = self.one(("join", "left join"))
        groups = f"(select r.k, {named(self.columns('r', 2))} from {self.relation()} r group by r.k) g"
        return Question(f"select t.k, g.f1 as f1, t.n + 1 as f2 from $held t {word} {groups} on g.k = t.k", ("k",))

    def distinct_keys(self) -> str:
        """The keys of a relation, each once."""
        return f"(select distinct {self.key('r')} from {self.relation()} r{self.where('r', 30)}) t"

    def subqueries(self) -> Question:
        """Keys beside scalar subqueries, tied to them and not."""
        one = f"(select {self.aggregate('u')} from {self.relation()} u where {self.equal('u', 't')} and {self.simple('u')})"
        other = f"(select {self.aggregate('v')} from {self.relation()} v{self.where('v')})"
        third = f"exists (select 1 from {self.relation()} w where {self.equal('w', 't')} and {self.simple('w')})"
        return Question(
            f"select {self.key('t')}, {numbered([one, other, third])} from {self.distinct_keys()}", self.keys
        )

    def lateral(self) -> Question:
        """Keys beside what a lateral subquery says of each."""
        inner = f"select {numbered([self.aggregate('u'), self.aggregate('u')])} from {self.relation()} u where {self.equal('u', 't')}"
        return Question(
            f"select {self.key('t')}, l.f1 as f1, l.f2 as f2 from {self.distinct_keys()}, lateral ({inner}) l",
            self.keys,
        )

    def beside(self) -> Question:
        """Groups of two relations side by side."""
        keys, word = ", ".join(self.keys), self.one(("join", "left join", "full join"))
        sides = [f"(select {self.key(r)}, {named(self.columns(r, 2), i)} from {self.relation()} {r}{self.where(r)} group by {self.key(r)}) {q}"
                 for r, q, i in (("r", "p", 1), ("s", "q", 3))]  # fmt: skip
        values = "p.f1 as f1, coalesce(p.f2 = p.f2, false) as f2, q.f3 as f3, q.f4 is null as f4"
        text = f"select {keys}, {values} from {sides[0]} {word} {sides[1]} using ({keys})"
        return Question(text, self.keys)

    def twice_read(self) -> Question:
        """A CTE that is read twice."""
        cte = f"with w as (select r.* from {self.relation()} r{self.where('r')}) "
        on = self.one(("t.n = u.n", "t.k <> u.k", "t.s = u.s and t.id <> u.id"))
        values = self.some(("count(*)", "count(u.id)", "sum(u.n)", "max(u.ts)", "list(u.id order by t.id, u.id)"), 2)
        made = self.over(f"w t {self.one(('join', 'left join'))} w u on {on}", "", [Column(v) for v in values])
        return Question(cte + made.text, self.keys, f"{cte}{made.nothing}", f"{cte}{made.groups}")
