"""The one place that knows DuckDB: opening, asking, and what its errors say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
from msgspec import Struct
from sqlglot import Dialect, exp

from featsql.refusal import EngineError as EngineError
from featsql.refusal import explain, letters

if TYPE_CHECKING:
    import pandas
    import pyarrow

VERSION = duckdb.__version__
DUCKDB = Dialect.get_or_raise("duckdb")  # made once: a name makes a dialect each time it is looked up
SESSION = {"TimeZone": "UTC", "streaming_buffer_size": "64MB", "enable_progress_bar": False}  # less: streams wait
IDLE: dict[str, Any] = {} if VERSION.startswith("1.") else {"async_threads": "0"}  # which only wait for files
# Others write Parquet files whose bounds leave NaN out, which it believes from version 2 on, unless it is told.
WARY: dict[str, Any] = {} if VERSION.startswith("1.") else {"parquet_can_have_nan": True}
OWN: Mapping[str, Any] = WARY | {"autoinstall_known_extensions": False, "python_enable_replacements": False}
ROW_GROUP = 122_880  # rows that it stores together; those that come in other numbers it writes twice
UNTYPED: Mapping[str, str] = {'"NULL"': "INTEGER", "NULL": "INTEGER"}  # of a column whose only value is NULL
FEW = 16  # statements
RESTING: Mapping[str, int] = {"threads": 1, "async_threads": 0}  # it has no threads then but those that call it
PARSED = '{"error":false,'  # how the JSON of a statement begins that could be parsed
LEADING = re.compile(r"^(\s+|--[^\n]*(\n|$)|/\*.*?\*/)*", re.DOTALL)


class Column(Struct, frozen=True):
    """A column's name and its type as DuckDB spells it."""

    name: str
    type: str


