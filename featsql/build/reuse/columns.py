"""What each column of a training set is made of besides data, so that one that changed is told from the others."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from sqlglot import exp

from featsql.build.reuse.code import code_of
from featsql.build.reuse.state import digest
from featsql.compiler import Compiled
from featsql.plan.plan import Attach, Plan, Scan, scans_of
from featsql.resolve.graph import model_key


class Made(Struct, frozen=True):
    """What a column is made of: the fingerprint of its code, its readings of relations, and the aliases of the
    attachments that it needs."""

    code: str
    scans: tuple[Scan, ...]
    aliases: frozenset[str]


def columns_of(plan: Plan, compiled: Compiled) -> dict[str, Made]:
    """Every column of a training set, in order."""
    types = {column.name: column.type for column in compiled.checked.catalog.relations[model_key(plan.name)].columns}
    attached = {attach.alias.casefold(): attach for attach in plan.attachments}
    spine = [plan.spine.alias, plan.spine.as_of, plan.spine.as_of_type, plan.boundary]
    joined = [[read.alias, read.on.sql("duckdb"), read.outer, read.scan.relation.key] for read in plan.readings]
    codes = {alias: attach_code(attach, compiled) for alias, attach in attached.items()}
    found: dict[str, Made] = {}
    for value in plan.select.expressions:
        aliases = read_by(value, attached)
        own = [codes[alias] for alias in sorted(aliases)]
        code = digest([value.sql("duckdb", comments=False), types.get(value.alias_or_name), spine, joined, own])
        found[value.alias_or_name] = Made(code, tuple(scans_read(value, plan, aliases)), frozenset(aliases))
    return found


def read_by(value: exp.Expr, attached: Iterable[str]) -> set[str]:
    """The attachments that an expression may read: all of them, where a name does not say whose it is."""
    tables = {each.table.casefold() for each in value.find_all(exp.Column)}
    return set(attached) if "" in tables else tables & set(attached)


def scans_read(value: exp.Expr, plan: Plan, aliases: set[str]) -> Iterable[Scan]:
    """The readings of relations that a column is made of. What is joined to the spine by the author is read by all:
    it may stop the query."""
    for attach in plan.attachments:
        if attach.alias.casefold() in aliases:
            yield from scans_of(attach.features)
    yield from (read.scan for read in plan.readings)
    yield from (plan.scans[table.meta["scan"]] for table in value.find_all(exp.Table) if "scan" in table.meta)


def attach_code(attach: Attach, compiled: Compiled) -> str:
    """The fingerprint of what a features model, with those that it reads, gives for a row of the spine."""
    models = compiled.graph.models
    above = (key.partition(":")[2] for key in compiled.graph.upstream([model_key(attach.features.name)]))
    read = sorted(name for name in above if name in models and models[name].config.kind == "features")
    keys = [key.sql("duckdb") for key in attach.keys]
    return digest([attach.features.name, keys, [[name, code_of(models[name], compiled)] for name in read]])
