"""What an attached database is asked for: the batches of one table and the types that DuckDB is to cast them to."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    import pyarrow


class TableStream(Struct, frozen=True):
    """A table on its way: a stream that can be read once, and DuckDB types by column where they differ."""

    reader: pyarrow.RecordBatchReader
    types: Mapping[str, str] = {}


class DatabaseError(Exception):
    """Why a database or a table of it cannot be had, and what would help."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Database(Protocol):
    """One connection, in one read-only transaction: all of its tables are of the same instant."""

    default_schema: str

    def tables(self) -> dict[str, tuple[str, ...]]:
        """The names of tables and views by schema."""

    def stream(self, schema: str, name: str) -> AbstractContextManager[TableStream]:
        """A table or view, to be read once while the context lasts. Raises DatabaseError."""

    def close(self) -> None:
        """Let go of the database."""
