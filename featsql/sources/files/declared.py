"""The types that columns of sources are declared to have, as the engine knows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from sqlglot import exp

from featsql.engine import DUCKDB, Column, Engine, EngineError
from featsql.errors import Diagnostic, raise_errors
from featsql.names import did_you_mean, nearest
from featsql.read.project import DeclaredType, Source
from featsql.resolve.catalog.fitting import listed
from featsql.sources.files.terms import Declared, options_of

NAME = "declared"
COMMON = ("bigint", "boolean", "date", "decimal", "double", "integer", "timestamp", "timestamptz", "uuid", "varchar")
USUAL = {"datetime": "timestamp", "int64": "bigint", "int32": "integer", "float64": "double", "float32": "float"}
USUAL |= {"number": "decimal(18, 2)", "timestamp_ntz": "timestamp", "timestamp_tz": "timestamptz", "str": "varchar"}


def declared(engine: Engine, source: Source) -> dict[str, Declared]:
    """The declared types by column: those of `columns:`, and those among the options. Raises FeatsqlError FS505 for
    what is no type."""
    return known(engine, source, (*optional(source), *source.types))


def by_place(engine: Engine, source: Source, names: Sequence[str]) -> dict[str, Declared]:
    """The types that the options of a CSV source give to columns by their places, by names in small letters. Raises
    FeatsqlError FS505 for what is no type."""
    given = options_of(source).get("types")
    pairs = zip(names, given, strict=False) if isinstance(given, list | tuple) else ()
    return known(engine, source, [DeclaredType(name.casefold(), str(kind), source.place) for name, kind in pairs])


def known(engine: Engine, source: Source, given: Iterable[DeclaredType]) -> dict[str, Declared]:
    """Types as the engine spells them. Raises FeatsqlError FS505 for what is none."""
    found: list[Diagnostic] = []
    types: dict[str, Declared] = {}
    for each in given:
        kind = canonical(engine, each.type)
        if kind is None:
            found.append(no_type(engine, source, each))
            continue
        types[each.column] = Declared(kind, each.place)
    raise_errors(found)
    return types


def optional(source: Source) -> Iterable[DeclaredType]:
    """The types that the options of a CSV or JSON source give to columns."""
    options = options_of(source)
    for name in ("types", "columns"):
        given = options.get(name)
        if isinstance(given, Mapping):
            for column, kind in given.items():
                yield DeclaredType(str(column), str(kind), source.place)


def canonical(engine: Engine, kind: str) -> str | None:
    """A type as the engine spells it; None where it is none."""
    try:
        columns = engine.columns(f"SELECT CAST(NULL AS {kind}) AS {NAME}")
    except EngineError:
        return None
    return columns[0].type if len(columns) == 1 and columns[0].name == NAME else None


def no_type(engine: Engine, source: Source, each: DeclaredType) -> Diagnostic:
    """A text that is no type of the engine's."""
    bare = re.sub(r"\W.*", "", each.type.strip().casefold())
    names = exp.select(exp.column("type_name")).distinct().from_("duckdb_types()")
    known = [str(row[0]) for row in engine.rows(names.where(exp.column("internal")).sql(DUCKDB))]
    near = USUAL.get(bare) or nearest(bare, COMMON) or nearest(bare, sorted(known))
    hint = f"did you mean `{near}`?" if near else "a type is one of DuckDB's, as `bigint` or `decimal(18, 2)`"
    message = f"`{each.type}`, the type of `{each.column}` of the {source.title}, is no type"
    return Diagnostic("FS505", message, each.place, hint)


def missing(source: Source, types: Mapping[str, Declared], columns: Iterable[Column]) -> None:
    """Raise FeatsqlError FS505 for types of columns that are not there."""
    names = [column.name for column in columns]
    there = {name.casefold() for name in names}
    lost = [(name, each) for name, each in types.items() if name.casefold() not in there]
    raise_errors([no_column(source, name, each, names) for name, each in lost])


def no_column(source: Source, name: str, each: Declared, names: list[str]) -> Diagnostic:
    """A type of a column that is not there."""
    message = f"the {source.title} has no column `{name}`, to which a type is declared"
    return Diagnostic("FS505", message, each.place, did_you_mean(name, names, listed(names)))


def differing(types: Mapping[str, Declared], columns: Iterable[Column]) -> dict[str, tuple[str, str]]:
    """The columns that are of another type than declared: the declared one, and theirs."""
    wanted = {name.casefold(): each.type for name, each in types.items()}
    return {
        column.name: (wanted[column.name.casefold()], column.type)
        for column in columns
        if wanted.get(column.name.casefold(), column.type) != column.type
    }
