"""Copies of what a training set reads, which may be changed at will: the ground on which it is put to the test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.compiler import Compiled
from featsql.engine import Column, Engine
from featsql.plan.plan import Plan, Scan, scans_of
from featsql.prove.answers import NUMBER
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.catalog.describe import bound_name, make_schema, three_part
from featsql.sources.attach import in_memory
from featsql.temporal import column

CATALOG, SCHEMA = "__scratch", "main"
# The number of a row in the copy of its relation.
ID = "__id"


class Copy(Struct, frozen=True):
    """A copied relation. `rows` holds its rows with their numbers; `view` is what stands in its place."""

    info: RelationInfo
    original: exp.Table
    rows: exp.Table
    view: exp.Table

    @property
    def numbered(self) -> RelationInfo:
        """The relation with the number of each row as its last column."""
        return replace(self.info, columns=(*self.info.columns, Column(ID, "BIGINT")))


class Scratch:
    """A catalog in memory with a copy of every relation with a clock; a query is sent to the copies by
    `redirected`. At first each stands for the whole relation, or for the rows of which `only` holds."""

    def __init__(
        self,
        keys: Iterable[str],
        compiled: Compiled,
        engine: Engine,
        only: Mapping[str, Sequence[exp.Expr]] | None = None,
    ) -> None:
        self.compiled = compiled
        self.engine = engine
        engine.execute(in_memory(CATALOG).sql("duckdb"))
        make_schema(engine, CATALOG, SCHEMA)
        conditions = only or {}
        self.copies = {key: self.copy(key, number, conditions.get(key, ())) for number, key in enumerate(keys)}

    def copy(self, key: str, number: int, only: Sequence[exp.Expr]) -> Copy:
        """Copy one relation, each row with a number."""
        info = self.compiled.checked.catalog.relations[key]
        original = bound_name(key, self.compiled.graph)
        rows, view = table(f"rows_{number}"), table(f"view_{number}")
        numbers = exp.alias_(exp.Window(this=exp.RowNumber()), ID)
        query = exp.select(*(column(name) for name in info.names), numbers).from_(original.copy())
        self.create(rows, query.where(*(each.copy() for each in only)))
        made = Copy(info, original, rows, view)
        self.stand(made, self.everything(made))
        return made

    def create(self, name: exp.Table, query: exp.Query) -> None:
        """Create or replace a table of the scratch catalog."""
        self.engine.create_as("OR REPLACE TABLE", name, query.sql("duckdb"))

    def everything(self, copy: Copy) -> exp.Select:
        """All rows of a relation, as they are."""
        return exp.select(*(column(name) for name in copy.info.names)).from_(copy.rows.copy())

    def stand(self, copy: Copy, query: exp.Query) -> None:
        """Let a query stand in the place of a relation."""
        self.engine.create_as("OR REPLACE VIEW", copy.view, query.sql("duckdb"))

    def redirected(self, query: exp.Query) -> exp.Query:
        """A copy of a query that reads what stands in the place of each relation."""
        return self.sent(query, {name_of(copy.original): copy.view for copy in self.copies.values()})

    def sent(self, query: exp.Query, instead: Mapping[tuple[str, str, str], exp.Table]) -> exp.Query:
        """A copy of a query that reads other tables instead of those that have these names."""
        moved = query.copy()
        for each in list(moved.find_all(exp.Table)):
            view = instead.get(name_of(each))
            if view is not None:
                for part in ("this", "db", "catalog"):
                    each.set(part, view.args[part].copy())
        return moved


def table(name: str) -> exp.Table:
    """A table of the scratch catalog."""
    return three_part(CATALOG, SCHEMA, name)


def name_of(each: exp.Table) -> tuple[str, str, str]:
    """The whole name of a table, folded."""
    return (each.catalog.casefold(), each.db.casefold(), each.name.casefold())


def clocked(plan: Plan) -> list[str]:
    """The relations with a clock that a training set reads as they were, in a stable order."""
    scans: list[Scan] = [scan for attach in plan.attachments for scan in scans_of(attach.features)]
    scans += [read.scan for read in plan.readings] + list(plan.scans.values())
    return clocked_scans(scans)


def clocked_scans(scans: Iterable[Scan]) -> list[str]:
    """The relations of scans, each once, but for static ones."""
    found = (scan.relation for scan in scans if scan.relation.clock and scan.relation.clock.kind != "static")
    return list(dict.fromkeys(info.key for info in found))


def numbered(plan: Plan) -> exp.Select:
    """The rows of a spine with their numbers, from 1: in the order of the instant, and then of the other columns from
    left to right, so that a row has the same number every time."""
    spine = plan.spine
    order = [spine.as_of, *(name for name in spine.columns if name != spine.as_of)]
    number = exp.Window(
        this=exp.RowNumber(),
        order=exp.Order(expressions=[exp.Ordered(this=column(name), nulls_first=False) for name in order]),
    )
    return exp.select("*", exp.alias_(number, NUMBER)).from_(spine.source.copy())


def chance(number: exp.Expr, seed: int) -> exp.Expr:
    """A number to draw lots by: of the text, since the engine's hash of several values is too regular."""
    text = exp.DPipe(this=exp.cast(number.copy(), "varchar"), expression=exp.Literal.string(f" {seed}"))
    return exp.func("hash", text)


def sampled(plan: Plan, spine: exp.Expr, only: Sequence[str] | None = None) -> Plan:
    """The plan for a spine of numbered rows, with their numbers beside the author's columns (or `only` those
    named)."""
    select = plan.select.copy()
    select.set("order", None)
    if only is not None:
        wanted = {name.casefold() for name in only}
        chosen = [value for value in select.expressions if value.alias_or_name.casefold() in wanted]
        select.set("expressions", chosen)
    select = select.select(column(NUMBER, plan.spine.alias), copy=False)
    return replace(plan, spine=replace(plan.spine, source=spine), select=select)
