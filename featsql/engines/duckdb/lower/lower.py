"""Stage 10: from a plan to one query, built as a tree from the first node to the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from sqlglot import exp

from featsql.engines.duckdb.columnar.latest_request import given
from featsql.engines.duckdb.lower.asof import as_of_joined, moved
from featsql.engines.duckdb.lower.guards import guarded, sacred
from featsql.engines.duckdb.lower.latest import latest, met, of_asked, of_winners, settled
from featsql.engines.duckdb.lower.lift import Moment, lift
from featsql.engines.duckdb.lower.missing import absent, left_out
from featsql.engines.duckdb.lower.over import framed
from featsql.engines.duckdb.lower.paired import paired
from featsql.engines.duckdb.lower.result_columns import ResultColumns, asked_at, disorders
from featsql.engines.duckdb.lower.tables import Parts, aliased, asked
from featsql.plan import names
from featsql.plan.instants import asked_instant
from featsql.plan.known import rows_at, validity_intervals
from featsql.plan.plan import AsOf, Attach, Features, Lifted, Met, Over, Plan, Reading, Scan
from featsql.plan.sharing import part_of, shared, together
from featsql.resolve.nanoseconds import of_type
from featsql.temporal import Boundary, column

DEFAULT = "__default"


def lower(plan: Plan) -> exp.Select:
    """The query of a training set: one row for each row of the spine, in their order, with the author's columns."""
    parts = Parts(plan.boundary)
    ordered = disorders(plan)
    parts.add(names.SPINE, numbered(plan) if ordered else spine_rows(plan))
    result_columns = ResultColumns(plan)
    groups = [group for group in together(plan.attachments) if not result_columns.take(group, parts)]
    joined = [join for group in groups for join in attached(group, plan, parts)]
    at = of_type(column(plan.spine.as_of, plan.spine.alias), plan.spine.as_of_type)
    read = [reading(each, at, parts) for each in plan.readings]
    moment = Moment(at, plan.boundary, versions=parts.versions(plan.scans.values()))
    query = lift(result_columns.named(plan.select), plan.scans, moment)
    assert isinstance(query, exp.Select)
    query.set("from_", exp.From(this=aliased(result_columns.name, plan.spine.alias)))
    for join in (*joined, *read):
        query.append("joins", join)
    if ordered and not is_by_all(query):
        query = query.order_by(exp.Ordered(this=column(names.ROW, plan.spine.alias), nulls_first=False), copy=False)
    return parts.around(sacred(query, plan))


def is_by_all(query: exp.Select) -> bool:
    """Whether the author has the rows ordered by all of their columns."""
    order = query.args.get("order")
    return order is not None and any(each.this == exp.var("ALL") for each in order.expressions)


def spine_rows(plan: Plan) -> exp.Select:
    """The rows of the spine."""
    return exp.select(exp.Star()).from_(plan.spine.source.copy(), copy=False)


def numbered(plan: Plan) -> exp.Select:
    """The rows of the spine, each with its number: the engine keeps no order of what it joins."""
    return spine_rows(plan).select(exp.alias_(exp.Window(this=exp.RowNumber()), names.ROW), copy=False)


def lower_at(features: Features, at: exp.Expr, boundary: Boundary) -> exp.Select:
    """The query of a features model at one instant: all of its rows as the meaning has them."""
    parts = Parts(boundary)
    features = features.general if isinstance(features, Over) else features
    match features:
        case Lifted():
            everything = {i: Scan(scan.relation, scan.table) for i, scan in features.scans.items()}
            moment = Moment(at, boundary, versions=parts.versions(features.scans.values()))
            rows = lift(features.tree, everything, moment)
            return parts.around(exp.select(exp.Star()).from_(rows.subquery(features.name, copy=False), copy=False))
        case AsOf():
            versions = parts.versions([Scan(features.relation, features.table)])
            state = rows_at(features.relation, features.table, at, boundary, versions.get(features.relation.key))
            values = [exp.alias_(moved(value, at), name, quoted=True) for name, value in features.outputs]
            query = exp.select(*values).from_(state.subquery(features.alias), copy=False)
            return parts.around(query.where(moved(features.where, at)) if features.where is not None else query)
        case _:
            assert_never(features)


