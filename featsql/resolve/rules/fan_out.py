"""FS619: a join that can meet a row several times, where rows are counted or the spine must keep its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.aggregates import has_aggregate
from featsql.resolve.keys.entity_keys import keys_of
from featsql.resolve.keys.unique import Uniqueness
from featsql.resolve.scope import joins, output, query_behind, scan_of, sources
from featsql.resolve.subject import Subject, named

# Aggregates that a row counts in each time that it is there.
COUNTING = (exp.Sum, exp.Count, exp.Avg, exp.ArrayAgg, exp.GroupConcat)
PICKED = "aggregate it before the join, or pick one of its rows: a plain model sees all of them, and every version"
DISTINCT = "count the key of what is meant, `count(distinct ...)`; or "
SETTLED = "declare the key of its rows: `unique_key` in its clock or config; or aggregate it before the join"


def check(subject: Subject) -> Iterator[Diagnostic]:
    """What is met twice is counted twice."""
    tree = subject.resolved.tree
    if tree is None:
        return
    known = Uniqueness(subject.resolved, subject.graph, at_instants=subject.as_of_model)
    if subject.kind == "training_set" and isinstance(tree, exp.Select):
        yield from beside_the_spine(subject, tree, known)
        return
    for select in tree.find_all(exp.Select):
        yield from counted_twice(subject, select, known)
    if subject.as_of_model:
        yield from several_rows(subject, tree)


def beside_the_spine(subject: Subject, tree: exp.Select, known: Uniqueness) -> Iterator[Diagnostic]:
    """A relation that a training set joins must have one row for each of its own."""
    for join in joins(tree):
        table = join.this
        scan = table.meta.get("scan") if isinstance(table, exp.Table) else None
        if scan is None or subject.kind_of(subject.resolved.scans[scan].key) == "features":
            continue
        if known.multiplies(join, tree):
            key = subject.resolved.scans[scan].key
            message = f"cannot show that a row of the spine meets one row of {named(key)} at most"
            yield subject.found("FS619", message, subject.table_of(key), SETTLED, "warning")


def counted_twice(subject: Subject, select: exp.Select, known: Uniqueness) -> Iterator[Diagnostic]:
    """An aggregate over one side of a join that the other side multiplies."""
    if not any(has_aggregate(value, subject.catalog.aggregates) for value in select.expressions):
        return
    for columns, call in counted(select):
        if not columns and not subject.as_of_model:
            continue  # in a plain model it may well be the pairs that are counted
        for other, source in multipliers(columns, select, known) if columns else crossed(select, known):
            if not subject.as_of_model and not is_surely_several(other, source, select, known):
                continue
            message = f"cannot show that `{call.sql('duckdb')}` counts each row once: `{other}` may match several times"
            place = next((t for t in source.find_all(exp.Table) if "relation" in t.meta), None)
            key = place.meta["relation"] if place is not None else f"model:{subject.model.name}"
            hint = PICKED if not subject.as_of_model else SETTLED if columns else DISTINCT + SETTLED
            yield subject.found("FS619", message, subject.table_of(key), hint, "warning")
            return


def is_surely_several(other: str, source: exp.Expr, select: exp.Select, known: Uniqueness) -> bool:
    """Whether a plain model cannot mean to meet all rows of a source: its rows are events or versions, and
    the model asks nothing for each of them."""
    return known.has_several(source) and not grouped_by(other, select, known)


def grouped_by(alias: str, select: exp.Select, known: Uniqueness) -> set[str]:
    """The columns of a source that a SELECT groups by."""
    group = select.args.get("group")
    terms = group.expressions if group is not None else []
    if group is not None and group.args.get("all"):
        terms = [value for value in select.expressions if not has_aggregate(value, known.model.aggregates)]
    columns = [column for term in terms for column in term.find_all(exp.Column)]
    return {column.name.casefold() for column in columns if column.table.casefold() == alias}


def crossed(select: exp.Select, known: Uniqueness) -> Iterator[tuple[str, exp.Expr]]:
    """A source, by alias, that makes the rows of a SELECT those of no single relation: each of its sources is
    multiplied by another. One whose rows the SELECT tells apart by what it groups by multiplies none of a group's."""
    nodes = sources(select)
    if select.args.get("laterals") or any(scan_of(node) is None and not query_behind(node) for node in nodes.values()):
        return
    met = {join.this.alias_or_name.casefold(): join for join in joins(select)}
    found: list[tuple[str, exp.Expr]] = []
    for alias, node in nodes.items():
        several = [
            (other, each)
            for other, each in nodes.items()
            if other != alias
            and not is_harmless(each, met.get(other), select, known)
            and grouped_by(other, select, known) <= known.held(other, select)
        ]
        if not several:
            below = query_behind(node)
            if isinstance(below, exp.Select) and keeps_copies(below, known):
                yield from crossed(below, known)
            return
        found = found or several
    yield from found


