"""The database that a build publishes to: opened once, one transaction for each result."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlglot import exp

from featsql.engine import Column, Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError
from featsql.read.config.settings import REMOTE
from featsql.read.lazy import Lazy
from featsql.read.model import Model
from featsql.read.project import Project
from featsql.resolve.catalog.describe import make_schema, three_part
from featsql.sources.attach import attach

# Where in its file a database says what it is.
MAGIC = slice(8, 12)
# How DuckDB 1.5 writes types of a view in the session that made it; later it leaves that out.
SESSIONS_OWN = re.compile(r'"([A-Z][A-Z_ ]*)"|(?<=\bBIT)\(1\)')
# What the engine says where the system itself says what is wrong.
# How DuckDB 1.5 writes types of a view in the session that made it; later it leaves that out.
SESSIONS_OWN = re.compile(r'"([A-Z][A-Z_ ]*)"|(?<=\bBIT)\(1\)')
# What the engine says where another process has opened the file.
TAKEN = re.compile(r"Could not set lock on file(?:.*?(\(PID \d+\)))?")
DENIED = re.compile("Permission denied|Is a directory|No space left|Read-only file system")


def open_engine(project: Project, *, threads: int | None = None) -> Engine:
    """A session with the target's settings and attached databases, but not the target itself.

    Raises FeatsqlError FS802 where a setting is refused.
    """
    target = project.target
    settings = dict(target.settings)
    named = {"threads": threads or target.threads, "memory_limit": target.memory_limit}
    settings |= {name: value for name, value in named.items() if value is not None}
    if target.temp_directory:
        settings["temp_directory"] = str(project.root / target.temp_directory)
    try:
        reaching = {name: value for name, value in settings.items() if name.casefold().startswith(REMOTE)}
        engine = Engine.memory({name: value for name, value in settings.items() if name not in reaching})
        for extension in target.extensions:
            engine.load_extension(extension)
        for name, value in reaching.items():  # which their extensions bring
            engine.set(name, value, "GLOBAL")
    except EngineError as error:
        hint = f"look at `outputs: {target.name}:` in featsql_project.yml"
        raise FeatsqlError(Diagnostic("FS802", error.message, project.target_place, hint)) from error
    for attachment in target.attach:
        attach(engine, attachment, project.root, project.target_place, project.secrets)
    return engine


def attach_target(engine: Engine, project: Project) -> None:
    """Open the target's file for writing and make its schema. Raises FeatsqlError FS803 where the
    file cannot be opened: locked by another process, or not a database."""
    target = project.target
    try:
        if target.path != ":memory:":
            Path(target.path).parent.mkdir(parents=True, exist_ok=True)
            refuse_other_files(project)
        source = exp.alias_(exp.Literal.string(target.path), target.database, quoted=True)
        engine.execute(exp.Attach(this=source).sql("duckdb"))
        make_schema(engine, target.database, target.schema)
    except EngineError as error:
        if (taken := TAKEN.search(error.message)) is not None:
            by = f" {taken.group(1)}" if taken.group(1) else ""
            message = f"`{Path(target.path).name}` is open in another program{by}, which lets nobody write"
            ending = "end it there, or open it there for reading only while nothing is built"
            raise FeatsqlError(Diagnostic("FS803", message, project.target_place, ending)) from error
        hint = None if DENIED.search(error.message) else "is another program using it, or is it no DuckDB database?"
        raise FeatsqlError(Diagnostic("FS803", error.message.splitlines()[0], project.target_place, hint)) from error
    except OSError as error:
        message = f"the folder of `{target.path}` cannot be made: {error.strerror or error}"
        raise FeatsqlError(Diagnostic("FS803", message, project.target_place)) from error


def refuse_other_files(project: Project) -> None:
    """Raise FeatsqlError FS803 where another kind of file lies: the engine would show a CSV or a Parquet file as a
    database in memory, and forget what is built there."""
    path = Path(project.target.path)
    begin = b""
    if path.is_file():
        with suppress(OSError), path.open("rb") as file:  # what cannot be read the engine refuses, and says why
            begin = file.read(MAGIC.stop)
    if begin and begin[MAGIC] != b"DUCK":
        message = f"`{path.name}` is no DuckDB database"
        hint = "give `path:` the name of a file that is not there yet, such as target/shop.duckdb"
        raise FeatsqlError(Diagnostic("FS803", message, project.target_place, hint))


def relations(engine: Engine, project: Project) -> dict[str, str]:
    """What the target's schema holds: 'TABLE' or 'VIEW' by name."""
    target = project.target
    query = (
        exp.select("table_name", "table_type")
        .from_(exp.table_("tables", db="information_schema"))
        .where(exp.column("table_catalog").eq(target.database), exp.column("table_schema").eq(target.schema))
    )
    return {str(name): "VIEW" if kind == "VIEW" else "TABLE" for name, kind in engine.rows(query.sql("duckdb"))}


def shapes(engine: Engine, project: Project, *, views: bool) -> dict[str, str]:
    """What every table in the target's schema is, by name, and every view, if these are asked for: the statement that
    would create it."""
    target = project.target
    found: dict[str, str] = {}
    for kind in ("table", "view") if views else ("table",):
        query = (
            exp.select(f"{kind}_name", "sql")
            .from_(f"duckdb_{kind}s()")
            .where(exp.column("database_name").eq(target.database), exp.column("schema_name").eq(target.schema))
        )
        found |= {str(name): SESSIONS_OWN.sub(r"\1", str(text)) for name, text in engine.rows(query.sql("duckdb"))}
    return found


def published_tables(engine: Engine, project: Project) -> Mapping[str, tuple[Column, ...]]:
    """The columns of every table that stands in the target, by name; looked up when they are asked for."""

    def columns(name: str) -> tuple[Column, ...]:
        return engine.columns(exp.select("*").from_(table_of(project, name)).sql("duckdb"))

    return Lazy((name for name, kind in relations(engine, project).items() if kind == "TABLE"), columns)


def table_of(project: Project, name: str) -> exp.Table:
    """The name of a published relation."""
    return three_part(project.target.database, project.target.schema, name)


def home(project: Project) -> exp.Table:
    """The schema of the target."""
    names = (exp.to_identifier(name, quoted=True) for name in (project.target.schema, project.target.database))
    return exp.Table(**dict(zip(("this", "db"), names, strict=True)))


@contextmanager
def at_home(engine: Engine, project: Project) -> Iterator[None]:
    """Let names without a database be those of the target meanwhile."""
    engine.execute(exp.Use(this=home(project)).sql("duckdb"))
    try:
        yield
    finally:
        engine.execute(exp.Use(this=exp.table_("main", db="memory")).sql("duckdb"))


def stored(model: Model) -> bool:
    """Whether a model has rows of its own in the target."""
    config = model.config
    plain = config.kind == "plain" and config.materialized in {"table", "incremental"}
    return plain or config.kind in {"labels", "training_set"}