def attached(group: Sequence[Attach], plan: Plan, parts: Parts) -> Iterator[exp.Join]:
    """The joins that put the features of models beside the spine; those of several models are computed as one."""
    as_of = asked_instant(group[0].features, plan.spine, plan.boundary)
    keys = group[0].keys
    asked = [names.AS_OF, *(names.key(i) for i in range(len(keys)))]
    models = [attach.features for attach in group if isinstance(attach.features, Over)]
    features = shared(models) if len(group) > 1 else group[0].features
    if isinstance(features, AsOf) and features.precomputed is not None:
        query = untied(features, met_twins(features, features.precomputed, group[0], plan, parts), parts)
    else:
        query = per_probe(features, parts.probe(keys, as_of, plan.spine.alias), parts)
    name = parts.add(f"__features_{len(parts.tables)}", query, materialized=len(group) > 1 or None)
    for position, attach in enumerate(group):
        table: exp.Expr = aliased(name, attach.alias)
        if len(group) > 1:
            own = [exp.alias_(column(part_of(position, f)), f, quoted=True) for f in attach.features.features]
            table = exp.select(*(column(each) for each in asked), *own).from_(name, copy=False).subquery(copy=False)
            table.set("alias", exp.TableAlias(this=exp.to_identifier(attach.alias, quoted=True)))
        pairs = zip(asked, (as_of, *attach.keys), strict=True)
        same = [exp.NullSafeEQ(this=column(mine, attach.alias), expression=theirs.copy()) for mine, theirs in pairs]
        yield exp.Join(this=table, side="LEFT", on=exp.and_(*same))


def per_probe(features: Features, probe: str, parts: Parts) -> exp.Select:
    """A features model for each probe: its instant, its keys, and one value of every feature."""
    match features:
        case Lifted():
            return lifted(features, probe, parts)
        case AsOf() if features.in_order:
            return last_known(features, probe, parts)
        case AsOf() if features.narrow:
            rows = of_asked(features, features.table, probe).subquery("asked")
            query = validity_intervals(features.relation, rows)
            versions = parts.add(f"__versions_of_{len(parts.tables)}", query, materialized=True)
            return as_of_joined(features, probe, versions, parts.boundary)
        case AsOf():
            versions = parts.versions([Scan(features.relation, features.table)])[features.relation.key]
            return as_of_joined(features, probe, versions, parts.boundary)
        case Over():
            return over(features, probe, parts)
        case _:
            assert_never(features)


def last_known(features: AsOf, probe: str, parts: Parts) -> exp.Select:
    """The newest row of each probe by one as-of join with the rows themselves; twins are settled after it."""
    rows = parts.rows(features)
    found = parts.add(f"__met_{len(parts.tables)}", met(features, probe, rows, parts.boundary), materialized=True)
    return untied(features, found, parts)


def untied(features: AsOf, found: str, parts: Parts) -> exp.Select:
    """The newest row of each probe: the one that it met, or of that row's twins the one that comes first."""
    rows = parts.rows(features)
    winners = parts.add(f"__settled_{len(parts.tables)}", settled(features, found, rows))
    return latest(features, of_winners(features, found, winners), parts.boundary)


def met_twins(features: AsOf, precomputed: Met, attach: Attach, plan: Plan, parts: Parts) -> str:
    """The row that each instant and key met, as it stands beside the spine's rows."""
    found = {**asked_at(attach, plan), **given(features, precomputed)}
    query = exp.select(*(exp.alias_(value.copy(), name, quoted=True) for name, value in found.items()))
    query = query.distinct(copy=False).from_(aliased(names.SPINE, plan.spine.alias), copy=False)
    return parts.add(f"__met_{len(parts.tables)}", query, materialized=True)


