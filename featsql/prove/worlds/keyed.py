"""A plan whose every row looks at a world of its own: relations have one more key, the instant from which on they are
made up, which a row of the spine has, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace
from sqlglot import exp

from featsql.engine import Column
from featsql.plan import names
from featsql.plan.plan import AsOf, Attach, Features, Lifted, Over, Plan, Reading, Scan
from featsql.plan.unread import DEAD
from featsql.prove.scratch import name_of
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.temporal import column

# The column of the instant at which a world begins to be made up.
WORLD = "__world"
# The tables of worlds by the names of the relations.
Worlds = Mapping[tuple[str, str, str], exp.Table]
# Instants that are the same whichever way they are looked at.
PLAIN = frozenset({"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"})


class OneWorldError(Exception):
    """A plan that can look at one world at a time only."""


def each_its_own(plan: Plan, only: Sequence[str], worlds: Worlds) -> Plan | None:
    """The plan of those columns in which each row looks at the world of its own instant, in the tables that hold the
    `worlds` of relations; None where that is not plainly the same as if there were no other worlds."""
    kind = plan.spine.as_of_type
    at = column(plan.spine.as_of, plan.spine.alias)
    wanted = {name.casefold() for name in only}
    values = [each for each in plan.select.expressions if each.alias_or_name.casefold() in wanted]
    if kind not in PLAIN or any("scan" in table.meta for each in values for table in each.find_all(exp.Table)):
        return None
    try:
        attachments = [attached(attach, at, kind, worlds) for attach in plan.attachments]
        readings = [read_in_world(reading, at, kind, worlds) for reading in plan.readings]
    except OneWorldError:
        return None
    return replace(plan, attachments=tuple(attachments), readings=tuple(readings))


def attached(attach: Attach, at: exp.Expr, kind: str, worlds: Worlds) -> Attach:
    """Features that are asked for by their world, too. Raises OneWorldError."""
    return replace(attach, features=in_world(attach.features, kind, worlds), keys=(*attach.keys, at.copy()))


def in_world(features: Features, kind: str, worlds: Worlds) -> Features:
    """A features model with its world as the last of its keys. Raises OneWorldError."""
    match features:
        case Lifted():
            return lifted(features, worlds)
        case Over():
            general = lifted(features.general, worlds)
            rows = features.rows.copy()
            passed_on(rows)
            rows.append("expressions", exp.alias_(column(WORLD), names.key(len(features.keys))))
            scan = scan_of(features.scan, len(features.keys), worlds)
            return replace(features, general=general, scan=scan, rows=rows)
        case AsOf():
            outputs = (*features.outputs, (WORLD, column(WORLD, features.alias)))
            return replace(
                features,
                relation=with_world(versioned(features.relation), kind),
                table=worlds[name_of(features.table)],
                keys=(*features.keys, WORLD),
                key_columns=(*features.key_columns, WORLD),
                outputs=outputs,
            )


def lifted(features: Lifted, worlds: Worlds) -> Lifted:
    """A model whose tree tells its world: the instant at which it is asked. Raises OneWorldError."""
    defaults, place = features.defaults, len(features.keys)
    if defaults is not None:
        alive = (t for t in defaults.row.find_all(exp.Table) if "scan" in t.meta and DEAD not in t.meta)
        if any(is_clocked(features.scans[table.meta["scan"]].relation) for table in alive):
            raise OneWorldError
        groups = None if defaults.groups is None else told(defaults.groups)
        defaults = replace(defaults, groups=groups)
    return replace(
        features,
        tree=told(features.tree),
        scans={index: scan_of(scan, place, worlds) for index, scan in features.scans.items()},
        keys=(*features.keys, WORLD),
        match_nulls=(*features.match_nulls, False),
        defaults=defaults,
    )


def told(tree: exp.Query) -> exp.Select:
    """The rows of a query with their world: what they are made of is of that world alone."""
    instant = exp.alias_(exp.Anonymous(this="as_of"), WORLD)
    return exp.select(exp.Star(), instant).from_(tree.copy().subquery("__in_world"))


def scan_of(scan: Scan, place: int, worlds: Worlds) -> Scan:
    """A reading of a relation's rows of one world, which is the key at a place. Raises OneWorldError."""
    if not is_clocked(scan.relation):
        return scan
    table = worlds[name_of(scan.table)]
    return replace(scan, relation=versioned(scan.relation), table=table, keys=(*scan.keys, (place, WORLD)))


def versioned(info: RelationInfo) -> RelationInfo:
    """A relation of which the versions are those of one world. Raises OneWorldError."""
    clock = info.clock
    assert clock is not None
    if info.is_fine or (clock.versioned and clock.retracted_at):
        raise OneWorldError
    return replace(info, clock=replace(clock, unique_key=(*clock.unique_key, WORLD))) if clock.versioned else info


def with_world(info: RelationInfo, kind: str) -> RelationInfo:
    """A relation with its world as the last of its columns."""
    return replace(info, columns=(*info.columns, Column(WORLD, kind)))


def read_in_world(reading: Reading, at: exp.Expr, kind: str, worlds: Worlds) -> Reading:
    """Another relation, joined within one world. Raises OneWorldError."""
    info = reading.scan.relation
    if not is_clocked(info):
        return reading
    table = worlds[name_of(reading.scan.table)]
    scan = replace(reading.scan, relation=with_world(versioned(info), kind), table=table)
    same = exp.EQ(this=column(WORLD, reading.alias), expression=at.copy())
    return replace(reading, scan=scan, on=exp.and_(same, reading.on.copy()))


def is_clocked(info: RelationInfo) -> bool:
    """Whether a relation is not the same at every instant."""
    return info.clock is not None and info.clock.kind != "static"


def passed_on(rows: exp.Select) -> None:
    """Let the subqueries of the rows of windows pass on what world each is of. Raises OneWorldError."""
    source = rows.args["from_"].this
    if isinstance(source, exp.Table) and "scan" in source.meta:
        return
    inner = source.this if isinstance(source, exp.Subquery) else None
    if not isinstance(inner, exp.Select):
        raise OneWorldError
    passed_on(inner)
    if not any(value.is_star for value in inner.expressions):
        inner.append("expressions", column(WORLD))
