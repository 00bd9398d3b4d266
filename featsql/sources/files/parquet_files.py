"""The columns of a Parquet source over all of its files, from what stands at their ends."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlglot import exp

from featsql.engine import DUCKDB, Engine
from featsql.read.project import Source
from featsql.resolve.reading import Reading
from featsql.sources.files.fit import ZONED
from featsql.sources.files.sniffed import differing
from featsql.sources.files.spelled import call
from featsql.sources.files.terms import Declared, options_of, raw_columns, refusal, shown

WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT")
SMALL = frozenset({"TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER"})  # exact as a DOUBLE
INSTANTS = frozenset({"DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS"})
FLOATS = frozenset({"FLOAT", "DOUBLE"})
TINY = frozenset({"TINYINT", "SMALLINT", "UTINYINT", "USMALLINT"})  # exact as a FLOAT
NOTHING = frozenset({'"NULL"', "NULL"})
DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
EXACT = 1 << 53  # whole numbers up to it are exact as a DOUBLE
DIGITS = 15  # as many digits of any number are
SCHEMA = ("file_name", "name", "type", "num_children", "converted_type", "scale", "precision", "logical_type")


def survey_parquet(
    engine: Engine, source: Source, location: str, declared: Mapping[str, Declared], root: Path
) -> Reading:
    """How the files are read, with one type for each column that loses nothing. Raises FeatsqlError FS506 where there
    is none, or a column is not in all files."""
    alike = unlike(engine, location)
    if len(alike) < 2:
        return Reading()
    kinds = {file: columns_of(engine, file) for file in alike}
    by_name = differing(source, [(file, list(own)) for file, own in kinds.items()], options_of(source), root)
    known = {name.casefold() for name in declared}
    several = False
    for name in {name.casefold(): name for own in kinds.values() for name in own}.values():
        found = {file: kind for file, own in kinds.items() if (kind := type_in(own, name)) is not None}
        types = {kind for kind in found.values() if kind not in NOTHING}
        several = several or len({*found.values()}) > 1
        if len(types) > 1 and name.casefold() not in known:
            wide = [each for file, kind in found.items() if kind in WHOLE and kind not in SMALL for each in alike[file]]
            if not lossless(types) or (types & FLOATS and wide and not is_exact(engine, name, wide)):
                raise clash(source, name, found, root)
    return Reading({"union_by_name": True} if several or by_name else {})


def unlike(engine: Engine, location: str) -> dict[str, list[str]]:
    """One file of each schema that the files of a location have, with all that have it."""
    parts = [exp.PropertyEQ(this=exp.to_identifier(name), expression=exp.column(name)) for name in SCHEMA[1:]]
    listed = exp.Anonymous(this="list", expressions=[exp.Struct(expressions=parts)])
    files = exp.select(exp.column("file_name"), listed.as_("fields")).from_(call("parquet_schema", location, {}))
    files = files.group_by(exp.column("file_name"))
    every = exp.Anonymous(this="list", expressions=[exp.column("file_name")])
    names = exp.Anonymous(this="list_sort", expressions=[every])
    query = exp.select(names.as_("files")).from_(files.subquery("files")).group_by(exp.column("fields"))
    return {str(files[0]): files for (files,) in sorted(engine.rows(query.sql(DUCKDB)))}


def type_in(columns: Mapping[str, str], name: str) -> str | None:
    """The type of a column among those of a file."""
    return next((kind for each, kind in columns.items() if each.casefold() == name.casefold()), None)


def columns_of(engine: Engine, file: str) -> dict[str, str]:
    """The columns of one file."""
    nothing = null_columns(engine, escaped(file))
    query = exp.select("*").from_(call("read_parquet", escaped(file), {"hive_partitioning": False}))
    return {each.name: "NULL" if each.name in nothing else each.type for each in raw_columns(engine, query)}


def null_columns(engine: Engine, location: str) -> set[str]:
    """The columns that have no type in any file of a location: whoever wrote them had no value. Not every DuckDB tells
    that of what it reads."""
    name, told = exp.column("name"), exp.column("logical_type").eq("NullType()")
    every = exp.LogicalAnd(this=exp.Coalesce(this=told, expressions=[exp.false()]))
    query = exp.select(name).from_(call("parquet_schema", location, {})).group_by(name.copy()).having(every)
    return {str(row[0]) for row in engine.rows(query.sql(DUCKDB))}


def escaped(file: str) -> str:
    """A file's name as a pattern that means itself."""
    return re.sub(r"[*?\[]", lambda mark: f"[{mark[0]}]", file)


def lossless(types: set[str]) -> bool:
    """Whether the engine's common type of some types holds every value of each of them exactly; of whole numbers among
    floats, those up to 2^53."""
    if types <= {*WHOLE} or types <= INSTANTS or types <= FLOATS:
        return True
    decimals = [(int(m[1]), int(m[2])) for m in map(DECIMAL.fullmatch, types) if m]
    wholes = types & {*WHOLE}
    if len(decimals) + len(wholes) + len(types & FLOATS) < len(types):
        return False
    if "DOUBLE" in types:
        return all(width <= DIGITS for width, _ in decimals)
    if "FLOAT" in types:
        return not decimals and wholes <= TINY
    scale = max(scale for _, scale in decimals)
    return max([width - each for width, each in decimals] + [len(str(LARGEST[kind])) for kind in wholes]) + scale <= 38


LARGEST: Mapping[str, int] = {
    kind: 1 << bits for kind, bits in zip(WHOLE, (7, 15, 31, 63, 8, 16, 32, 64, 127), strict=True)
}


def is_exact(engine: Engine, name: str, files: Sequence[str]) -> bool:
    """Whether a DOUBLE holds all whole numbers of a column exactly."""
    value = exp.column(name, quoted=True)
    listed: list[exp.Expr] = [exp.Min(this=value), exp.Max(this=value.copy())]
    reader = call("read_parquet", "", {"union_by_name": True})
    reader.this.expressions[0].replace(exp.Array(expressions=[exp.Literal.string(file) for file in files]))
    bounds: Sequence[Any] = engine.rows(exp.select(*listed).from_(reader).sql(DUCKDB))[0]
    return all(bound is None or abs(bound) <= EXACT for bound in bounds)


def clash(source: Source, name: str, found: Mapping[str, str], root: Path) -> Exception:
    """A column of which the files have types that do not go together."""
    kinds = {kind: file for file, kind in reversed([*found.items()]) if kind not in NOTHING}
    (kind, file), (other, another), *_ = reversed(kinds.items())
    message = f"`{name}` is {kind} in `{shown(file, root)}` and {other} in `{shown(another, root)}`"
    hint = f"say what it is: `columns: [{{name: {name}, data_type: ...}}]`; all values are held to that"
    if ZONED in kinds and INSTANTS & kinds.keys():
        hint = f"an instant with a time zone and one without never meet; say what all are read as, in UTC: {hint}"
    return refusal("FS506", source, message, hint)
