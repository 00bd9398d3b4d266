"""Sources as relations: what a declared location is in SQL, and a session in which all of them can be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlglot import exp

from featsql.engine import Column, Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError, raise_errors
from featsql.names import did_you_mean
from featsql.read.project import Attachment, Project, Source
from featsql.read.sql.vocabulary import parameters
from featsql.resolve.catalog.describe import bound_name, make_schema, three_part
from featsql.resolve.graph import Graph
from featsql.resolve.nearby import GLOB, URL, nearby
from featsql.sources.attach import borrow, in_memory, reason, redacted
from featsql.sources.databases.database import DatabaseError

READERS = {"parquet": "read_parquet", "csv": "read_csv", "json": "read_json"}
NAME = r'(?:"(?:[^"]|"")+"|[^."]+)'
TABLE = re.compile(rf"({NAME})\.({NAME})(?:\.({NAME}))?")
NEAR = re.compile(r'Did you mean "([^"]*)"')
# What a frame's name begins with in the session.
FRAME = "frame:"
# How the name of a source ends of which the session shows what was known on a day.
ALL = " (all that is known)"
UNKNOWN_OPTION = re.compile(r'Invalid named parameter "([^"]*)"')


def scan(source: Source, root: Path) -> exp.Select:
    """All rows of a source, as a query that DuckDB can run.

    A relative location is one of the project's root; '~' means itself; a URL is DuckDB's to read.
    Folders named `key=value` become columns only where the location is a folder or has such folders
    or patterns of folders, so that a project gives the same columns wherever it stands. Raises
    FeatsqlError FS501 where a location of format `table` is no name of a table.
    """
    if source.format == "table":
        return exp.select("*").from_(attached_table(source), copy=False)
    options = dict(source.options)
    if not has_folders(source.location, root):
        options.setdefault("hive_partitioning", False)
    arguments: list[exp.Expr] = [exp.Literal.string(absolute(source.location, root))]
    for name, value in options.items():
        arguments.append(exp.EQ(this=exp.to_identifier(str(name), quoted=True), expression=literal(value)))
    reader = exp.Anonymous(this=READERS[source.format], expressions=arguments)
    return exp.select("*").from_(exp.Table(this=reader), copy=False)


def has_folders(location: str, root: Path) -> bool:
    """Whether a location may lead through folders that are partitions."""
    folders = location.rpartition("/")[0]
    return "=" in folders or GLOB.search(folders) is not None or (root / location).is_dir()


def absolute(location: str, root: Path) -> str:
    """A location as DuckDB is to be given it; what looks like a pattern in the root's own name is not one."""
    if URL.match(location) or Path(location).is_absolute():
        return location
    return f"{re.sub(GLOB, lambda mark: f'[{mark[0]}]', root.absolute().as_posix()).rstrip('/')}/{location}"


def literal(value: Any) -> exp.Expr:
    """A value from YAML as SQL: a mapping is a struct, a list a list, anything else itself."""
    if isinstance(value, Mapping):
        pairs = [
            exp.PropertyEQ(this=exp.to_identifier(str(k), quoted=True), expression=literal(v)) for k, v in value.items()
        ]
        return exp.Struct(expressions=pairs)
    if isinstance(value, (list, tuple)):
        return exp.Array(expressions=[literal(each) for each in value])
    if value is None or isinstance(value, (bool, int, float)):
        converted: exp.Expr = exp.convert(value)
        return converted
    return exp.Literal.string(str(value))


def attached_table(source: Source) -> exp.Table:
    """The table of an attached database that a location names."""
    match = TABLE.fullmatch(source.location.strip())
    if match is not None:
        parts = [part[1:-1].replace('""', '"') if part[0] == '"' else part for part in match.groups() if part]
        alias, *schema, name = (exp.to_identifier(part, quoted=True) for part in parts)
        return exp.Table(this=name, db=schema[0] if schema else None, catalog=alias)
    hint = "write `alias.table` or `alias.schema.table`, with the alias of an attached database"
    raise FeatsqlError(unreadable(source, f"`{source.location}` is no table of an attached database", hint))


