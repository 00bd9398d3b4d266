"""How new rows come to the table of an incremental model: in place of which rows, and as which types."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec import Struct
from sqlglot import exp

from featsql.engine import Column, Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError
from featsql.read.model import Model
from featsql.resolve.catalog.describe import three_part
from featsql.temporal import column

DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
# Whole numbers by how many digits they may have.
DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "HUGEINT": 39}
DIGITS |= {"UTINYINT": 3, "USMALLINT": 5, "UINTEGER": 10, "UBIGINT": 20, "UHUGEINT": 39}
SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
INSTANTS = ("DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS")
REFRESH = "build it with --full-refresh"
FRESH, WHOLE, COUNT = "__new", "__whole", "__count"
# So many keys or instants are named at most.
NAMED = 3


class Growing(Struct, frozen=True):
    """The table of an incremental model that is to get the rows of `text`. `again` gives the text that a build from
    nothing would run."""

    engine: Engine
    model: Model
    table: exp.Table
    text: str
    again: Callable[[], str]

    def grow(self) -> int:
        """Add the new rows, and take away those that they replace. Gives how many the text gave. Raises FeatsqlError
        FS804, FS809, FS810 and FS811, and EngineError: the table is as it was then."""
        fresh = self.temporary(FRESH, self.text)
        try:
            rows, stale = self.replacement(fresh)
            with self.engine.transaction():
                self.fit(rows)
                if stale is not None:
                    self.run(exp.Delete(this=self.table.copy(), where=exp.Where(this=stale)))
                names = [exp.to_identifier(each.name, quoted=True) for each in self.columns(rows)]
                target = exp.Schema(this=self.table.copy(), expressions=names)
                query = exp.select(*(column(each.name) for each in names)).from_(rows.copy())
                self.run(exp.Insert(this=target, expression=query))
            return self.engine.count(fresh)
        finally:
            for prefix in (FRESH, WHOLE):
                self.run(exp.Drop(tables=[self.name(prefix)], kind="TABLE", exists=True))

    def replacement(self, fresh: exp.Table) -> tuple[exp.Table, exp.Expr | None]:
        """The rows that come, and which of the table's they replace."""
        self.refuse_other_columns(fresh)
        config = self.model.config
        if not (config.unique_key or config.incremental_time) and self.again() == self.text:
            message = f"`{self.model.name}` would add all of its rows once more"
            raise self.wrong("FS811", message, "let it give new rows alone, by is_incremental(), or give it a key")
        if config.unique_key:
            stale = has_key_of(config.unique_key, self.table.name, fresh)
            self.refuse_some(config.unique_key, fresh, stale)
            return fresh, stale
        if config.incremental_time:
            return self.from_first(config.incremental_time, fresh)
        return fresh, None

    def from_first(self, time: str, fresh: exp.Table) -> tuple[exp.Table, exp.Expr | None]:
        """From the first new instant on everything is made again. The new rows may be a part of it, such as those that
        came late: where the table has such rows already, all of them come from the text of a build from nothing."""
        query = exp.select(exp.cast(exp.Min(this=column(time)), "TEXT"), "count(*)", exp.Count(this=column(time)))
        ((first, total, dated),) = self.engine.rows(query.from_(fresh.copy()).sql("duckdb"))
        parts: list[exp.Expr] = []
        if first is not None:
            kind = next(each.type for each in self.columns(fresh) if each.name.casefold() == time.casefold())
            least = exp.cast(exp.Literal.string(first), exp.DataType.build(kind, dialect="duckdb"))
            parts.append(exp.GTE(this=column(time), expression=least))
        if dated < total:
            parts.append(exp.Is(this=column(time), expression=exp.null()))
        if not parts:
            return fresh, None
        stale = exp.or_(*parts)
        held = exp.select("1").from_(self.table.copy()).where(stale.copy()).limit(1)
        if not self.engine.rows(held.sql("duckdb")):
            return fresh, None
        if (text := self.again()) == self.text:
            return fresh, exp.true()
        whole = self.temporary(WHOLE, f"FROM ({text}\n) WHERE {stale.sql('duckdb')}")
        self.refuse_other_columns(whole)
        self.refuse_lost(time, whole, stale)
        return whole, stale

    def refuse_lost(self, time: str, whole: exp.Table, stale: exp.Expr) -> None:
        """An instant that would have fewer rows than it had: what they were made from is gone."""
        found = self.fewer([time], whole, exp.select("*").from_(self.table.copy()).where(stale.copy()))
        if found:
            message = f"`{self.model.name}` would lose rows that it can no longer make, with {told([time], found)}"
            raise self.wrong("FS810", message, f"{REFRESH} if they are to go")

    def refuse_some(self, keys: Sequence[str], fresh: exp.Table, stale: exp.Expr) -> None:
        """Several rows of one key are replaced together. Where there are such, the new ones must be all that a build
        from nothing makes."""
        replaced = exp.select("*").from_(self.table.copy()).where(stale.copy())
        each = exp.select("1").group_by(*map(column, keys)).having("count(*) > 1").limit(1)
        tried = (each.from_(rows).sql("duckdb") for rows in (fresh.copy(), replaced.subquery("replaced")))
        if not any(self.engine.rows(sql) for sql in tried) or (text := self.again()) == self.text:
            return
        wanted = has_key_of(keys, WHOLE, fresh).sql("duckdb")
        whole = self.temporary(WHOLE, f"FROM ({text}\n) AS {WHOLE} WHERE {wanted}")
        found = self.fewer(keys, fresh, exp.select("*").from_(whole))
        if found:
            message = f"`unique_key` does not tell the rows of `{self.model.name}` apart, and of several only some came"
            hint = "name all columns that tell rows apart, or let all rows of a key come together"
            raise self.wrong("FS809", f"{message}, with {told(keys, found)}", hint)

    def fewer(self, names: Sequence[str], few: exp.Table, many: exp.Query) -> list[tuple[str | None, ...]]:
        """The values of some columns with which a table has fewer rows than a query."""
        counted = [*map(column, names), exp.alias_(exp.Count(this=exp.Star()), COUNT, quoted=True)]
        old, new = (
            exp.select(*counted).from_(each).group_by(*map(column, names)).subquery(name)
            for name, each in (("old", many.subquery("rows")), ("new", few.copy()))
        )
        same = [exp.NullSafeEQ(this=column(each, "old"), expression=column(each, "new")) for each in names]
        there = exp.func("coalesce", column(COUNT, "new"), exp.Literal.number(0))
        query = exp.select(*(exp.cast(column(each, "old"), "TEXT") for each in names)).from_(old)
        query = query.join(new, on=exp.and_(*same), join_type="left")
        query = query.where(exp.GT(this=column(COUNT, "old"), expression=there))
        return self.engine.rows(query.order_by(*(column(each, "old") for each in names)).sql("duckdb"), NAMED + 1)

    def refuse_other_columns(self, fresh: exp.Table) -> None:
        """The new rows must have the columns that the table has."""
        old, new = ({each.name.casefold() for each in self.columns(table)} for table in (self.table, fresh))
        if old != new:
            changed = ", ".join(sorted(old ^ new))
            raise self.wrong("FS804", f"the columns of `{self.model.name}` are no longer those of its table: {changed}")

    def fit(self, fresh: exp.Table) -> None:
        """Let the table have types that hold its rows and the new ones, as they are."""
        wanted = {each.name.casefold(): each.type for each in self.columns(fresh)}
        for each in self.columns(self.table):
            new = wanted[each.name.casefold()]
            if new == each.type or holds(each.type, new):
                continue
            if not self.widen(each, new):
                message = f"`{each.name}` of `{self.model.name}` is {new} now, and {each.type} in its table"
                raise self.wrong("FS804", message)

    def widen(self, held: Column, kind: str) -> bool:
        """Give a column of the table another type, if that holds all that it has."""
        if not holds(kind, held.type) and not (kind == "DOUBLE" and held.type in DIGITS):
            return False
        if kind == "DOUBLE":
            there = exp.cast(exp.cast(column(held.name), "DOUBLE"), exp.DataType.build(held.type, dialect="duckdb"))
            other = exp.NullSafeNEQ(this=there, expression=column(held.name))
            rounded = exp.select("1").from_(self.table.copy()).where(other).limit(1)
            try:
                if self.engine.rows(rounded.sql("duckdb")):
                    return False
            except EngineError:  # of the largest numbers, which are rounded to one more
                return False
        name = exp.to_identifier(held.name, quoted=True).sql("duckdb")
        self.engine.execute(f"ALTER TABLE {self.table.sql('duckdb')} ALTER COLUMN {name} SET DATA TYPE {kind}")
        return True

    def wrong(self, code: str, message: str, hint: str = REFRESH) -> FeatsqlError:
        """What stands in the way of adding to the table."""
        return FeatsqlError(Diagnostic(code, message, self.model.rendered.file.place(1), hint))

    def temporary(self, prefix: str, text: str) -> exp.Table:
        """A table of this session with the rows of a text."""
        table = self.name(prefix)
        self.engine.create_as("OR REPLACE TEMP TABLE", table, text)
        return table

    def name(self, prefix: str) -> exp.Table:
        """The name of a table of this session."""
        return three_part("temp", "main", f"{prefix}_{self.model.name}")

    def columns(self, table: exp.Table) -> Sequence[Column]:
        """The columns of a table."""
        return self.engine.columns(exp.select("*").from_(table.copy()).sql("duckdb"))

    def run(self, statement: exp.Expr) -> None:
        """Run a statement that featsql made."""
        self.engine.execute(statement.sql("duckdb"))


