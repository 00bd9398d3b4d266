"""Where the rows of a training set lie: in a table of the target, or in what it publishes, with a view of that."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from featsql.engine import Column, Engine
from featsql.plan.names import PLACE
from featsql.read.model import Model
from featsql.read.project import Project, Publish
from featsql.resolve.nearby import GLOB
from featsql.run.extend import ROWID, Earlier
from featsql.run.publish import DIGITS, put, write_rows
from featsql.run.target import table_of
from featsql.run.training import Rows
from featsql.temporal import column

# So many rows no file has.
FILE_ROWS = 2**40
# So many generations of files are in a folder at most; then all are written anew, as one.
GENERATIONS = 100
# Told how many rows there are before they take the place of others; raises what is wrong with that.
Check = Callable[[int], None]
# Drops what has the name of a relation and is not of this kind: 'TABLE' or 'VIEW'.
MakeRoom = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TableStore:
    """A table, whose rows can be changed where they lie."""

    engine: Engine
    table: exp.Table

    @property
    def earlier(self) -> Earlier:
        """The rows that an earlier build left."""
        return Earlier(self.table, ROWID, grows=True, shrinks=True)

    def write(self, made: Rows, check: Check, make_room: MakeRoom) -> int:
        """Let these be the rows. Gives how many there are; where anything is raised, all is as it was."""
        with self.engine.transaction():
            make_room("TABLE")
            if made.instead is not None:
                self.engine.write(exp.Delete(this=self.table, where=exp.Where(this=made.instead)).sql("duckdb"))
                self.engine.write(exp.Insert(this=self.table, expression=made.query).sql("duckdb"))
                rows = self.engine.count(self.table)
            else:
                create = exp.Create(this=self.table, kind="TABLE", replace=True, expression=made.query)
                rows = self.engine.write(create.sql("duckdb"))
            check(rows)
        return rows


@dataclass(frozen=True, slots=True)
class FileStore:
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
        """The number of the last generation of files; that of so many that no other may come, where it is not known."""
        path = self.project.root / self.publish.path
        numbers = [each.name[:DIGITS] for each in path.resolve().rglob("*.parquet")] if self.publish.is_folder else []
        return int(max(numbers)) if numbers and all(map(str.isdecimal, numbers)) else GENERATIONS

    @property
    def earlier(self) -> Earlier:
        """The rows that an earlier build left, numbered through all files."""
        file = exp.cast(exp.column("file_index"), "BIGINT")
        place = exp.Add(
            this=exp.Mul(this=file, expression=exp.Literal.number(FILE_ROWS)), expression=exp.column("file_row_number")
        )
        rows = self.rows().select(exp.alias_(place, PLACE, quoted=True)).subquery()
        return Earlier(rows, PLACE, grows=self.generation < GENERATIONS, shrinks=False)

    def write(self, made: Rows, check: Check, make_room: MakeRoom) -> int:
        """Let these be the rows. Gives how many there are; where anything is raised before they are in their place, all
        is as it was."""
        query, rows, before = made.query.sql("duckdb"), 0, self.project.root / self.publish.path
        generation = self.generation + 1 if made.instead is not None else 0

        def written(path: str) -> None:
            nonlocal rows
            rows = write_rows(self.engine, query, self.publish, path, generation)
            if generation:
                rows += self.engine.count(self.rows().subquery())
                share(before.resolve(), Path(path))
            check(rows)

        put(self.model, self.project, written)
        with self.engine.transaction():
            make_room("VIEW")
            view = table_of(self.project, self.model.name)
            self.engine.create_as("OR REPLACE VIEW", view, self.rows().sql("duckdb"))
        return rows

    def rows(self) -> exp.Select:
        """A query of what lies there, of the types that it was computed with."""
        reader = self.reader()
        held = self.engine.columns(exp.select("*").from_(reader).sql("duckdb"))
        computed = {each.name: each.type for each in self.columns}
        return exp.select(*(restored(each, computed.get(each.name)) for each in held)).from_(reader)

    def reader(self) -> exp.Table:
        """The files as a relation, by their full path, in which nothing is a pattern."""
        path = (self.project.root / self.publish.path).absolute().as_posix()
        path = re.sub(GLOB, lambda mark: f"[{mark[0]}]", path) + ("/**/*.parquet" if self.publish.is_folder else "")
        plain = exp.EQ(this=exp.to_identifier("hive_partitioning"), expression=exp.false())
        return exp.Table(this=exp.Anonymous(this="read_parquet", expressions=[exp.Literal.string(path), plain]))


def restored(held: Column, wanted: str | None) -> exp.Expr:
    """A column as it lies there, of the type that is wanted, if any is."""
    value = column(held.name)
    if wanted in {held.type, None}:
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
