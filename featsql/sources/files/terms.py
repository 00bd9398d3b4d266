"""What those who look at files have in common: options by their names, files for people, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlglot import exp

from featsql.engine import DUCKDB, Column, Engine
from featsql.errors import Diagnostic, FeatsqlError, Place
from featsql.read.project import Source

# Options of DuckDB's readers that have several names.
OTHER_NAMES: Mapping[str, str] = {
    "sep": "delim",
    "delimiter": "delim",
    "separator": "delim",
    "dtypes": "types",
    "column_types": "types",
    "date_format": "dateformat",
    "timestamp_format": "timestampformat",
    "null": "nullstr",
    "column_names": "names",
}


class Declared(Struct, frozen=True):
    """The type that a column is declared to have, as the engine spells it, and where."""

    type: str
    place: Place | None


def options_of(source: Source) -> dict[str, Any]:
    """A source's options by the first name of each."""
    names = {name: str(name).casefold() for name in source.options}
    return {OTHER_NAMES.get(names[name], names[name]): value for name, value in source.options.items()}


def raw_columns(engine: Engine, query: exp.Query) -> tuple[Column, ...]:
    """The columns of a query, of which some may have no type at all."""
    rows = engine.rows(exp.Describe(this=query).sql(DUCKDB))
    return tuple(Column(str(name), str(kind)) for name, kind, *_ in rows)


def shown(file: str, root: Path) -> str:
    """A file as the project knows it."""
    path, base = Path(file), root.absolute()
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else file


def refusal(code: str, source: Source, message: str, hint: str | None, place: Place | None = None) -> FeatsqlError:
    """One thing that is wrong with the rows of a source."""
    return FeatsqlError(Diagnostic(code, f"the {source.title} cannot be read: {message}", place or source.place, hint))
