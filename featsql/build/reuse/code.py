"""What a node's rows depend on besides data: the fingerprint of its code, and what no fingerprint can tell."""

from __future__ import annotations

from functools import lru_cache

from sqlglot import exp

from featsql.build.reuse.state import digest
from featsql.compiler import Compiled
from featsql.engine import DUCKDB
from featsql.read.model import Model
from featsql.resolve.graph import model_key

IRRELEVANT = {"enabled", "tags", "meta", "description", "columns", "place"}
UNSTEADY = frozenset(
    [
        "current_connection_id",
        "current_date",
        "current_query",
        "current_query_id",
        "current_setting",
        "current_time",
        "current_timestamp",
        "current_transaction_id",
        "currval",
        "gen_random_uuid",
        "get_current_time",
        "get_current_timestamp",
        "getenv",
        "getvariable",
        "localtime",
        "localtimestamp",
        "nextval",
        "now",
        "query",
        "query_table",
        "random",
        "setseed",
        "setval",
        "stats",
        "today",
        "transaction_timestamp",
        "txid_current",
        "uuid",
        "uuidv4",
        "uuidv7",
    ]
)
WITHOUT_CALL = frozenset({"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"})
STEADY_TABLES = frozenset({"range", "generate_series", "unnest"})


def code_of(model: Model, compiled: Compiled) -> str:
    """The fingerprint of a model's code: its words (comments and layout are none), what of its configuration
    matters, its clock, and the entities that it is joined by."""
    config, project = model.config, compiled.project
    info = compiled.checked.catalog.relations[model_key(model.name)]
    header = {name: repr(getattr(config, name)) for name in config.__struct_fields__ if name not in IRRELEVANT}
    entities = {name: [each.keys, each.match_nulls] for name, each in project.entities.items()}
    shared = [entities, project.boundary, project.default_delay, project.target.settings, project.target.extensions]
    return digest([words(model.rendered.text), header, repr(info.clock), repr(shared)])


@lru_cache(maxsize=1)  # what a model is and what it asks are found out one after the other
def words(text: str) -> list[list[str]]:
    """The words of SQL as DuckDB's dialect has them; the text of a string is itself."""
    return [[token.token_type.name, token.text] for token in DUCKDB.tokenize(text)]


def unknowable(model: Model) -> str | None:
    """Why a model's rows may change though nothing that featsql sees does; None where they cannot."""
    read = words(model.rendered.text)
    for index, (_, text) in enumerate(read):
        name = text.lower()
        called = index + 1 < len(read) and read[index + 1][1] == "("
        if name in UNSTEADY and (called or name in WITHOUT_CALL):
            return f"it asks `{name}`"
    own = {each.alias.casefold() for each in model.tree.find_all(exp.CTE)}
    for table in model.tree.find_all(exp.Table):
        name = table.name or table.this.sql_name().lower() if isinstance(table.this, exp.Func) else table.name
        known = "relation" in table.meta or (isinstance(table.this, exp.Identifier) and name.casefold() in own)
        if not known and not (isinstance(table.this, exp.Func) and steady(table.this)):
            if model.config.materialized == "incremental" and name == model.name:
                return "it adds to its own rows"
            return f"it reads `{name or table.this.sql('duckdb')}`, which featsql does not watch"
    return None


def steady(function: exp.Func) -> bool:
    """Whether a table function always gives the same rows."""
    name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
    return name.lower() in STEADY_TABLES
