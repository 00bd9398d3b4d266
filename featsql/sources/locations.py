"""Sources as relations: what a declared location is in SQL, and a session in which all of them can be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from sqlglot import exp

from featsql.engine import DUCKDB, Column, Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError, raise_errors
from featsql.names import did_you_mean
from featsql.read.project import Attachment, Project, Source
from featsql.read.sql.vocabulary import parameters
from featsql.resolve.catalog.describe import NAIVE, ZONED, bound_name, make_schema, three_part
from featsql.resolve.graph import Graph, source_key
from featsql.resolve.nanoseconds import is_zoned
from featsql.resolve.nearby import GLOB, nearby
from featsql.resolve.reading import Reading
from featsql.sources.attach import copy_tables, in_memory, reason, redacted
from featsql.sources.databases.database import DatabaseError
from featsql.sources.files.spelled import absolute, call
from featsql.sources.files.survey import Surveyor, cast, fitted, without_type
from featsql.sources.files.terms import options_of
from featsql.sources.frames import with_nanoseconds

STREAM = ":stream"  # after the name of a source whose stream is kept as it came
NOTHING = "INTEGER"  # the type of a column that has none
READERS = {"parquet": "read_parquet", "csv": "read_csv", "json": "read_json"}
NAME = r'(?:"(?:[^"]|"")+"|[^."]+)'
TABLE = re.compile(rf"({NAME})\.({NAME})(?:\.({NAME}))?")
NEAR = re.compile(r'Did you mean "([^"]*)"')
# What a frame's name begins with in the session.
FRAME = "frame:"
# How the name of a source ends of which the session shows what was known on a day.
ALL = " (all that is known)"
UNKNOWN_OPTION = re.compile(r'Invalid named parameter "([^"]*)"')


def scan(source: Source, root: Path, reading: Reading | None = None) -> exp.Query:
    """All rows of a source, as a query that DuckDB can run, read as was found out about its files.

    A relative location is one of the project's root; '~' means itself; a URL is DuckDB's to read.
    Folders named `key=value` become columns only where the location is a folder or has such folders
    or patterns of folders, so that a project gives the same columns wherever it stands. Raises
    FeatsqlError FS501 where a location of format `table` is no name of a table.
    """
    reading = reading or Reading()
    if source.format == "table":
        return cast(source, reading.casts, exp.select("*").from_(attached_table(source), copy=False))
    options = {**options_of(source), **reading.options}
    if not has_folders(source.location, root):
        options.setdefault("hive_partitioning", False)
    table = call(READERS[source.format], absolute(source.location, root), options)
    return cast(source, reading.casts, exp.select("*").from_(table, copy=False))


def has_folders(location: str, root: Path) -> bool:
    """Whether a location may lead through folders that are partitions."""
    folders = location.rpartition("/")[0]
    return "=" in folders or GLOB.search(folders) is not None or (root / location).is_dir()


def attached_table(source: Source) -> exp.Table:
    """The table of an attached database that a location names."""
    match = TABLE.fullmatch(source.location.strip())
    if match is not None:
        parts = [part[1:-1].replace('""', '"') if part[0] == '"' else part for part in match.groups() if part]
        alias, *schema, name = (exp.to_identifier(part, quoted=True) for part in parts)
        return exp.Table(this=name, db=schema[0] if schema else None, catalog=alias)
    hint = "write `alias.table` or `alias.schema.table`, with the alias of an attached database"
    raise FeatsqlError(unreadable(source, f"`{source.location}` is no table of an attached database", hint))


def open_sources(
    engine: Engine,
    project: Project,
    frames: Mapping[str, Any],
    readings: dict[str, Reading] | None = None,
    surveyor: Surveyor | None = None,
) -> None:
    """Make every source of a project readable in the session, as `sources.<source>.<table>`.

    Files, and tables of databases that DuckDB attached, are views: nothing is copied. So are
    frames (Polars, Arrow, pandas), given by source name in place of a location; an Arrow stream,
    which can be read but once, is read into a table. Tables of databases that only lend are
    copied. `readings` comes to tell how each is read, by relation key. Raises FeatsqlError with FS501
    for every source that cannot be read, FS504 for every frame that is none, and FS505 to FS508 for what does
    not fit together in files.
    """
    readings = {} if readings is None else readings
    surveyor = surveyor or Surveyor(engine, project.root, None)
    engine.execute(in_memory("sources").sql("duckdb"))
    found = [unknown_frame(name, project) for name in frames if name not in project.sources]
    copied = copy_tables_of(engine, project, [s for s in project.sources.values() if s.name not in frames])
    for name, source in project.sources.items():
        make_schema(engine, "sources", source.source)
        try:
            if name in copied:
                raise FeatsqlError(copied[name])
            if name in frames:
                readings[source_key(name)] = open_frame(engine, source, frames[name], project.root)
            else:
                readings[source_key(name)] = open_scan(engine, source, project, surveyor)
        except FeatsqlError as error:
            found.extend(error.diagnostics)
    raise_errors(found)


def open_scan(engine: Engine, source: Source, project: Project, surveyor: Surveyor) -> Reading:
    """Make a source a view over its location. Gives how it is read."""
    if source.format == "frame":
        message = f"the source `{source.name}` is a frame that is not given"
        give = f"give it in Python: featsql.load(..., frames={{'{source.name}': frame}})"
        raise FeatsqlError(Diagnostic("FS504", message, source.place, give))
    try:
        reading = read_as(source, project, surveyor)
        engine.create_as("OR REPLACE VIEW", source_table(source), scan(source, project.root, reading).sql(DUCKDB))
        return reading
    except EngineError as error:
        message, hint = explained(engine, source, error, project)
        raise FeatsqlError(unreadable(source, message, hint, project.secrets)) from None


def read_as(source: Source, project: Project, surveyor: Surveyor) -> Reading:
    """How the rows of a source or a seed are read. Raises FeatsqlError and EngineError."""
    reading = surveyor.look(source)
    return fitted(surveyor.engine, source, scan(source, project.root, reading), reading, project.root)


def open_frame(engine: Engine, source: Source, frame: Any, root: Path) -> Reading:
    """Make a source a view over a Python object, or a table of an Arrow stream. Gives how it is read."""
    import pyarrow

    name = f"{FRAME}{source.name}"
    rows = three_part("temp", "main", name)
    try:
        if isinstance(frame, pyarrow.RecordBatchReader):
            rows = three_part("sources", source.source, source.table + STREAM) if source.types else source_table(source)
            engine.ingest(rows, frame, {})
        else:
            engine.register(name, with_nanoseconds(frame))
        query = exp.select("*").from_(rows, copy=False)
        reading = fitted(engine, source, query, Reading(), root)
        if rows != source_table(source):
            engine.create_as("OR REPLACE VIEW", source_table(source), cast(source, reading.casts, query).sql(DUCKDB))
        return reading
    except EngineError as error:
        message = f"the frame given for `{source.name}` cannot be read: {reason(error)}"
        hint = "give a Polars, Arrow or pandas frame with at least one column"
        raise FeatsqlError(Diagnostic("FS504", message, source.place, hint)) from None


def given(engine: Engine) -> frozenset[str]:
    """The keys of the sources that are frames or streams in this session, whatever the project says of them."""
    frames = {name.removeprefix(FRAME) for name in engine.frames if name.startswith(FRAME)}
    query = exp.select("schema_name", "table_name").from_("duckdb_tables()")
    tables = engine.rows(query.where(exp.column("database_name").eq("sources")).sql("duckdb"))
    return frozenset(
        f"source:{name}"
        for name in (*frames, *(".".join(each).removesuffix(ALL).removesuffix(STREAM) for each in tables))
    )


def unknown_frame(name: str, project: Project) -> Diagnostic:
    """A frame whose name is no source's."""
    hint = did_you_mean(name, project.sources, "frames are named after sources: {'shop.payments': frame}")
    return Diagnostic("FS504", f"a frame is given for `{name}`, but there is no such source", None, hint)