class Engine:
    """One connection. Every statement is read to its end; a stream has a cursor of its own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection | Callable[[], Engine]) -> None:
        self.given = connection
        self.frames: dict[str, Any] = {}
        self.loaded: set[str] = set()
        self.parsed: dict[str, list[duckdb.Statement]] = {}

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """DuckDB's own; where a way to open it was given, it is opened when it is first needed."""
        if callable(self.given):
            opened = self.given()
            self.given, self.loaded = opened.connection, opened.loaded
        return self.given

    @property
    def extensions(self) -> frozenset[str]:
        """The extensions that were loaded; what has not been opened is opened for it."""
        _ = self.connection
        return frozenset(self.loaded)

    @classmethod
    def memory(cls, settings: Mapping[str, Any] | None = None) -> Engine:
        """A new in-memory database in UTC, that downloads no code and takes no variable of Python's for a table."""
        given = {**OWN, **(settings or {})}
        few = {name: str(given.pop(name)) for name in RESTING if name in given}  # told later, it has begun more
        with translated(""):
            engine = cls(duckdb.connect(":memory:", config=IDLE | few if few else {}))
        for scope, values in (("GLOBAL", given), ("", SESSION)):
            for name, value in values.items():
                engine.set(name, value, scope)
        return engine

    def set(self, name: str, value: Any, scope: str = "") -> None:
        """Change a setting of the session, or of all sessions to come (`GLOBAL`)."""
        bare = isinstance(value, (bool, int, float))
        literal = str(value).lower() if bare else "'" + str(value).replace("'", "''") + "'"
        self.execute(f"SET {scope} {name} = {literal}")

    def cursor(self) -> Engine:
        """Another connection to the same database, for a stream of its own."""
        engine = Engine(self.connection.cursor())
        engine.loaded = self.loaded
        for name, value in SESSION.items():
            engine.set(name, value)
        for name, frame in self.frames.items():
            engine.register(name, frame)
        return engine

    def execute(self, sql: str) -> None:
        """Run a statement to its end."""
        with translated(sql):
            self.connection.execute(sql).fetchall()

    def write(self, sql: str) -> int:
        """Run a statement to its end. Gives how many rows it wrote: none, where it writes no table."""
        with translated(sql):
            found = self.connection.execute(sql).fetchall()
        return int(found[0][0]) if found else 0

    def count(self, table: exp.Expr) -> int:
        """The number of a relation's rows."""
        return int(self.rows(exp.select("count(*)").from_(table.copy(), copy=False).sql(DUCKDB))[0][0])

    def rows(self, sql: str, limit: int | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query, or the first `limit` of them."""
        with translated(sql):
            result = self.connection.execute(sql)
            return result.fetchall() if limit is None else result.fetchmany(limit)

    def arrow(self, sql: str, *, lossless: bool = False) -> pyarrow.Table:
        """All rows of a query as an Arrow table. `lossless` has values of types that Arrow does not have come back as
        they were, where they could go at all, but for enumerations, which become texts."""
        with translated(sql), self.setting({"arrow_lossless_conversion": True} if lossless else {}):
            return self.connection.sql(sql).to_arrow_table()

    def batches(self, sql: str, rows: int) -> pyarrow.RecordBatchReader:
        """The rows of a query as they come, so many at once; nothing else may be asked of the session meanwhile."""
        with translated(sql):
            return self.connection.sql(sql).to_arrow_reader(rows)

    def pandas(self, sql: str) -> pandas.DataFrame:
        """All rows of a query as a pandas frame."""
        with translated(sql):
            return self.connection.execute(sql).df()

    def relation(self, sql: str) -> duckdb.DuckDBPyRelation:
        """A query as DuckDB's own lazy relation."""
        with translated(sql):
            return self.connection.sql(sql)

    def columns(self, sql: str) -> tuple[Column, ...]:
        """The columns of a query, bound but not run."""
        try:
            read = self.statements(sql)
            relation = self.connection.sql(read[0] if len(read) == 1 else sql)
        except duckdb.Error:
            self.fail(sql)
            raise
        kinds = (UNTYPED.get(str(kind), str(kind)) for kind in relation.types)
        return tuple(Column(name, kind) for name, kind in zip(relation.columns, kinds, strict=True))

    def fail(self, sql: str) -> None:
        """Run a query that does not bind, which tells where in it the trouble is, counted from its first token."""
        start = len(sql) - len(LEADING.sub("", sql, count=1))
        try:
            self.execute(sql[start:])
        except EngineError as error:
            offset = None if error.offset is None else error.offset + start
            raise EngineError(error.message, offset, error.kind) from error

    def syntax_error(self, sql: str) -> tuple[str, int] | None:
        """What DuckDB's parser says against `sql`, and at which offset; None when it parses."""
        try:
            self.statements(sql)
        except duckdb.Error as error:
            failure = explain(str(error), sql)
            ended = len(sql.rstrip()) if "end of input" in failure.message else 0  # of which DuckDB 1.5 shows no place
            placed = None if sql.isascii() else self.syntax_error(letters(sql))
            offset = placed[1] if placed else failure.offset
            return failure.message, ended if offset is None else offset
        return None

    def statements(self, sql: str) -> list[duckdb.Statement]:
        """The statements of a text as DuckDB's parser has read them; the last few are kept, to be bound next."""
        if sql not in self.parsed:
            fresh = self.connection.extract_statements(sql)
            self.parsed = {**dict([*self.parsed.items()][1 - FEW :]), sql: fresh}
        return self.parsed[sql]

    def words(self, sql: str) -> list[tuple[int, str]]:
        """Where each word and comment of a text begins, in bytes, and of what kind it is."""
        return [(start, kind.name) for start, kind in duckdb.tokenize(sql)]

    def statement(self, sql: str, *, bound: bool = False) -> str:
        """A SELECT as DuckDB's parser understands it, or as it is `bound`, before it is optimized, as JSON. Raises
        EngineError for any other statement."""
        call = "json_serialize_plan(?, optimize := false)" if bound else "json_serialize_sql(?)"
        with translated(sql):
            ((text,),) = self.connection.execute(f"SELECT {call}", [sql]).fetchall()
        if not text.startswith(PARSED):
            parsed = json.loads(text)
            raise EngineError(parsed["error_message"], None, parsed["error_type"])
        return str(text)

    def load_extension(self, name: str) -> None:
        """Load an extension that is installed already; nothing is ever downloaded."""
        with translated(name):
            self.connection.load_extension(name)
        self.loaded.add(name)

    def register(self, name: str, frame: Any) -> None:
        """Let a Polars, Arrow or pandas frame be read, uncopied, as `temp.main.<name>`, by cursors to come, too."""
        with translated(name):
            try:
                self.connection.register(name, frame)
            except TypeError as error:
                raise EngineError(f"not a frame: {type(frame).__name__}", None, "TypeError") from error
        self.frames[name] = frame

    def unregister(self, name: str) -> None:
        """Forget a frame."""
        with translated(name):
            self.connection.unregister(name)
        self.frames.pop(name, None)

    def ingest(self, table: exp.Table, reader: pyarrow.RecordBatchReader, types: Mapping[str, str]) -> None:
        """Create a table of a stream of Arrow batches, with the columns in `types` cast to theirs."""
        columns = [exp.column(name, quoted=True) for name in reader.schema.names]
        cast = [
            exp.cast(column, types[column.name], dialect="duckdb").as_(column.name, quoted=True)
            if column.name in types
            else column
            for column in columns
        ]
        query = exp.select(*cast).from_(exp.table_("ingested", db="main", catalog="temp"))
        with translated(table.name):
            self.connection.register("ingested", reader)
            try:
                self.create_as(f"OR REPLACE {'TEMP ' * (table.catalog == 'temp')}TABLE", table, query.sql("duckdb"))
            finally:
                self.connection.unregister("ingested")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements inside take effect together, or none does."""
        self.execute("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def create_as(self, kind: str, table: exp.Table, text: str) -> int:
        """Create a table or a view over a query that is run as its author wrote it. Gives the rows of a table."""
        try:
            return self.write(f"CREATE {kind} {table.sql(DUCKDB)} AS {text}")
        except EngineError as error:
            raise EngineError(error.message, None, error.kind) from error

    def create_empty(self, tables: Iterable[tuple[exp.Table, Iterable[Column]]]) -> None:
        """Create tables without rows, each in place of one that has its name: all at once, since to make a table takes
        less time than to come back to it."""
        made = (f"{table.sql(DUCKDB)} ({', '.join(map(definition, columns))})" for table, columns in tables)
        self.execute(";".join(f"CREATE OR REPLACE TABLE {each}" for each in made))

    def write_parquet(self, query: str, path: str, partition_by: tuple[str, ...] = (), name: str = "data") -> int:
        """Write a query's rows to a Parquet file, or to a folder partitioned by columns, whose files' names begin with
        a `name`. Gives how many they are."""
        options = "FORMAT parquet, WRITE_BLOOM_FILTER false"  # who reads all rows looks up none
        if partition_by:
            names = ", ".join(exp.to_identifier(each, quoted=True).sql(DUCKDB) for each in partition_by)
            options += f", PARTITION_BY ({names}), WRITE_PARTITION_COLUMNS true, FILENAME_PATTERN '{name}_{{i}}'"
        return self.write(f"COPY ({query}) TO {exp.Literal.string(path).sql(DUCKDB)} ({options})")

    @contextmanager
    def setting(self, values: Mapping[str, Any]) -> Iterator[None]:
        """Have these values of settings meanwhile, of those that there are."""
        before: dict[str, Any] = {}
        for name in values if not callable(self.given) else ():
            with suppress(EngineError):
                before[name] = self.rows(f"SELECT current_setting('{name}')")[0][0]
        try:
            for name in before:
                self.set(name, values[name])
            yield
        finally:
            for name, value in before.items():
                self.set(name, value)

    def interrupt(self) -> None:
        """Stop the statement that runs in this session, from another thread; it ends with an EngineError."""
        self.connection.interrupt()

    def close(self) -> None:
        """Release the database."""
        if not callable(self.given):
            self.given.close()


@cache
def definition(column: Column) -> str:
    """A column as a new table has it, of a type as DuckDB itself spells it."""
    return f"{exp.to_identifier(column.name, quoted=True).sql(DUCKDB)} {column.type}"


@contextmanager
def translated(sql: str) -> Iterator[None]:
    """Let DuckDB's errors pass as EngineError."""
    try:
        yield
    except duckdb.Error as error:
        raise explain(str(error), sql) from error
