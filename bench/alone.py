"""What no compiler of SQL models can be without: sqlglot parses and qualifies each, and DuckDB parses and binds it.

    python bench/alone.py FOLDER      of a project that models.py wrote

In one process and on one core, with no template, rule, lineage or plan, nothing done that featsql does without, and no
looking for garbage: what `featsql compile` takes is held to this.
"""

from __future__ import annotations

import gc
import re
import sys
from pathlib import Path

import duckdb
from sqlglot import Dialect, exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

DUCKDB = Dialect.get_or_raise("duckdb")
HEADER = re.compile(r"\{\{ config.*\}\}")
REFERENCE = re.compile(r"\{\{ \w+\((?:'raw', )?'(\w+)'\) \}\}")


def main(folder: Path) -> None:
    """Read and bind every model, parents first."""
    gc.disable()
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.execute("CREATE MACRO as_of() AS CAST(NULL AS TIMESTAMP)")
    known: dict[str, dict[str, str]] = {}

    def stand(name: str, query: str) -> None:
        bound = connection.sql(query)
        known[name] = dict(zip(bound.columns, map(str, bound.types), strict=True))
        columns = ", ".join(f"{column} {kind}" for column, kind in known[name].items())
        connection.execute(f"CREATE TABLE {name} ({columns})").fetchall()

    for path in folder.glob("data/*.csv"):
        stand(path.stem, f"FROM '{path}'")
    for path in sorted(folder.glob("models/*.sql"), key=lambda path: int(path.stem.rpartition("_")[2])):
        text = REFERENCE.sub(r"\1", HEADER.sub("", path.read_text()))
        (tree,) = DUCKDB.parser().parse(DUCKDB.tokenize(text), text)
        assert tree is not None
        read: dict[str, object] = {
            table.name: known[table.name] for table in tree.find_all(exp.Table) if table.name in known
        }
        schema = MappingSchema(read, dialect=DUCKDB, normalize=False)
        qualify(
            tree,
            dialect=DUCKDB,
            schema=schema,
            validate_qualify_columns=False,
            quote_identifiers=False,
            identify=False,
        )
        stand(path.stem, text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
