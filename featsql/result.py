"""What a query gives in Python: lazily, as the engine's own relation, or as a frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from featsql.build.failure import explained
from featsql.build.training_set.training import answered, decided
from featsql.compiler import Compiled
from featsql.engine import Column, Engine
from featsql.engines.duckdb.columnar.temporaries import Temporaries
from featsql.engines.duckdb.lower.lower import lower
from featsql.engines.duckdb.narrow import fitted
from featsql.errors import Diagnostic, FeatsqlError
from featsql.plan.plan import Plan

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow

T = TypeVar("T")


class Result:
    """A query and the session that it runs in. Nothing is computed before a method asks for rows, and
    each asks anew; instants are UTC. What the engine refuses then is raised as FeatsqlError."""

    def __init__(
        self,
        asked: str | Plan,
        engine: Engine,
        compiled: Compiled,
        refused: Callable[[Engine], Diagnostic | None] = lambda _: None,
    ) -> None:
        """`refused` says why there are no rows to be given, before any is."""
        self.asked = asked
        self.engine = engine
        self.compiled = compiled
        self.refused = refused

    @cached_property
    def sql(self) -> str:
        """The query as text, which stands for itself wherever it is run in this session."""
        if isinstance(self.asked, str):
            return self.asked
        with explained(self.compiled, self.engine):
            return lower(fitted(self.asked, self.engine.rows)).sql("duckdb")

    @property
    def relation(self) -> duckdb.DuckDBPyRelation:
        """The query as a DuckDB relation, to be filtered or joined further."""
        self.refuse()
        with explained(self.compiled, self.engine):
            return self.engine.relation(self.sql)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Names and types of the columns, without running the query."""
        with explained(self.compiled, self.engine):
            return self.engine.columns(self.asked if isinstance(self.asked, str) else lower(self.asked).sql("duckdb"))

    def refuse(self) -> None:
        """Raise what speaks against giving rows, if anything does."""
        with explained(self.compiled, self.engine):
            found = self.refused(self.engine)
        if found is not None:
            raise FeatsqlError(found)

    def read(self, ask: Callable[[str], T]) -> T:
        """What is read of the query of all rows, a plan's by the ways of a build."""

        def planned(plan: Plan) -> T:
            with Temporaries(self.engine) as temporaries:
                return ask(lower(decided(plan, temporaries)).sql("duckdb"))

        self.refuse()
        with explained(self.compiled, self.engine):
            return ask(self.asked) if isinstance(self.asked, str) else answered(self.asked, planned)

    def to_arrow(self) -> pyarrow.Table:
        """All rows as an Arrow table."""
        return self.read(self.engine.arrow)

    def to_polars(self) -> polars.DataFrame:
        """All rows as a Polars frame, over Arrow's buffers where the types allow. Raises FeatsqlError FS728 for types
        that Polars does not have."""
        import polars

        rows = self.to_arrow()
        try:
            frame = polars.from_arrow(rows)
        except polars.exceptions.PolarsError as error:
            spans = [column.name for column in self.columns if "INTERVAL" in column.type]
            which = f"column{'s' * (len(spans) > 1)} `{'`, `'.join(spans)}`" if spans else "these rows"
            hint = "take a number of it, as by `epoch(...)`, or ask for `to_arrow()`"
            raise FeatsqlError(Diagnostic("FS728", f"Polars cannot hold {which}: {error}", hint=hint)) from error
        assert isinstance(frame, polars.DataFrame)
        return frame

    def to_pandas(self) -> pandas.DataFrame:
        """All rows as a pandas frame. Needs pandas, which is not a dependency of featsql."""
        return self.read(self.engine.pandas)

    def rows(self, limit: int | None = None) -> list[tuple[Any, ...]]:
        """Rows as tuples of Python values, at most `limit` of them."""
        if limit is not None:
            self.refuse()
            with explained(self.compiled, self.engine):
                return self.engine.rows(self.sql, limit)
        return self.read(self.engine.rows)

    def __repr__(self) -> str:
        return f"Result({', '.join(column.name for column in self.columns)})"
