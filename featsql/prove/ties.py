"""Whether a value is one of several that nothing settles: the reference is asked again while the same rows lie in other
orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace
from sqlglot import exp

from featsql.plan.plan import Plan
from featsql.prove.answers import Answers, RepeatedRowError, Values, answers, is_list, same
from featsql.prove.culprit import Search
from featsql.prove.expected import expected
from featsql.prove.perturbation import past
from featsql.prove.reference import Reference
from featsql.prove.scratch import ID, Copy, Scratch, chance, name_of, table
from featsql.temporal import column

# Rows are put in so many orders before a value is taken to be settled; in so many at most where it is not, and in so
# many before a value that the reference has not given is taken to be none of those that it can give.
FEW, MANY, ALL = 6, 16, 48
# So often is each of them seen then, by which it is told that there are no others: each order is asked in twice.
SEEN = 3
# Without these the engine meets groups in the order in which their rows lie, and not in that of their values.
PLAIN = {"disabled_optimizers": "statistics_propagation,compressed_materialization"}
# The terms that a relation's rows are ordered by.
Order = Callable[[Copy], list[exp.Expr]]


class Ties:
    """One training set's cells, asked of the reference again and again while rows lie in other orders."""

    def __init__(self, plan: Plan, reference: Reference, scratch: Scratch) -> None:
        self.plan = plan
        self.reference = reference
        self.scratch = scratch
        self.said: dict[int, list[Values]] = {}
        self.endless: set[str] = set()

    def alternatives(self, number: int, name: str, got: Any, instant: str | None, row: exp.Query) -> tuple[Any, ...]:
        """The values that a cell can have by the order in which its sources' rows lie; `row` is the spine's, of that
        number. None where it is always the same; no more are looked for when what was `got` is among them."""
        query = expected(self.plan, self.reference, instant, row)
        values: list[Any] = []
        for count, each in enumerate(self.answers(number, query, got), start=1):
            if not any(same(each[name], other) for other in values):
                values.append(each[name])
            if len(values) == 1 and count == FEW:
                return ()
            if len(values) > 1 and any(same(got, other) for other in values):
                break
        return tuple(values) if len(values) > 1 else ()

    def excludes(self, number: int, name: str, got: Any, instant: str | None, row: exp.Query) -> bool:
        """Whether what was `got` for a cell that is not settled is none of the values that the reference gives, in
        whatever order rows lie. A column of which it gives ever new ones is `endless`, and excludes nothing."""
        if name in self.endless:
            return False
        query = expected(self.plan, self.reference, instant, row)
        values: list[Any] = []
        for each in self.answers(number, query, got, ALL):
            if alike(got, each[name]):
                return False
            values.append(each[name])
        if len(values) < ALL or any(sum(alike(value, other) for other in values) < SEEN for value in values):
            self.endless.add(name)
        return name not in self.endless

    def reads_no_more(self, search: Search, got: Any, values: Sequence[Any]) -> bool:
        """Whether the compiled query, with all rows there in some order, gives what it or the reference gives in some
        order of those rows alone that were known: what comes later is not why it has another value."""
        later, known = [got], [*values]
        for order in [
            by_chance(0),
            with_value(got, last=False),
            with_value(got, last=True),
            *map(by_chance, range(1, FEW)),
        ]:
            known.append(self.compiled(search, order, later=False))
            later.append(self.compiled(search, order, later=True))
            if any(same(mine, other) for mine in later for other in known):
                return True
        return False

    def compiled(self, search: Search, order: Order, *, later: bool) -> Any:
        """A cell by the compiled query while rows lie in an order: all, or those without what came `later`."""
        for place, copy in enumerate(self.scratch.copies.values()):
            ordered = replace(copy, rows=table(f"order_{place}"))
            self.scratch.create(ordered.rows, exp.select("*").from_(copy.rows.copy()).order_by(*order(copy)))
            rows = self.scratch.everything(ordered) if later else past(ordered, search.at, self.plan.boundary)
            self.scratch.stand(copy, rows)
        return search.value()

    def answers(self, number: int, query: exp.Query, got: Any, most: int = MANY) -> Iterator[Values]:
        """What the reference says of a row in one order after the other; those come soon that have the rows first or
        last in which something is what was got."""
        said = self.said.setdefault(number, [])
        orders = [order for place in range(most // 2) for order in [by_chance(place)] * 2]
        try:
            for place, order in enumerate(orders[:FEW]):
                if place == len(said):
                    said.append(self.answer(query, order, plain=place % 2 == 1)[number])
                yield said[place]
            for last in (False, True):
                for plain in (False, True):
                    yield self.answer(query, with_value(got, last=last), plain=plain)[number]
            for place, order in enumerate(orders[FEW:], start=FEW):
                if place == len(said):
                    said.append(self.answer(query, order, plain=place % 2 == 1)[number])
                yield said[place]
        except (RepeatedRowError, KeyError):
            return

    def answer(self, query: exp.Query, order: Order, *, plain: bool) -> Answers:
        """The answers of a query while its relations' rows lie in an order."""
        instead = {}
        for place, copy in enumerate(self.scratch.copies.values()):
            name = table(f"order_{place}")
            self.scratch.create(name, self.scratch.everything(copy).order_by(*order(copy)))
            instead[name_of(copy.original)] = name
        sent = self.scratch.sent(query, instead)
        with self.scratch.engine.setting(PLAIN if plain else {}):
            return answers(by_rows(sent) if plain else sent, self.scratch.engine)


def by_rows(query: exp.Query) -> exp.Query:
    """A query whose modes go by the order of rows, by lists. The engine counts values in groups otherwise, and meets
    them by their hash: there are some that no order of rows puts first."""
    for mode in list(query.find_all(exp.Mode)):
        call = mode.parent if isinstance(mode.parent, exp.Filter) else mode
        if not mode.this or isinstance(call.parent, exp.Window | exp.WithinGroup):
            continue
        values: exp.Expr = exp.ArrayAgg(this=mode.this.copy())
        if call is not mode:
            values = exp.Filter(this=values, expression=call.expression.copy())
        call.replace(exp.Anonymous(this="list_aggregate", expressions=[values, exp.Literal.string("mode")]))
    return query


def alike(mine: Any, theirs: Any) -> bool:
    """Whether two values are the same, but for the order of what they are made of."""
    if same(mine, theirs):
        return True
    if isinstance(mine, str) and isinstance(theirs, str):
        return sorted(mine) == sorted(theirs)
    if not (is_list(mine) and is_list(theirs)) or len(mine) != len(theirs):
        return False
    left = list(theirs)
    for value in mine:
        place = next((i for i, other in enumerate(left) if same(value, other)), None)
        if place is None:
            return False
        del left[place]
    return True


def by_chance(place: int) -> Order:
    """As the rows are, the other way round, or by chance."""
    if place < 2:
        return lambda _: [exp.Ordered(this=column(ID), desc=place == 1)]
    return lambda _: [chance(column(ID), place)]


def with_value(value: Any, *, last: bool) -> Order:
    """The rows in which some column has a value first, or last."""
    text = exp.Literal.string(str(value))

    def terms(copy: Copy) -> list[exp.Expr]:
        cells = [exp.cast(column(name), "varchar") for name in copy.info.names]
        has = exp.In(this=text.copy(), expressions=cells)
        return [exp.Ordered(this=exp.func("coalesce", has, exp.false()), desc=not last), column(ID)]

    return terms