def copy_tables_of(engine: Engine, project: Project, sources: Iterable[Source]) -> dict[str, Diagnostic]:
    """Copy what attached databases only lend, and find the sources whose database or table is not there."""
    attachments = {attachment.alias.casefold(): attachment for attachment in project.target.attach}
    wanted: dict[str, dict[exp.Table, list[Source]]] = {}
    found: dict[str, Diagnostic] = {}
    for source in sources:
        if source.format != "table":
            continue
        try:
            table = attached_table(source)
        except FeatsqlError as error:
            found[source.name] = error.diagnostics[0]
            continue
        if table.catalog.casefold() in attachments:
            wanted.setdefault(table.catalog.casefold(), {}).setdefault(table, []).append(source)
        else:
            hint = did_you_mean(table.catalog, attachments, "attach it under `attach:` of the target's output")
            found[source.name] = unreadable(source, f"no database is attached as `{table.catalog}`", hint)
    for alias, tables in wanted.items():
        for table, failure in failures(engine, attachments[alias], project.root, tables).items():
            for source in tables[table]:
                found[source.name] = unreadable(source, failure.message, failure.hint, project.secrets)
    return found


def failures(
    engine: Engine, attachment: Attachment, root: Path, tables: Iterable[exp.Table]
) -> dict[exp.Table, DatabaseError]:
    """What cannot be borrowed of one database: all of it, where it no longer answers."""
    try:
        return copy_tables(engine, attachment, root, tables)
    except DatabaseError as error:
        return dict.fromkeys(tables, error)


