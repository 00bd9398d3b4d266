"""SQLite through Python's own driver: what its loosely typed values are in Arrow."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from sqlglot import exp

from featsql.sources.databases.database import DatabaseError, TableStream

if TYPE_CHECKING:
    import pyarrow

BATCH = 20_000
INSTANT = re.compile(r"\b(DATE|DATETIME|TIMESTAMP|TIMESTAMPTZ)\b", re.IGNORECASE)
# How texts end that tell their zone: 10:00Z, 10:00+02, 10:00+0200, 10:00+02:00, 10:00 UTC.
ZONES = ("*:*[Zz]", "*:*[+-][0-9][0-9]", "*:*[+-][0-9][0-9][0-9][0-9]", "*:*[+-][0-9][0-9]:[0-9][0-9]", "*:* [A-Za-z]*")
# SQLite's rules of affinity, in its order, with the type of a column that holds no value.
AFFINITIES = (
    ("INT", "BIGINT"),
    ("CHAR", "VARCHAR"),
    ("CLOB", "VARCHAR"),
    ("TEXT", "VARCHAR"),
    ("BLOB", "BLOB"),
    ("BOOL", "BOOLEAN"),
    ("REAL", "DOUBLE"),
    ("FLOA", "DOUBLE"),
    ("DOUB", "DOUBLE"),
    ("DEC", "DOUBLE"),
    ("NUM", "DOUBLE"),
)


class Held(Struct, frozen=True):
    """What a column holds: storage classes other than null, the longest text, texts with and without a zone."""

    classes: frozenset[str]
    longest: int
    zoned: int
    naive: int


class SQLite:
    """A SQLite file, opened for reading only unless its writer's journal needs more."""

    default_schema = "main"

    def __init__(self, path: Path, read_only: bool) -> None:
        mode = "ro" if read_only else "rw"
        try:
            self.connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
            )
            self.connection.execute("BEGIN")
            self.tables()
        except sqlite3.Error as error:
            raise DatabaseError(str(error), "is it an SQLite database that may be read?") from error

    def tables(self) -> dict[str, tuple[str, ...]]:
        """The names of tables and views of the file."""
        kind = exp.column("type").isin("table", "view")
        query = exp.select("name").from_("sqlite_master").where(kind).order_by("name")
        return {"main": tuple(row[0] for row in self.connection.execute(query.sql("sqlite")))}

    @contextmanager
    def stream(self, schema: str, name: str) -> Iterator[TableStream]:
        """A table or view, each column with the one type that all of its values have."""
        import pyarrow

        table = exp.table_(exp.to_identifier(name, quoted=True), db=exp.to_identifier(schema, quoted=True))
        try:
            declared = self.declared(table)
            held = self.held(table, declared)
            types = {column: type_of(column, kind, held[column]) for column, kind in declared.items()}
            columns = [exp.column(column, quoted=True) for column in declared]
            rows = self.connection.execute(exp.select(*columns).from_(table).sql("sqlite"))
        except sqlite3.Error as error:
            raise DatabaseError(str(error)) from error
        fields = [pyarrow.field(column, arrow_type(kind, held[column])) for column, kind in types.items()]
        arrow = pyarrow.schema(fields)
        yield TableStream(pyarrow.RecordBatchReader.from_batches(arrow, batches(rows, arrow)), types)

    def declared(self, table: exp.Table) -> dict[str, str]:
        """The declared type of every column; '' where a view computes it."""
        info = exp.Anonymous(
            this="pragma_table_xinfo", expressions=[exp.Literal.string(table.name), exp.Literal.string(table.db)]
        )
        visible = exp.column("hidden").neq(1)
        query = exp.select("name", "type").from_(exp.Table(this=info)).where(visible)
        return {name: kind or "" for name, kind in self.connection.execute(query.sql("sqlite"))}

    def held(self, table: exp.Table, declared: dict[str, str]) -> dict[str, Held]:
        """What every column holds, in one scan of the table."""
        asked = [question for column in declared for question in questions(column)]
        row = self.connection.execute(exp.select(*asked).from_(table).sql("sqlite")).fetchone()
        found: dict[str, Held] = {}
        for index, column in enumerate(declared):
            classes, longest, zoned, texts = row[index * 4 : index * 4 + 4]
            kinds = frozenset((classes or "").split(",")) - {"null", ""}
            found[column] = Held(kinds, longest or 0, zoned or 0, (texts or 0) - (zoned or 0))
        return found

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