def open_sources(engine: Engine, project: Project, frames: Mapping[str, Any]) -> None:
    """Make every source of a project readable in the session, as `sources.<source>.<table>`.

    Files, and tables of databases that DuckDB attached, are views: nothing is copied. So are
    frames (Polars, Arrow, pandas), given by source name in place of a location; an Arrow stream,
    which can be read but once, is read into a table. Tables of databases that only lend are
    copied. Raises FeatsqlError with FS501 for every source that cannot be read and FS504 for every
    frame that is none.
    """
    engine.execute(in_memory("sources").sql("duckdb"))
    found = [unknown_frame(name, project) for name in frames if name not in project.sources]
    lent = borrow_tables(engine, project, [s for s in project.sources.values() if s.name not in frames])
    for name, source in project.sources.items():
        make_schema(engine, "sources", source.source)
        try:
            if name in frames:
                open_frame(engine, source, frames[name])
            elif name in lent:
                raise FeatsqlError(lent[name])
            else:
                open_scan(engine, source, project)
        except FeatsqlError as error:
            found.extend(error.diagnostics)
    raise_errors(found)


def open_scan(engine: Engine, source: Source, project: Project) -> None:
    """Make a source a view over its location."""
    if source.format == "frame":
        message = f"the source `{source.name}` is a frame that is not given"
        give = f"give it in Python: featsql.load(..., frames={{'{source.name}': frame}})"
        raise FeatsqlError(Diagnostic("FS504", message, source.place, give))
    table, query = source_table(source), scan(source, project.root)
    try:
        engine.create_as("OR REPLACE VIEW", table, query.sql("duckdb"))
    except EngineError as error:
        message, hint = explained(engine, source, error, project)
        raise FeatsqlError(unreadable(source, message, hint, project.secrets)) from None


def open_frame(engine: Engine, source: Source, frame: Any) -> None:
    """Make a source a view over a Python object, or a table of an Arrow stream."""
    import pyarrow

    try:
        if isinstance(frame, pyarrow.RecordBatchReader):
            engine.ingest(source_table(source), frame, {})
            return
        name = f"{FRAME}{source.name}"
        engine.register(name, frame)
        query = exp.select("*").from_(three_part("temp", "main", name), copy=False)
        engine.create_as("OR REPLACE VIEW", source_table(source), query.sql("duckdb"))
    except EngineError as error:
        message = f"the frame given for `{source.name}` cannot be read: {reason(error)}"
        hint = "give a Polars, Arrow or pandas frame with at least one column"
        raise FeatsqlError(Diagnostic("FS504", message, source.place, hint)) from None


def given(engine: Engine) -> frozenset[str]:
    """The keys of the sources that are frames or streams in this session, whatever the project says of them."""
    frames = {name.removeprefix(FRAME) for name in engine.frames if name.startswith(FRAME)}
    query = exp.select("schema_name", "table_name").from_("duckdb_tables()")
    tables = engine.rows(query.where(exp.column("database_name").eq("sources")).sql("duckdb"))
    return frozenset(f"source:{name}" for name in (*frames, *(".".join(each).removesuffix(ALL) for each in tables)))


def unknown_frame(name: str, project: Project) -> Diagnostic:
    """A frame whose name is no source's."""
    hint = did_you_mean(name, project.sources, "frames are named after sources: {'shop.payments': frame}")
    return Diagnostic("FS504", f"a frame is given for `{name}`, but there is no such source", None, hint)


def borrow_tables(engine: Engine, project: Project, sources: Iterable[Source]) -> dict[str, Diagnostic]:
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
        return borrow(engine, attachment, root, tables)
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


def source_columns(graph: Graph, engine: Engine) -> dict[str, tuple[Column, ...]]:
    """The columns of every source and seed, as the engine reads them. Raises FeatsqlError with FS501 for every seed
    that cannot be read."""
    found: list[Diagnostic] = []
    columns: dict[str, tuple[Column, ...]] = {}
    for key, source in graph.sources.items():
        if not key.startswith("seed:"):
            columns[key] = engine.columns(exp.select("*").from_(bound_name(key, graph)).sql("duckdb"))
            continue
        try:
            columns[key] = engine.columns(scan(source, graph.project.root).sql("duckdb"))
        except EngineError as error:
            message, hint = explained(engine, source, error, graph.project)
            found.append(unreadable(source, message, hint))
    raise_errors(found)
    return columns