def explained(engine: Engine, source: Source, error: EngineError, project: Project) -> tuple[str, str | None]:
    """What the engine has against a source, and what would help."""
    option = UNKNOWN_OPTION.search(error.message)
    if option is not None:
        known = parameters(engine, READERS[source.format])
        hint = did_you_mean(option[1], known, f"`options` are those of DuckDB's {READERS[source.format]}")
        return f"{READERS[source.format]} has no option `{option[1]}`", hint
    if "No files found" in error.message:
        return f"there is no file `{source.location}`", nearby(source.location, project.root)
    if "required extension" in error.message:
        hint = "install it once with DuckDB (`INSTALL httpfs`), and name it under `extensions:` of the output"
        return f"`{source.location}` needs an extension of DuckDB that is not installed", hint
    near = NEAR.search(error.message) if source.format == "table" else None
    message = reason(error).replace(f"{project.root.absolute().as_posix()}/", "")
    return message, f"did you mean `{near[1]}`?" if near else None


def unreadable(source: Source, message: str, hint: str | None, secrets: Iterable[str] = ()) -> Diagnostic:
    """A source or a seed that cannot be read, without secrets."""
    text = f"the {source.title} cannot be read: {redacted(message, secrets)}"
    return Diagnostic("FS501", text, source.place, hint and redacted(hint, secrets))


def source_table(source: Source) -> exp.Table:
    """The name of a source in SQL."""
    return three_part("sources", source.source, source.table)


def source_columns(graph: Graph, engine: Engine, surveyor: Surveyor | None = None) -> dict[str, tuple[Column, ...]]:
    """The columns of every source and seed, as the engine reads them. Raises FeatsqlError with FS501, and FS505 to
    FS508, for every seed that cannot be read."""
    surveyor = surveyor or Surveyor(engine, graph.project.root, None)
    found: list[Diagnostic] = []
    columns: dict[str, tuple[Column, ...]] = {}
    for key, source in graph.sources.items():
        if not key.startswith("seed:"):
            columns[key] = engine.columns(exp.select("*").from_(bound_name(key, graph)).sql("duckdb"))
            continue
        try:
            graph.readings[key] = read_as(source, graph.project, surveyor)
            columns[key] = engine.columns(scan(source, graph.project.root, graph.readings[key]).sql("duckdb"))
        except FeatsqlError as error:
            found.extend(error.diagnostics)
        except EngineError as error:
            message, hint = explained(engine, source, error, graph.project)
            found.append(unreadable(source, message, hint))
    raise_errors(found)
    for key, column in untyped(graph, engine, columns):
        give_instants(graph, engine, key, column, columns)
    return columns


def untyped(graph: Graph, engine: Engine, columns: Mapping[str, tuple[Column, ...]]) -> list[tuple[str, str]]:
    """The columns without any value, by the keys of their relations, that clocks say are instants."""
    found: list[tuple[str, str]] = []
    for key, source in graph.sources.items():
        needed = {column.casefold() for column in source.clock.instants} if source.clock else set()
        reading = graph.readings.get(key, Reading())
        vague = {name.casefold() for name in reading.vague}
        held = [column for column in columns[key] if column.name.casefold() in needed]
        if doubtful := {column.name.casefold() for column in held if column.type == NOTHING} - vague:
            vague |= doubtful & without_type(
                engine, source, exp.select("*").from_(bound_name(key, graph)), graph.project.root
            )
        found += [(key, column.name) for column in held if column.name.casefold() in vague]
    return found


def give_instants(graph: Graph, engine: Engine, key: str, column: str, columns: dict[str, tuple[Column, ...]]) -> None:
    """Let a column without any value be of the sort of instants that all others of the project's sources are: naive,
    where these are none or of both sorts."""
    kinds = {each.type for some in columns.values() for each in some if each.type.startswith("TIMESTAMP")}
    sort = ZONED if kinds and all(map(is_zoned, kinds)) else NAIVE
    source, reading = graph.sources[key], graph.readings.get(key, Reading())
    option = next((each for each in ("types", "columns") if each in reading.options), None)
    if option is not None:
        reading = replace(reading, options={**reading.options, option: {**reading.options[option], column: sort}})
    else:
        reading = replace(reading, casts={**reading.casts, column: (sort, "NULL")})
    graph.readings[key] = reading
    query = scan(source, graph.project.root, reading).sql(DUCKDB)
    if not key.startswith("seed:"):
        engine.create_as("OR REPLACE VIEW", source_table(source), query)
    columns[key] = engine.columns(query)