def questions(name: str) -> list[exp.Expr]:
    """What is asked of one column: its storage classes, its longest text, its zoned texts, all of its texts."""
    column = exp.column(name, quoted=True)
    kind = exp.Anonymous(this="typeof", expressions=[column])
    text = exp.EQ(this=kind, expression=exp.Literal.string("text"))
    zoned = exp.or_(*(exp.Glob(this=column.copy(), expression=exp.Literal.string(zone)) for zone in ZONES))
    return [
        exp.Anonymous(this="group_concat", expressions=[exp.Distinct(expressions=[kind.copy()])]),
        exp.Max(this=exp.Case().when(text, exp.Length(this=column.copy()))),
        exp.Sum(this=exp.and_(text.copy(), zoned)),
        exp.Sum(this=text.copy()),
    ]


def type_of(name: str, declared: str, held: Held) -> str:
    """The DuckDB type of a column: by what it holds, and by its declared type where that leaves a choice.

    A column declared as a date or a timestamp is one where it holds text; numbers in it stay the
    numbers that they are, since nothing says which epoch and unit they count.
    """
    of_empty = next((kind for mark, kind in AFFINITIES if mark in declared.upper()), "VARCHAR")
    if INSTANT.search(declared) and held.classes <= {"text"}:
        return instant_type(name, declared, held)
    if held.classes <= {"integer", "real"}:
        return number_type(of_empty, held)
    if len(held.classes) > 1:
        kinds = " and ".join(sorted(held.classes))
        hint = "SQLite lets every value have a type of its own: cast the column in a view of that database"
        raise DatabaseError(f"column `{name}` (declared {declared or 'without a type'}) holds {kinds}", hint)
    if held.classes == {"blob"}:
        return "BLOB"
    return "BOOLEAN" if of_empty == "BOOLEAN" else "VARCHAR"


def number_type(of_empty: str, held: Held) -> str:
    """The type of a column that holds numbers only, or nothing."""
    if not held.classes:
        return of_empty
    if "real" in held.classes or of_empty == "DOUBLE":
        return "DOUBLE"
    return "BOOLEAN" if of_empty == "BOOLEAN" else "BIGINT"


def instant_type(name: str, declared: str, held: Held) -> str:
    """The type of a column of instants that are written as text, or of none at all."""
    if held.zoned and held.naive:
        raise DatabaseError(f"column `{name}` holds instants with and without a time zone", "write all of them one way")
    zoned = "TZ" in declared.upper() or "WITH TIME ZONE" in declared.upper()
    if held.zoned or zoned:
        return "TIMESTAMP WITH TIME ZONE"
    only_days = declared.upper() == "DATE" and held.longest <= len("2024-12-31")
    return "DATE" if only_days else "TIMESTAMP"


def arrow_type(kind: str, held: Held) -> pyarrow.DataType:
    """The Arrow type in which a column travels: SQLite's own, before DuckDB casts it."""
    import pyarrow

    if held.classes == {"text"}:
        return pyarrow.string()
    travels = {"BIGINT": pyarrow.int64(), "BOOLEAN": pyarrow.int64(), "DOUBLE": pyarrow.float64()}
    return travels.get(kind, pyarrow.binary() if kind == "BLOB" else pyarrow.string())


def batches(rows: sqlite3.Cursor, schema: pyarrow.Schema) -> Iterator[pyarrow.RecordBatch]:
    """The rows of a cursor, some thousands at a time."""
    import pyarrow

    while chunk := rows.fetchmany(BATCH):
        arrays = [
            pyarrow.array(numbers(column) if pyarrow.types.is_float64(each.type) else column, each.type)
            for column, each in zip(zip(*chunk, strict=True), schema, strict=True)
        ]
        yield pyarrow.RecordBatch.from_arrays(arrays, schema=schema)


def numbers(column: tuple[Any, ...]) -> list[float | None]:
    """A column that mixes integers and reals, as reals."""
    return [None if value is None else float(value) for value in column]
