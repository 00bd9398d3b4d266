"""What the compiled query itself shows: which relations it only reads through the definition of "visible".

It looks at the finished query and knows nothing of how it was planned. What is shown is not that the
values are right, only that no row of a relation gets in that was not visible at the row's instant.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from featsql.compiler import Compiled
from featsql.engines.duckdb.lower.lower import lower
from featsql.plan import names
from featsql.plan.plan import Features, Plan, scans_of
from featsql.prove.proof.framed import ends_at_probe
from featsql.prove.proof.pinned import in_as_of_join, is_pinned, readers_of
from featsql.prove.scratch import clocked, name_of
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.catalog.describe import bound_name
from featsql.resolve.graph import model_key
from featsql.resolve.nanoseconds import by_column, of_type, seen_at
from featsql.resolve.scope import conjuncts
from featsql.temporal import Boundary, available_at, column, holds, pending, reached, visible


def unrestricted(plan: Plan, compiled: Compiled) -> dict[str, str]:
    """The relations, by key, that the query of a training set is not shown to read as they were, with why."""
    query = lower(plan)
    probed = column(names.AS_OF, names.PROBE)
    own = of_type(column(plan.spine.as_of, plan.spine.alias), plan.spine.as_of_type)
    instants: list[exp.Expr] = [probed, of_type(probed, plan.spine.as_of_type), own]
    found: dict[str, str] = {}
    for key in clocked(plan):
        info = compiled.checked.catalog.relations[key]
        name = name_of(bound_name(key, compiled.graph))
        tables = [each for each in query.find_all(exp.Table) if name_of(each) == name]
        if not all(is_restricted(each, info, query, instants, plan.boundary) for each in tables):
            found[key] = "the compiled query reads it without asking what was visible"
    return found


def is_restricted(
    each: exp.Table, info: RelationInfo, query: exp.Select, instants: list[exp.Expr], boundary: Boundary
) -> bool:
    """Whether one reading of a relation lets only rows through that are visible at a row's instant."""
    select = each.parent_select
    clock = info.clock
    if not isinstance(select, exp.Select) or clock is None:
        return False
    terms = {term.sql("duckdb") for term in where(select)}
    if exp.false().sql("duckdb") in terms:
        return True
    instants = [seen_at(at, fine=info.is_fine, boundary=boundary) for at in instants]
    seen = [by_column(visible(clock, at, boundary), at, info.coarse, boundary) for at in instants]
    if any(terms_of(each) <= terms for each in seen) and not clock.versioned:
        return True
    if ends_at_probe(each, info, query, boundary):
        return True
    cte = each.find_ancestor(exp.CTE)
    if not clock.versioned or cte is None or not begins_when_known(cte, info):
        return False
    readers = readers_of(cte, query)
    return bool(readers) and all(
        reads_stretch(table, info, instants, boundary) or is_pinned(table, query, instants, boundary)
        for table in readers
    )


def begins_when_known(cte: exp.CTE, info: RelationInfo) -> bool:
    """Whether the validity intervals of a relation's versions begin when a version has happened and can be known. Where
    that is some time after it happened, it has."""
    clock = info.clock
    assert clock is not None
    begin: exp.Expr = available_at(clock)
    if clock.kind != "periods" and clock.available_at:
        begin = exp.Greatest(this=column(clock.start), expressions=[begin])
    wanted = begin.sql("duckdb")
    begins = [each for each in cte.this.find_all(exp.Alias) if each.alias == names.KNOWN_FROM]
    return any(each.this.sql("duckdb") == wanted for each in begins)


def reads_stretch(table: exp.Table, info: RelationInfo, instants: list[exp.Expr], boundary: Boundary) -> bool:
    """Whether versions are read for one instant: those known by then, and not replaced by then."""
    clock, select = info.clock, table.parent_select
    assert clock is not None
    if not isinstance(select, exp.Select):
        return False
    terms = {term.sql("duckdb") for term in where(select)}
    since, until = column(names.KNOWN_FROM), column(names.KNOWN_TO)
    for at in instants:
        known = exp.and_(reached(since, at, boundary), pending(until, at, boundary), holds(clock, at, boundary))
        if terms_of(known) <= terms:
            return True
    return in_as_of_join(table, instants, boundary)


def where(select: exp.Select) -> list[exp.Expr]:
    """The terms of a WHERE."""
    clause = select.args.get("where")
    return conjuncts(clause.this) if clause is not None else []


def terms_of(condition: exp.Expr) -> set[str]:
    """The terms of a condition, as text."""
    return {term.sql("duckdb") for term in conjuncts(condition) if term != exp.true()}


def objections(features: Features, compiled: Compiled, leaks: dict[str, str]) -> list[str]:
    """Why a features model is not proved: readings that are not restricted, and what the checker warned of."""
    keys = dict.fromkeys(scan.relation.key for scan in scans_of(features))
    found = [f"{key}: {leaks[key]}" for key in keys if key in leaks]
    return [*found, *warnings(features, compiled), *unseen(features, compiled)]


def unseen(features: Features, compiled: Compiled) -> list[str]:
    """What nobody is warned of, and what nothing is proved in spite of: warnings and errors that the project lets pass,
    and models whose columns cannot be followed, in a features model or above it."""
    graph, lineage = compiled.graph, compiled.checked.lineage
    above = graph.upstream([model_key(features.name)])
    passed = [
        f"{each.diagnostic.code}, let pass: {each.diagnostic.message}"
        for each in compiled.checked.waived
        if model_key(each.model) in above
        and each.severity not in {"warning", "error"}
        and each.diagnostic.severity in {"warning", "error"}
    ]
    names = [name for name in graph.models if model_key(name) in above]
    return passed + [f"model:{name}: {why}" for name in names if (why := lineage.coarse.get(name)) is not None]


def warnings(features: Features, compiled: Compiled) -> list[str]:
    """What the checker warned of in a features model, or in any model that it is made of."""
    graph = compiled.graph
    above = graph.upstream([model_key(features.name)])
    paths = {model.rendered.file.path for name, model in graph.models.items() if model_key(name) in above}
    said = (d for d in compiled.diagnostics if d.severity == "warning" and d.place and d.place.path in paths)
    return [f"{d.code}: {d.message}" for d in said]


def trusted(keys: Iterable[str], compiled: Compiled) -> list[str]:
    """What is taken at its word: static relations, and clocks that people declared, of what `keys` read."""
    relations, found = compiled.checked.catalog.relations, []
    for key in sorted(compiled.graph.upstream(keys)):
        info = relations.get(key)
        if info is None or info.clock is None:
            continue
        model = compiled.graph.models.get(key.partition(":")[2]) if key.startswith("model:") else None
        if info.clock.kind == "static" and model is None:
            found.append(f"{key} is static: {info.clock.why}")
        elif model is not None and model.config.clock is not None:
            found.append(f"{key} declares a clock of its own")
        elif model is None:
            found.append(f"{key} tells the truth about when its rows were known")
    return found
