"""What a training set should hold: its rows of one instant, of relations and models as the reference has them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from featsql.plan import names
from featsql.plan.plan import Attach, Plan, Reading
from featsql.prove.answers import NUMBER
from featsql.prove.reference import Reference, keys_of
from featsql.resolve.graph import model_key
from featsql.temporal import column


def expected(plan: Plan, reference: Reference, instant: str | None, rows: exp.Query) -> exp.Select:
    """The query of a training set for numbered `rows` of its spine, all of one instant.

    Relations and features models are the reference's at that instant, joined by their keys; the
    author's own projections are run as written.
    """
    at, alias = reference.instant(instant), plan.spine.alias
    keys = {index: scan.relation.key for index, scan in plan.scans.items()}
    select = plan.select.copy()
    select.set("order", None)
    for table in select.find_all(exp.Table):
        if "scan" in table.meta:
            table.meta["relation"] = keys[table.meta["scan"]]
    query = reference.at(select, at)
    assert isinstance(query, exp.Select)
    query = query.select(column(NUMBER, alias)).from_(rows.subquery(exp.to_identifier(alias, quoted=True)))
    for attach in plan.attachments:
        query.append("joins", attached(attach, plan, reference, at, rows))
    for read in plan.readings:
        query.append("joins", joined(read, reference, at))
    return query


def attached(attach: Attach, plan: Plan, reference: Reference, at: exp.Expr, rows: exp.Query) -> exp.Join:
    """A features model at the instant beside the rows, by their numbers."""
    name, alias = attach.features.name, plan.spine.alias
    at = reference.asked_at(name, at)
    keys, match_nulls = keys_of(reference.checked.graph.models[name], reference.checked)
    hit = exp.select(exp.alias_(exp.true(), names.HIT), "*").from_(reference.query_at(name, at).subquery("__answer"))
    same = [
        (exp.NullSafeEQ if nulls else exp.EQ)(this=column(key, "__model"), expression=wanted.copy())
        for key, wanted, nulls in zip(keys, attach.keys, match_nulls, strict=True)
    ]
    query = exp.select(column(NUMBER, alias)).from_(rows.subquery(exp.to_identifier(alias, quoted=True)))
    query.append(
        "joins", exp.Join(this=hit.subquery("__model"), side="LEFT", on=exp.and_(*same) if same else exp.true())
    )
    nobody, groups = reference.nobody_at(name, at), reference.groups_at(name, at)
    if nobody is not None:
        listed = reference.checked.catalog.relations[model_key(name)].names
        columns = [exp.to_identifier(each, quoted=True) for each in listed]
        told = exp.Subquery(this=nobody, alias=exp.TableAlias(this=exp.to_identifier("__nobody"), columns=columns))
        query.append("joins", exp.Join(this=told, kind="CROSS"))
    found = exp.Is(this=column(names.HIT, "__model"), expression=exp.true())
    for feature in attach.features.features:
        value: exp.Expr = found
        if feature != names.THERE:
            ifs = [exp.If(this=found.copy(), true=column(feature, "__model"))]
            if nobody is not None and groups is not None:
                group = exp.select("1").from_(groups.subquery("__model")).where(*(each.copy() for each in same))
                ifs.append(exp.If(this=exp.Exists(this=group), true=exp.null()))
            value = exp.Case(ifs=ifs, default=column(feature, "__nobody") if nobody is not None else None)
        query.append("expressions", exp.alias_(value, feature, quoted=True))
    on = exp.EQ(this=column(NUMBER, attach.alias), expression=column(NUMBER, alias))
    return exp.Join(this=query.subquery(exp.to_identifier(attach.alias, quoted=True)), side="LEFT", on=on)


def joined(read: Reading, reference: Reference, at: exp.Expr) -> exp.Join:
    """Another relation at the instant, by the author's own condition."""
    rows = reference.relation_at(read.scan.relation.key, at).subquery(exp.to_identifier(read.alias, quoted=True))
    (on,) = reference.at(exp.select(read.on.copy()), at).expressions
    return exp.Join(this=rows, side="LEFT" if read.outer else "", on=on)


def windowed(plan: Plan) -> frozenset[str]:
    """The columns that look at other rows of the spine: they cannot be told from some of its rows."""
    return frozenset(
        value.alias_or_name
        for value in plan.select.expressions
        if any(window.find_ancestor(exp.Subquery) is None for window in value.find_all(exp.Window))
    )


def asked_of(plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """For each output column that is not the labels' own: the names under which its features and relations
    stand in the training set, and the keys of what it reads by itself."""
    features = {attach.alias.casefold() for attach in plan.attachments}
    readings = {read.alias.casefold() for read in plan.readings}
    found: dict[str, tuple[str, ...]] = {}
    for value in plan.select.expressions:
        names = [c.table.casefold() for c in value.find_all(exp.Column) if c.table.casefold() in features | readings]
        names += [
            plan.scans[each.meta["scan"]].relation.key for each in value.find_all(exp.Table) if "scan" in each.meta
        ]
        if readings.intersection(names):
            names += sorted(readings)  # one relation may be joined by another's columns
        if names:
            found[value.alias_or_name] = tuple(dict.fromkeys(names))
    return found