def over(features: Over, probe: str, parts: Parts) -> exp.Select:
    """All windows by a join or by one sort; what late rows make doubtful there, by a join or by the general rule."""
    frames = asked(features, probe, parts)
    if features.method != "sort":
        return paired(frames, near=features.method == "near join")
    query = framed(frames)
    if names.LATE not in query.named_selects:
        return query
    keys = [column(name) for name in (names.AS_OF, *frames.keys)]
    number = len(parts.tables)
    name = parts.add(f"__over_{number}", query, materialized=True)
    sure = exp.select(*keys, *(column(feature) for feature in features.features)).from_(name, copy=False)
    sure = sure.where(exp.not_(column(names.LATE)), copy=False)
    doubted = parts.add(
        f"__late_{number}", exp.select(*keys).from_(name, copy=False).where(column(names.LATE), copy=False)
    )
    if features.joinable:
        joined = paired(asked(features, doubted, parts), near=False)
    else:
        joined = lifted(features.general, doubted, parts)
    return exp.select(exp.Star()).from_(exp.union(sure, joined, distinct=False).subquery(), copy=False)


def lifted(features: Lifted, probe: str, parts: Parts) -> exp.Select:
    """The general rule: laterally for each probe, the model's own query at that instant."""
    keys = [column(names.key(i), names.PROBE) for i in range(len(features.keys))]
    versions = parts.versions(features.scans.values())
    at = of_type(column(names.AS_OF, names.PROBE), parts.kinds.get(probe, ""))
    moment = Moment(at, parts.boundary, keys, features.match_nulls, versions)
    wanted = [
        (exp.NullSafeEQ if nulls else exp.EQ)(this=column(name, "__model"), expression=key.copy())
        for name, key, nulls in zip(features.keys, keys, features.match_nulls, strict=True)
    ]
    body = lift(features.tree, features.scans, moment).subquery("__model")
    rows = exp.select(exp.alias_(exp.true(), names.HIT), "*").from_(body, copy=False).where(*wanted, copy=False)
    query = exp.select(column(names.AS_OF, names.PROBE), *(key.copy() for key in keys))
    query = query.from_(aliased(probe, names.PROBE), copy=False)
    query.append("joins", exp.Join(this=lateral(rows, "__rows"), side="LEFT", on=exp.true()))
    if features.defaults is not None:
        row = absent(features, features.defaults.row, moment, probe)
        query.append("joins", exp.Join(this=lateral(row, DEFAULT), kind="CROSS"))
    out = left_out(features, moment, wanted)
    for name in features.features:
        query.append("expressions", exp.alias_(or_default(name, features, out), name, quoted=True))
    return query if features.unique else guarded(query, features, keys)


def or_default(name: str, features: Lifted, out: exp.Expr | None) -> exp.Expr:
    """A feature's value where the model has a row, NULL where its filters leave out what it has, else the value
    over no rows."""
    if name == names.THERE:
        return column(names.HIT, "__rows")
    value = column(name, "__rows")
    if features.defaults is None:
        return value
    ifs = [exp.If(this=column(names.HIT, "__rows"), true=value)]
    if out is not None:
        ifs.append(exp.If(this=out.copy(), true=exp.null()))
    return exp.Case(ifs=ifs, default=column(name, DEFAULT))


def lateral(query: exp.Query, alias: str) -> exp.Lateral:
    """A correlated subquery in a FROM."""
    return exp.Lateral(this=exp.Subquery(this=query), alias=exp.TableAlias(this=exp.to_identifier(alias)))


def reading(read: Reading, at: exp.Expr, parts: Parts) -> exp.Join:
    """The join of another relation as it is at each row's instant."""
    versions = parts.versions([read.scan]).get(read.scan.relation.key)
    rows = rows_at(read.scan.relation, read.scan.table, at, parts.boundary, versions)
    chosen = exp.select(exp.alias_(exp.true(), names.HIT), "*").from_(rows.subquery(read.alias), copy=False)
    return exp.Join(this=lateral(chosen.where(moved(read.on, at)), read.alias), side="LEFT", on=exp.true())
