"""Where the rows of a training set lie: in a table of the target, or in what it publishes, with a view of that."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct
from sqlglot import exp

from featsql.build.parquet import exact, is_as_computed, too_large
from featsql.build.publish import DIGITS, put, unfit, write_rows
from featsql.build.reuse.extend import ROWID, Earlier
from featsql.build.target import table_of
from featsql.build.training_set.training import Rows
from featsql.engine import Column, Engine, EngineError
from featsql.plan.names import PLACE
from featsql.read.model import Model
from featsql.read.project import Project, Publish
from featsql.resolve.nearby import GLOB
from featsql.temporal import column

# So many rows no file has.
FILE_ROWS = 2**40
# What the engine tells of each row that it reads from files: of which it is, and where it stands there.
VIRTUAL = ("file_index", "file_row_number")
# So many generations of files are in a folder at most; then all are written anew, as one.
GENERATIONS = 100
# Told how many rows there are before they take the place of others; raises what is wrong with that.
Check = Callable[[int], None]
# Drops what has the name of a relation and is not of this kind: 'TABLE' or 'VIEW'.
MakeRoom = Callable[[str], None]


class TableStore(Struct, frozen=True):
    """A table, whose rows can be changed where they lie."""

    engine: Engine
    table: exp.Table

    @property
    def earlier(self) -> Earlier:
        """The rows that an earlier build left."""
        return Earlier(self.table, ROWID, grows=True, shrinks=True)

    def write(self, made: Rows, check: Check, make_room: MakeRoom) -> int:
        """Let these be the rows, of which the query is used up. Gives how many there are; where anything is raised, all
        is as it was."""
        with self.engine.transaction():
            make_room("TABLE")
            if made.instead is not None:
                self.engine.write(exp.Delete(this=self.table, where=exp.Where(this=made.instead)).sql("duckdb"))
                self.engine.write(exp.Insert(this=self.table, expression=made.query).sql("duckdb", copy=False))
                rows = self.engine.count(self.table)
            else:
                create = exp.Create(this=self.table, kind="TABLE", replace=True, expression=made.query)
                rows = self.engine.write(create.sql("duckdb", copy=False))
            check(rows)
        return rows


class FileStore(Struct, frozen=True):
    """A Parquet file, which is written whole, or a folder of them, to which files may come: one generation after the
    other. `columns` have the types that the engine computes, of which Parquet does not know all."""

    engine: Engine
    model: Model
    project: Project
    columns: Sequence[Column]

    @property
    def publish(self) -> Publish:
        """Where they lie."""
        assert self.model.config.publish is not None
        return self.model.config.publish

    @property
    def generation(self) -> int:
        """The number of the last generation of files; that of so many that no other may come, where it is not known, or
        where they are parted in another way."""
        top = (self.project.root / self.publish.path).resolve()
        files = [each.relative_to(top) for each in top.rglob("*.parquet")] if self.publish.is_folder else []
        wanted = [name.casefold() for name in self.publish.partition_by]
        parted = ([unquote(part.partition("=")[0]).casefold() for part in each.parts[:-1]] for each in files)
        numbers = [each.name[:DIGITS] for each in files]
        known = all(each == wanted for each in parted) and all(map(str.isdecimal, numbers))
        return int(max(numbers)) if files and known else GENERATIONS

    @property
    def earlier(self) -> Earlier | None:
        """The rows that an earlier build left, numbered through all files; None where a column hides the numbers that
        the engine gives them."""
        held = self.engine.columns(exp.select("*").from_(self.reader()).sql("duckdb"))
        if {each.name.casefold() for each in held} & {*VIRTUAL, PLACE}:
            return None
        file = exp.cast(exp.column(VIRTUAL[0]), "BIGINT")
        place = exp.Add(
            this=exp.Mul(this=file, expression=exp.Literal.number(FILE_ROWS)), expression=exp.column(VIRTUAL[1])
        )
        rows = self.rows().select(exp.alias_(place, PLACE, quoted=True)).subquery()
        computed = {each.name: each.type for each in self.columns}
        rounded = frozenset(
            each.name.casefold() for each in held if not is_as_computed(each.type, computed.get(each.name, ""))
        )
        alike = [each.name for each in held] == [*computed] and not rounded
        grows = alike and self.generation < GENERATIONS
        return Earlier(rows, PLACE, grows=grows, shrinks=False, rounded=rounded)

    def write(self, made: Rows, check: Check, make_room: MakeRoom) -> int:
        """Let these be the rows, of which the query is used up. Gives how many there are; where anything is raised
        before they are in their place, all is as it was."""
        query, rows = exact(made.query.sql("duckdb", copy=False), self.columns), 0
        before = self.project.root / self.publish.path
        generation = self.generation + 1 if made.instead is not None else 0

        def written(path: str) -> None:
            nonlocal rows
            rows = write_rows(self.engine, query, self.publish, path, generation)
            if generation:
                rows += self.engine.count(self.rows().subquery())
                share(before.resolve(), Path(path))
            check(rows)

        try:
            put(self.model, self.project, written)
        except EngineError as error:
            if too_large(error, self.columns) is None:
                raise
            raise unfit(self.model, self.publish.path, error, self.columns) from error
        with self.engine.transaction():
            make_room("VIEW")
            view = table_of(self.project, self.model.name)
            self.engine.create_as("OR REPLACE VIEW", view, self.rows().sql("duckdb"))
        return rows

    def rows(self) -> exp.Select:
        """A query of what lies there, in the order and of the types that it was computed with."""
        reader = self.reader()
        held = self.engine.columns(exp.select("*").from_(reader).sql("duckdb"))
        computed = {each.name: (place, each.type) for place, each in enumerate(self.columns)}
        last = (len(computed), None)
        ordered = sorted(held, key=lambda each: computed.get(each.name, last)[0])
        return exp.select(*(restored(each, computed.get(each.name, last)[1]) for each in ordered)).from_(reader)

    def reader(self) -> exp.Table:
        """The files as a relation, by their full path, in which nothing is a pattern."""
        path = (self.project.root / self.publish.path).absolute().as_posix()
        path = re.sub(GLOB, lambda mark: f"[{mark[0]}]", path) + ("/**/*.parquet" if self.publish.is_folder else "")
        plain = exp.EQ(this=exp.to_identifier("hive_partitioning"), expression=exp.false())
        return exp.Table(this=exp.Anonymous(this="read_parquet", expressions=[exp.Literal.string(path), plain]))


def restored(held: Column, wanted: str | None) -> exp.Expr:
    """A column as it lies there, of the type that is wanted, if any is and it was not rounded."""
    value = column(held.name)
    if wanted is None or wanted == held.type or not is_as_computed(held.type, wanted):
        return value
    return exp.alias_(exp.cast(value, exp.DataType.build(wanted, dialect="duckdb")), held.name, quoted=True)


def share(old: Path, new: Path) -> None:
    """Let the files of a folder lie in another one, too: by a second name of each, where there can be one."""
    for path in old.rglob("*.parquet"):
        other = new / path.relative_to(old)
        other.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, other)
        except OSError:
            shutil.copy2(path, other)
