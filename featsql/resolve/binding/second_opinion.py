"""Which columns the engine itself reads for a text: a second opinion about what lineage found in its tree.

The engine plans the text on empty tables, and optimises nothing but that columns which nothing needs are not read. What
its scans then read is what the text is made of, as the engine bound it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from featsql.engine import Engine, EngineError
from featsql.read.model import Model
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.catalog.describe import Scratch, as_of_type, asks_instant, bound_name, rendered_name
from featsql.resolve.graph import Graph, model_key
from featsql.resolve.lineage.flow import MisledError

KEPT = "unused_columns"
PART = re.compile(r'"((?:[^"]|"")*)"|([^.]+)')
Read = Mapping[tuple[str, ...], frozenset[str]]  # of each table, by the folded parts of its name, the folded columns


def read_columns(model: Model, graph: Graph, relations: Mapping[str, RelationInfo], scratch: Scratch) -> Read:
    """The same of a model that was bound in a scratch database."""
    scratch.need(graph.parents[model_key(model.name)])
    if asks_instant(model):
        scratch.set_instant(as_of_type(model, graph, relations))
    return read_by_engine(model.rendered.text, scratch.engine)


def read_by_engine(text: str, engine: Engine) -> Read:
    """The columns that a text reads of each table. Raises MisledError where the engine does not tell."""
    names = [name for (name,) in engine.rows("SELECT name FROM duckdb_optimizers()") if name != KEPT]
    try:
        with engine.setting({"disabled_optimizers": ",".join(names)}):
            plan = json.loads(engine.rows(f"EXPLAIN (FORMAT json) {text}")[0][1])
    except EngineError:
        raise MisledError("the engine does not tell what it reads") from None
    found: dict[tuple[str, ...], frozenset[str]] = {}
    for table, columns in scans(plan):
        found[table] = found.get(table, frozenset()) | columns
    return found


def scans(nodes: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
    """The tables that a plan scans, with their columns."""
    for node in nodes:
        said = node.get("extra_info", {})
        if "Table" in said:
            columns = said.get("Projections") or []
            columns = [columns] if isinstance(columns, str) else columns
            yield parts_of(said["Table"]), frozenset(each.casefold() for each in columns)
        yield from scans(node.get("children", []))


def parts_of(name: str) -> tuple[str, ...]:
    """The folded parts of a name as the engine writes it."""
    return tuple((quoted.replace('""', '"') or plain).casefold() for quoted, plain in PART.findall(name))


def agree(seen: Mapping[str, Set[str]], relations: Iterable[RelationInfo], read: Read, graph: Graph) -> None:
    """Raise MisledError where the engine reads a column of a relation that was not `seen` of it."""
    for info in relations:
        for name in {bound_name(info.key, graph), rendered_name(info.key, graph)}:
            columns = read.get(tuple(part.name.casefold() for part in name.parts), frozenset())
            for column in info.names:
                if column.casefold() not in seen.get(info.key, ()) and reads(columns, column.casefold()):
                    raise MisledError(f"the engine reads its column `{column}`, which is not seen in its tree")


def reads(columns: frozenset[str], name: str) -> bool:
    """Whether a column is read, or fields of it alone."""
    return name in columns or any(each.startswith(f"{name}.") for each in columns)
