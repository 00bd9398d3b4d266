"""Attached databases: by DuckDB itself where it can, else as copies of the tables that are asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from sqlglot import exp

from featsql.engine import Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError, Place
from featsql.names import did_you_mean
from featsql.read.project import Attachment
from featsql.secrets import HIDDEN, redact
from featsql.sources.databases.database import Database, DatabaseError

RESERVED = frozenset({"sources", "memory", "temp", "system"})
EXTENSIONS = {"sqlite": "sqlite_scanner", "postgres": "postgres_scanner"}
GUESSES = re.compile(r"\n?(Did you mean|Candidate)")
QUOTED = re.compile(r'"[^"]*"')
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(//)?")


def attach(
    engine: Engine,
    attachment: Attachment,
    root: Path,
    place: Place | None = None,
    secrets: Iterable[str] = (),
) -> None:
    """Make a database known to the session under its alias.

    DuckDB attaches its own files, and those of other databases whose extension is installed; it
    never downloads one. Without it the alias is an empty database in memory, which `copy_tables` fills
    with the tables that sources name. Raises FeatsqlError FS502 where the database cannot be had,
    FS503 where a driver is missing; neither tells the connection string of a server.
    """
    hidden = [*secrets, *([attachment.path] if attachment.type == "postgres" else [])]
    try:
        if attachment.alias.casefold() in RESERVED:
            raise DatabaseError("the alias is taken by featsql or DuckDB", "give it another alias")
        if attachment.type != "postgres":
            must_exist(attachment, root)
        if attachment.type == "duckdb" or has_extension(engine, attachment.type):
            engine.execute(attachment_statement(attachment, root).sql("duckdb"))
        else:
            opened(attachment, root).close()
            engine.execute(in_memory(attachment.alias).sql("duckdb"))
    except (DatabaseError, EngineError) as error:
        raise FeatsqlError(refusal(attachment, error, place, hidden)) from None


def copy_tables(
    engine: Engine, attachment: Attachment, root: Path, tables: Iterable[exp.Table]
) -> dict[exp.Table, DatabaseError]:
    """Copy tables of an attached database into the session where DuckDB cannot read them in place.

    All are copied in one transaction of their database, so they are of the same instant. Gives
    what went wrong, by table; nothing where DuckDB attached the database itself.
    """
    if not is_copied(engine, attachment):
        return {}
    failures: dict[exp.Table, DatabaseError] = {}
    with closing(opened(attachment, root)) as owner:
        known = owner.tables()
        for table in tables:
            try:
                copy(engine, owner, known, table)
            except DatabaseError as error:
                failures[table] = error
            except EngineError as error:
                failures[table] = DatabaseError(reason(error))
    return failures


def copy(engine: Engine, owner: Database, known: Mapping[str, tuple[str, ...]], table: exp.Table) -> None:
    """Copy one table under the name by which it is called. Raises DatabaseError where there is none."""
    schema = table.db or owner.default_schema
    if schema not in known:
        raise DatabaseError(f"there is no schema `{schema}`", did_you_mean(schema, known))
    name = next((each for each in known[schema] if each.casefold() == table.name.casefold()), None)
    if name is None:
        raise DatabaseError(f"there is no table `{table.name}`", did_you_mean(table.name, known[schema]))
    target = exp.Table(
        this=table.this.copy(),
        db=exp.to_identifier(table.db or "main", quoted=True),
        catalog=exp.to_identifier(table.catalog, quoted=True),
    )
    schema_name = exp.Table(this=target.args["db"].copy(), db=target.args["catalog"].copy())
    engine.execute(exp.Create(this=schema_name, kind="SCHEMA", exists=True).sql("duckdb"))
    with owner.stream(schema, name) as rows:
        engine.ingest(target, rows.reader, rows.types)


def opened(attachment: Attachment, root: Path) -> Database:
    """A connection of our own to a database that DuckDB cannot read here."""
    if attachment.type == "postgres":
        from featsql.sources.databases.postgres import Postgres

        return Postgres(attachment.path)
    from featsql.sources.databases.sqlite import SQLite

    return SQLite(root / attachment.path, attachment.read_only)


def must_exist(attachment: Attachment, root: Path) -> None:
    """Raise DatabaseError where a database's file is not there: DuckDB would make an empty one."""
    path = root / attachment.path
    if attachment.path == ":memory:" or URL.match(attachment.path) or path.is_file():
        return
    if path.exists():
        raise DatabaseError(f"`{attachment.path}` is not a file")
    names = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    raise DatabaseError(f"there is no file `{attachment.path}`", did_you_mean(path.name, names))


def has_extension(engine: Engine, kind: str) -> bool:
    """Whether DuckDB's extension for a kind of database is on this machine, and loaded then."""
    query = exp.select("installed").from_(exp.Table(this=exp.Anonymous(this="duckdb_extensions")))
    if not any(
        row[0] for row in engine.rows(query.where(exp.column("extension_name").eq(EXTENSIONS[kind])).sql("duckdb"))
    ):
        return False
    engine.load_extension(EXTENSIONS[kind])
    return True


def is_copied(engine: Engine, attachment: Attachment) -> bool:
    """Whether an attached SQLite or Postgres database is in truth a database of ours in memory."""
    query = exp.select("type").from_(exp.Table(this=exp.Anonymous(this="duckdb_databases")))
    found = engine.rows(query.where(exp.column("database_name").eq(attachment.alias)).sql("duckdb"))
    return attachment.type != "duckdb" and bool(found) and found[0][0] == "duckdb"


def attachment_statement(attachment: Attachment, root: Path) -> exp.Attach:
    """DuckDB's own ATTACH."""
    is_path = attachment.type != "postgres" and attachment.path != ":memory:" and not URL.match(attachment.path)
    path = exp.Literal.string(str(root / attachment.path) if is_path else attachment.path)
    options = [exp.AttachOption(this=exp.var("TYPE"), expression=exp.var(attachment.type.upper()))]
    if attachment.read_only:
        options.append(exp.AttachOption(this=exp.var("READ_ONLY")))
    return exp.Attach(this=exp.alias_(path, attachment.alias, quoted=True), expressions=options)


def in_memory(alias: str) -> exp.Attach:
    """The statement that makes an empty database in memory, unless it is there."""
    return exp.Attach(this=exp.alias_(exp.Literal.string(":memory:"), alias, quoted=True), exists=True)


def refusal(
    attachment: Attachment, error: DatabaseError | EngineError, place: Place | None, hidden: Iterable[str]
) -> Diagnostic:
    """What is wrong with an attachment, without secrets."""
    message, hint = (reason(error), None) if isinstance(error, EngineError) else (error.message, error.hint)
    if attachment.type == "postgres":  # the server's words quote the user, the host and whatever it could not parse
        message = QUOTED.sub(HIDDEN, message)
    if "lock" in message:
        hint = "another program has it open for writing: stop it, or attach a copy"
    text = f"the database `{attachment.alias}` cannot be attached: {redacted(message, hidden)}"
    missing = isinstance(error.__cause__, ImportError)
    return Diagnostic("FS503" if missing else "FS502", text, place, hint and redacted(hint, hidden))


def reason(error: EngineError) -> str:
    """The first paragraph of an engine's message, on one line: without the kind of error, or its guesses."""
    paragraph = GUESSES.split(error.message.partition("\n\n")[0])[0].removeprefix(f"{error.kind}:")
    return " ".join(paragraph.split())


def redacted(text: str, secrets: Iterable[str]) -> str:
    """A message with every secret blotted out."""
    return redact(text, frozenset(secrets))
