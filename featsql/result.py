"""What a query gives in Python: lazily, as the engine's own relation, or as a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featsql.compiler import Compiled
from featsql.engine import Column, Engine
from featsql.run.failure import explained

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow


class Result:
    """A query and the session that it runs in. Nothing is computed before a method asks for rows, and
    each asks anew; instants are UTC. What the engine refuses then is raised as FeatsqlError."""

    def __init__(self, sql: str, engine: Engine, compiled: Compiled) -> None:
        self.sql = sql
        self.engine = engine
        self.compiled = compiled

    @property
    def relation(self) -> duckdb.DuckDBPyRelation:
        """The query as a DuckDB relation, to be filtered or joined further."""
        return self.engine.relation(self.sql)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Names and types of the columns, without running the query."""
        return self.engine.columns(self.sql)

    def to_arrow(self) -> pyarrow.Table:
        """All rows as an Arrow table."""
        with explained(self.compiled):
            return self.engine.arrow(self.sql)

    def to_polars(self) -> polars.DataFrame:
        """All rows as a Polars frame, over Arrow's buffers where the types allow."""
        import polars

        frame = polars.from_arrow(self.to_arrow())
        assert isinstance(frame, polars.DataFrame)
        return frame

    def to_pandas(self) -> pandas.DataFrame:
        """All rows as a pandas frame. Needs pandas, which is not a dependency of featsql."""
        with explained(self.compiled):
            return self.engine.pandas(self.sql)

    def rows(self, limit: int | None = None) -> list[tuple[Any, ...]]:
        """Rows as tuples of Python values, at most `limit` of them."""
        with explained(self.compiled):
            return self.engine.rows(self.sql, limit)

    def __repr__(self) -> str:
        return f"Result({', '.join(column.name for column in self.columns)})"
