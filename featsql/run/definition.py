"""What a relation is by its own code: digests of its text, of what decides about its rows, and of each column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlglot import exp

from featsql.compiler import Compiled
from featsql.read.project import Config, Source
from featsql.resolve.aggregates import has_aggregate
from featsql.run.fingerprint import digest

ORDERED = ("distinct", "order", "limit", "offset", "qualify", "having", "windows")


@dataclass(frozen=True, slots=True)
class Definition:
    """Digests of a relation's own code; comments and layout do not change them, nor does anything upstream.

    `code` stands for all of it, `rows` for what decides which rows there are and what they hold besides
    the values of single columns, and `columns` for each column's own expression.
    """

    code: str
    rows: str
    columns: Mapping[str, str]


def definition(key: str, compiled: Compiled) -> Definition:
    """The definition of a relation, by its key."""
    names = compiled.checked.catalog.relations[key].names
    if key in compiled.graph.sources:
        code = digest(source_parts(key, compiled.graph.sources[key]))
        return Definition(code, code, dict.fromkeys(names, code))
    name = key.partition(":")[2]
    model, tree = compiled.graph.models[name], compiled.checked.resolved[name].tree
    header = header_parts(model.config, compiled)
    code = digest([header, model.tree.sql("duckdb", comments=False)])
    if tree is None or not separable(tree, compiled.checked.catalog.aggregates):
        return Definition(code, code, dict.fromkeys(names, code))
    assert isinstance(tree, exp.Select)
    rest = tree.copy()
    rest.set("expressions", [])
    each = [digest(value.unalias().sql("duckdb", comments=False)) for value in tree.expressions]
    rows = digest([header, rest.sql("duckdb", comments=False)])
    return Definition(code, rows, dict(zip(names, each, strict=True)))


def separable(tree: exp.Query, aggregates: frozenset[str]) -> bool:
    """Whether each output of a query could change alone, and leave its rows and its other outputs as they are."""
    if not isinstance(tree, exp.Select) or any(tree.args.get(part) for part in ORDERED):
        return False
    group = tree.args.get("group")
    if group is None:
        if any(has_aggregate(value, aggregates) for value in tree.expressions):
            return False
    elif group.args.get("all") or any(isinstance(n, exp.Literal) or reaches_out(n) for n in group.walk()):
        return False
    return not any(reaches_out(node) for value in tree.expressions for node in value.walk())


def reaches_out(node: exp.Expr) -> bool:
    """Whether a part of an output may make rows, or may mean another output by its name."""
    if isinstance(node, exp.Anonymous):
        return node.name.casefold() != "as_of"
    return isinstance(node, exp.Explode | exp.Unnest) or (isinstance(node, exp.Column) and not node.table)


def header_parts(config: Config, compiled: Compiled) -> list[Any]:
    """What a model's header adds to its meaning."""
    entities = [compiled.project.entities.get(name) for name in config.entity]
    return [
        [config.kind, config.materialized, config.as_of, config.horizon, config.label],
        [[each.keys, each.match_nulls] for each in entities if each is not None],
        [config.unique_key, config.incremental_time, repr(config.clock)],
        config.boundary or compiled.project.boundary,
    ]


def source_parts(key: str, source: Source) -> list[Any]:
    """How a source is declared; of a seed, also what it holds, wherever its file is."""
    own: list[Any] = [source.format, repr(dict(source.options)), repr(source.clock)]
    if key.startswith("seed:"):
        return [*own, sha256(Path(source.location).read_bytes()).hexdigest()]
    return [*own, source.location]