def has_key_of(keys: Sequence[str], table: str, fresh: exp.Table) -> exp.Expr:
    """Whether a row of a table has the key of a new one; a part that is missing is like any other value."""
    same = [exp.NullSafeEQ(this=column(key, FRESH), expression=column(key, table)) for key in keys]
    return exp.Exists(this=exp.select("1").from_(exp.alias_(fresh.copy(), FRESH, table=True)).where(*same))


def told(names: Sequence[str], rows: Sequence[tuple[str | None, ...]]) -> str:
    """The first of some rows by their values, and whether there are others."""
    each = [", ".join(f"`{name}` = {value or 'NULL'}" for name, value in zip(names, row, strict=True)) for row in rows]
    return "; ".join(each[:NAMED]) + "; and others" * (len(each) > NAMED)


def holds(wide: str, narrow: str) -> bool:
    """Whether a type has a value for each of another one's, which says the same."""
    if wide == narrow:
        return True
    if wide in DIGITS and narrow in DIGITS:
        return DIGITS[wide] > DIGITS[narrow] and (wide in SIGNED or narrow not in SIGNED)
    if (mine := DECIMAL.fullmatch(wide)) is not None:
        theirs = DECIMAL.fullmatch(narrow)
        digits, scale = (int(theirs[1]), int(theirs[2])) if theirs else (DIGITS.get(narrow, 99), 0)
        return int(mine[2]) >= scale and int(mine[1]) - int(mine[2]) >= digits - scale
    if wide in INSTANTS[:4] and narrow in INSTANTS[:4]:
        return INSTANTS.index(wide) > INSTANTS.index(narrow)
    return wide == "DOUBLE" and narrow in {"TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER"}