def is_harmless(source: exp.Expr, join: exp.Join | None, select: exp.Select, known: Uniqueness) -> bool:
    """Whether a source multiplies no row of what it is read beside."""
    once = join is not None and not known.multiplies(join, select)
    return known.is_static(source) or once or known.told_apart(source, select)


def multipliers(columns: Sequence[exp.Column], select: exp.Select, known: Uniqueness) -> Iterator[tuple[str, exp.Expr]]:
    """The sources, by alias, that may multiply the rows which columns of a SELECT come from: beside them, or
    further down in the subqueries and CTEs that pass them on."""
    nodes = sources(select)
    aliases = {column.table.casefold() for column in columns}
    met = {join.this.alias_or_name.casefold(): join for join in joins(select)}
    if any(met[alias].method == "ASOF" for alias in aliases & met.keys()):
        return  # one is picked for each row of the others, which is what is counted
    for other, source in nodes.items():
        if aliases and other not in aliases and not is_harmless(source, met.get(other), select, known):
            yield other, source
    for alias in sorted(aliases & nodes.keys()):
        below = query_behind(nodes[alias])
        if isinstance(below, exp.Select) and keeps_copies(below, known):
            values = [output(below, column.name) for column in columns if column.table.casefold() == alias]
            inner = [column for value in values if value is not None for column in values_in(value)]
            yield from multipliers(inner, below, known)


def keeps_copies(select: exp.Select, known: Uniqueness) -> bool:
    """Whether a row that a join of a SELECT multiplies is still there several times in what it gives."""
    gathers = any(select.args.get(part) for part in ("group", "distinct", "qualify", "limit"))
    return not gathers and not any(has_aggregate(value, known.model.aggregates) for value in select.expressions)


def counted(select: exp.Select) -> Iterator[tuple[list[exp.Column], exp.Expr]]:
    """The aggregates of a SELECT that count rows as often as they are there, with the columns whose rows they
    count; `count(*)` is of the rows of the join itself."""
    for value in select.expressions:
        for call in value.find_all(*COUNTING):
            inside = call.find_ancestor(exp.Window) or call.parent_select is not select
            counts_rows = call.this is None  # `count()`
            columns = [] if counts_rows else list(values_in(call.this))
            if not inside and not isinstance(call.this, exp.Distinct):
                yield columns, call


def values_in(value: exp.Expr) -> Iterator[exp.Column]:
    """The columns that an expression takes its value from, without those that only decide about it."""
    if isinstance(value, exp.Case):
        parts = [*(each.args["true"] for each in value.args["ifs"]), value.args.get("default")]
    elif isinstance(value, exp.If):
        parts = [value.args["true"], value.args.get("false")]
    else:
        yield from [value] if isinstance(value, exp.Column) else []
        parts = list(value.iter_expressions())
    for part in parts:
        if part is not None:
            yield from values_in(part)


def several_rows(subject: Subject, tree: exp.Query) -> Iterator[Diagnostic]:
    """A features model that groups by more than its keys has several rows for one entity."""
    group = tree.args.get("group") if isinstance(tree, exp.Select) else None
    if group is None or tree.args.get("qualify") or tree.args.get("distinct") or tree.args.get("limit"):
        return
    if any(group.args.get(part) for part in ("rollup", "cube", "grouping_sets")) or group.find(
        exp.Rollup, exp.Cube, exp.GroupingSets
    ):
        return
    keys = keys_of(subject.model.config, subject.graph.project.entities)
    plain = [v for v in tree.expressions if not has_aggregate(v, subject.catalog.aggregates)]
    outputs = {value.unalias().sql(comments=False): value.alias_or_name for value in plain}
    terms = (
        list(outputs) if group.args.get("all") else [term.unnest().sql(comments=False) for term in group.expressions]
    )
    more = [outputs.get(term, term) for term in terms if outputs.get(term, "").casefold() not in keys]
    if more:
        message = f"cannot show that there is one row for each entity: the model also groups by `{more[0]}`"
        hint = "group by the entity's keys alone, or make it an entity of its own"
        yield subject.found("FS619", message, tree, hint, "warning")
