"""What is found out about the files of a source before they are read: once, as long as they stay as they are."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.engine import DUCKDB, Column, Engine, EngineError
from featsql.read.project import Source
from featsql.resolve.cache.compile_cache import CompileCache, digest
from featsql.resolve.nearby import GLOB, URL
from featsql.resolve.reading import Reading
from featsql.sources.files.spelled import absolute, call
from featsql.sources.files.terms import Declared, raw_columns, refusal, shown

SETTLED = 2_000_000_000  # nanoseconds; a file changed later than this before it was seen may change again unseen
NOTHING = "INTEGER"  # the type of a column that has none
BLANK = 16  # bytes
SURVEYS = "surveys"


class Held(Struct, frozen=True):
    """What was found of a source before: the digest of its files, when one was changed last and when they were seen
    (nanoseconds)."""

    files: str
    latest: int
    seen: int
    reading: Reading


class Surveyor:
    """Looks at sources; what it found of files that are as they were is taken from the compile cache."""

    def __init__(self, engine: Engine, root: Path, compile_cache: CompileCache | None) -> None:
        self.engine, self.root, self.compile_cache = engine, root, compile_cache
        self.held = (compile_cache.told(SURVEYS, dict[str, Held]) or {}) if compile_cache is not None else {}
        self.kept: dict[str, Held] = {}

    def look(self, source: Source) -> Reading:
        """How the files of a source are read. Raises FeatsqlError with what is wrong with them, and EngineError for
        what the engine has against them."""
        if source.format in {"table", "frame"}:
            return Reading()
        files = self.files(source)
        for file in files:
            self.refuse_empty(source, file)
        if source.format == "parquet" and len(files) == 1:
            return Reading()
        key, state = digest([*source.declaration, source.location]), self.state(files)
        before = self.held.get(key)
        if before is not None and state == (before.files, before.latest) and before.seen - before.latest > SETTLED:
            self.kept[key] = before
            return before.reading
        found = self.survey(source, files, declared_types(self.engine, source))
        if state is not None:
            self.kept[key] = Held(*state, time.time_ns(), found)
        return found

    def survey(self, source: Source, files: list[str], types: Mapping[str, Declared]) -> Reading:
        """What the files of a source say themselves."""
        location = absolute(source.location, self.root)
        match source.format:
            case "csv" if files:
                from featsql.sources.files.csv_files import Survey  # where all is known, nobody needs it

                return Survey(self.engine, source, files, types, self.root).read()
            case "json":
                from featsql.sources.files.json_files import JsonSurvey

                return JsonSurvey(self.engine, source, location, types, self.root).read()
            case "parquet":
                from featsql.sources.files.parquet_files import survey_parquet

                return survey_parquet(self.engine, source, location, types, self.root)
            case _:
                return Reading()

    def has_several(self, source: Source) -> bool:
        """Whether a location may stand for several files."""
        return GLOB.search(source.location) is not None or (self.root / source.location).is_dir()

    def files(self, source: Source) -> list[str]:
        """The files that a location stands for, as far as they can be listed."""
        location = absolute(source.location, self.root)
        if not self.has_several(source):
            return [location] if URL.match(location) or Path(self.root / source.location).exists() else []
        pattern = f"{location}/**" if (self.root / source.location).is_dir() else location
        query = exp.select(exp.column("file")).from_(call("glob", pattern, {})).order_by("file")
        return [str(row[0]) for row in self.engine.rows(query.sql(DUCKDB))]

    def refuse_empty(self, source: Source, file: str) -> None:
        """Raise FeatsqlError FS501 for a file with nothing in it."""
        if not URL.match(file) and Path(file).is_file() and is_blank(Path(file)):
            hint = "it has not even the names of its columns: write it again, or take it away"
            raise refusal("FS501", source, f"the file `{shown(file, self.root)}` is empty", hint)

    def state(self, files: list[str]) -> tuple[str, int] | None:
        """What tells files from others and from themselves at another time; None where that cannot be known."""
        try:
            stats = [(file, os.stat(file)) for file in files]
        except OSError:
            return None
        latest = max((stat.st_mtime_ns for _, stat in stats), default=0)
        return digest([(file, stat.st_size, stat.st_mtime_ns) for file, stat in stats]), latest

    def save(self) -> None:
        """Hold what was found of the sources that there are."""
        if self.compile_cache is not None and self.kept != self.held:
            self.compile_cache.share(SURVEYS, self.kept)


def is_blank(file: Path) -> bool:
    """Whether a file has nothing in it but blanks."""
    return file.stat().st_size < BLANK and not file.read_bytes().removeprefix(b"\xef\xbb\xbf").strip()


def declared_types(engine: Engine, source: Source) -> dict[str, Declared]:
    """The types that columns of a source are declared to have. Raises FeatsqlError FS505 for what is no type."""
    if not source.types and not source.options:
        return {}
    from featsql.sources.files.declared import declared

    return declared(engine, source)


def fitted(engine: Engine, source: Source, query: exp.Query, reading: Reading, root: Path) -> Reading:
    """A reading that also casts the columns which are of other types than declared. Raises FeatsqlError FS505 for
    types of columns that are not there or cannot be had."""
    types = declared_types(engine, source)
    if not types:
        return reading
    from featsql.sources.files.declared import differing, missing

    columns = raw_columns(engine, query)
    if any(kind == NOTHING for _, kind in differing(types, columns).values()):
        nothing = without_type(engine, source, query, root)
        columns = tuple(Column(c.name, "NULL") if c.name.casefold() in nothing else c for c in columns)
    missing(source, types, columns)
    casts = differing(types, columns)
    for name, (kind, found) in casts.items():
        if not castable(engine, found, kind):
            place = next(each.place for other, each in types.items() if other.casefold() == name.casefold())
            message = f"`{name}` is {found}, of which the engine makes no {kind}"
            hint = "make it in a model, as `to_timestamp(x)` of seconds; or leave the type out"
            raise refusal("FS505", source, message, hint, place)
    return replace(reading, casts=casts)


def without_type(engine: Engine, source: Source, query: exp.Query, root: Path) -> set[str]:
    """The columns of a source to which nothing gives a type, in small letters."""
    columns = raw_columns(engine, query)
    nothing: set[str] = set()
    if source.format == "parquet":
        from featsql.sources.files.parquet_files import null_columns

        nothing = null_columns(engine, absolute(source.location, root))
    return {c.name.casefold() for c in columns if "NULL" in c.type or c.name in nothing}


def castable(engine: Engine, found: str, kind: str) -> bool:
    """Whether the engine has a way from one type to another; a value is needed to find out."""
    values = [f"TRY_CAST('{value}' AS {found})" for value in ("1", "2000-01-01")] if "NULL" not in found else ["NULL"]
    try:
        engine.rows(f"SELECT CAST(coalesce({', '.join(values)}) AS {kind})")
    except EngineError as error:
        return "Unimplemented type for cast" not in error.message
    return True


def cast(source: Source, casts: Mapping[str, tuple[str, str]], query: exp.Query) -> exp.Query:
    """A query of all columns of a source with some cast, so that nothing of their values is lost."""
    if not casts:
        return query
    from featsql.sources.files.fit import kept

    replaced = [
        exp.alias_(kept(exp.column(name, quoted=True), kind, found, column_of(source, name)), name, quoted=True)
        for name, (kind, found) in casts.items()
    ]
    return exp.select(exp.Star(replace=replaced)).from_(query.subquery("rows"), copy=False)


def column_of(source: Source, name: str) -> str:
    """A column of a source, as it is called where a value in it is no good."""
    return f"`{name}` of the {source.title}"
