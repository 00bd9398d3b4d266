"""What a relation is by its own code: digests of its text, of what decides about its rows, and of each column."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.build.reuse.state import digest
from featsql.compiler import Compiled
from featsql.engine import DUCKDB
from featsql.read.model import Model
from featsql.read.parse import parse
from featsql.read.project import Config, Source
from featsql.read.render import render
from featsql.resolve.aggregates import has_aggregate

ORDERED = ("distinct", "order", "limit", "offset", "qualify", "having", "windows")


class Definition(Struct, frozen=True):
    """Digests of a relation's own code; comments and layout do not change them, nor does anything upstream.

    `code` stands for all of it, `rows` for what decides which rows there are and what they hold besides
    the values of single columns, and `columns` for each column's own expression.
    """

    code: str
    rows: str
    columns: Mapping[str, str]

    def as_data(self) -> dict[str, Any]:
        """The same for a file."""
        return {"code": self.code, "rows": self.rows, "columns": dict(self.columns)}


def definition(key: str, compiled: Compiled) -> Definition:
    """The definition of a relation, by its key."""
    names = compiled.checked.catalog.relations[key].names
    if key in compiled.graph.sources:
        code = digest(source_parts(key, compiled.graph.sources[key]))
        return Definition(code, code, dict.fromkeys(names, code))
    name = key.partition(":")[2]
    model, tree = compiled.graph.models[name], compiled.checked.resolved[name].tree
    header = header_parts(model.config, compiled)
    code = digest([header, *(normal(each.tree) for each in renderings(model, compiled))])
    if model.config.materialized == "incremental" or tree is None:
        return Definition(code, code, dict.fromkeys(names, code))
    if not separable(tree, compiled.checked.catalog.aggregates):
        return Definition(code, code, dict.fromkeys(names, code))
    assert isinstance(tree, exp.Select)
    rest = by_key(tree.copy())
    each = [digest(text_of(value.unalias().pop())) for value in list(rest.expressions)]
    rest.set("expressions", [])
    return Definition(code, digest([header, text_of(rest)]), dict(zip(names, each, strict=True)))


def renderings(model: Model, compiled: Compiled) -> list[Model]:
    """Every model that a model's text can be: of an incremental one the first and the later, whichever was
    compiled."""
    if model.config.materialized != "incremental":
        return [model]
    alone, syntax_error = replace(compiled.project, models=(model.rendered.file,)), compiled.scratch.engine.syntax_error
    both = (*render(alone, full_refresh=True), *render(alone, incremental={model.name}.__contains__))
    return [each for rendered in both for each in parse((rendered,), compiled.project, syntax_error)]


def normal(tree: exp.Query) -> str:
    """A query's text without comments and layout, its relations by key, wherever they are built."""
    return text_of(by_key(tree.copy()))


def text_of(tree: exp.Expr) -> str:
    """The text of a tree that nobody else holds, without comments and layout."""
    return tree.sql(DUCKDB, comments=False, copy=False)


def by_key(tree: exp.Query) -> exp.Query:
    """The same tree with the keys of its relations in place of their names."""
    for table in list(tree.find_all(exp.Table)):
        if "relation" in table.meta:
            table.set("this", exp.to_identifier(table.meta["relation"], quoted=True))
            table.set("db", None)
            table.set("catalog", None)
    return tree


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
    own: list[Any] = [*source.declaration, repr(source.clock)]
    if key.startswith("seed:"):
        return [*own, sha256(Path(source.location).read_bytes()).hexdigest()]
    return [*own, source.location]
