"""Postgres through ADBC: types that Arrow would bend travel as text and are cast by DuckDB."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from sqlglot import exp

from featsql.sources.databases.database import DatabaseError, TableStream

DRIVER = "adbc_driver_postgresql.dbapi"
MISSING = "install the driver: pip install 'featsql[postgres]'"
# What travels as Arrow's own; instants do not, since 'infinity' would overflow to some year in silence.
AS_IT_IS = frozenset(
    f"{array}{name}"
    for array in ("", "_")
    for name in ("bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "bpchar", "name", "bytea")
) | {"time", "interval"}
CAST_TO = {
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "uuid": "UUID",
    "json": "JSON",
    "jsonb": "JSON",
}


class Postgres:
    """A connection to a Postgres server, in one read-only snapshot."""

    default_schema = "public"

    def __init__(self, connection_string: str) -> None:
        try:
            driver = import_module(DRIVER)
        except ImportError as error:
            raise DatabaseError("reading Postgres needs a driver that is not installed", MISSING) from error
        self.error: type[Exception] = driver.Error
        try:
            self.connection = driver.connect(connection_string)
            self.begin()
        except self.error as error:
            raise DatabaseError(first_line(error), "look at its connection string") from None

    def begin(self) -> None:
        """Begin to see the database as it is now."""
        self.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        self.run("SET LOCAL TIME ZONE 'UTC'")
        self.run("SET LOCAL datestyle = 'ISO'")

    def run(self, sql: str) -> None:
        """Run a statement that gives no rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql)

    def rows(self, query: exp.Query) -> list[tuple[Any, ...]]:
        """The rows of a query of the server's catalog."""
        with self.connection.cursor() as cursor:
            cursor.execute(query.sql("postgres"))
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found

    def tables(self) -> dict[str, tuple[str, ...]]:
        """The names of tables and views that may be read, by schema."""
        own = exp.column("nspname", "n").isin("pg_catalog", "information_schema").not_()
        query = relations().select("n.nspname", "c.relname").where(own).order_by("n.nspname", "c.relname")
        found: dict[str, list[str]] = {}
        for schema, name in self.rows(query):
            found.setdefault(schema, []).append(name)
        return {schema: tuple(names) for schema, names in found.items()}

    @contextmanager
    def stream(self, schema: str, name: str) -> Iterator[TableStream]:
        """A table or view, with every value as exact as it is there."""
        with self.connection.cursor() as cursor:
            try:
                kinds = self.kinds(schema, name)
                columns = [travelling(column, kind) for column, (kind, _) in kinds.items()]
                table = exp.table_(exp.to_identifier(name, quoted=True), db=exp.to_identifier(schema, quoted=True))
                cursor.execute(exp.select(*columns).from_(table).sql("postgres"))
                reader = cursor.fetch_record_batch()
            except self.error as error:
                self.connection.rollback()
                self.begin()
                raise DatabaseError(first_line(error)) from None
            types = {column: duckdb_type(*kind) for column, kind in kinds.items() if kind[0] not in AS_IT_IS}
            yield TableStream(reader, types)

    def kinds(self, schema: str, name: str) -> dict[str, tuple[str, str]]:
        """For every column of a table, the name of its type and the type as it is written."""
        written = exp.Anonymous(
            this="format_type", expressions=[exp.column("atttypid", "a"), exp.column("atttypmod", "a")]
        )
        query = (
            relations()
            .select("a.attname", "t.typname", written)
            .join("pg_catalog.pg_attribute AS a", on="a.attrelid = c.oid")
            .join("pg_catalog.pg_type AS t", on="t.oid = a.atttypid")
            .where("a.attnum > 0", "NOT a.attisdropped")
            .where(exp.column("nspname", "n").eq(schema), exp.column("relname", "c").eq(name))
            .order_by("a.attnum")
        )
        return {column: (kind, text) for column, kind, text in self.rows(query)}

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def relations() -> exp.Select:
    """Every table, partitioned table, view, materialized view and foreign table, as `c` in schema `n`."""
    kinds = exp.column("relkind", "c").isin("r", "p", "v", "m", "f")
    catalog = exp.Select().from_("pg_catalog.pg_class AS c")
    return catalog.join("pg_catalog.pg_namespace AS n", on="n.oid = c.relnamespace").where(kinds)


def travelling(name: str, kind: str) -> exp.Expr:
    """A column as it is asked for."""
    column = exp.column(name, quoted=True)
    return column if kind in AS_IT_IS else exp.cast(column, "text").as_(name, quoted=True)


def duckdb_type(kind: str, written: str) -> str:
    """The DuckDB type of a column that travels as text: numeric with its digits where DuckDB has as many."""
    if kind == "numeric":
        digits = re.fullmatch(r"numeric\((\d+),(\d+)\)", written)
        fits = digits is not None and int(digits[2]) <= int(digits[1]) <= 38
        return f"DECIMAL({digits[1]}, {digits[2]})" if digits is not None and fits else "DOUBLE"
    return CAST_TO.get(kind, "VARCHAR")


def first_line(error: Exception) -> str:
    """What the server says, without its echo of the query."""
    return str(error).strip().partition("\n")[0].removeprefix("IO: [libpq] ")
