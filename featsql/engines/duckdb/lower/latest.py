"""Lower `AsOf` where rows become known in the order in which they happen: one as-of join with the rows themselves.

No row is ever overtaken by one that became known later, so the last known is the newest: nothing has to be put in order
before the join, which orders both of its sides anyway. It takes any one of the rows of an instant; only where a row
that was met has a twin is the winner looked up.
"""

from __future__ import annotations

from sqlglot import exp

from featsql.engines.duckdb.lower.asof import flipped, moved
from featsql.plan import names
from featsql.plan.known import has_instants, known_from, newest_first
from featsql.plan.plan import AsOf
from featsql.resolve.nanoseconds import of_type, seen_at
from featsql.temporal import Boundary, column, holds, reached

MET, SETTLED, TIED, ROW = "__met", "__settled", "__tied", "__row"


def rows_known(features: AsOf) -> exp.Select:
    """The rows of a relation that can ever be met, each with the instant from which it is known."""
    clock = features.relation.clock
    assert clock is not None
    keyed = [is_there(column(name)) for name in clock.unique_key]
    rows = exp.select(exp.Star(), exp.alias_(known_from(clock), names.KNOWN_FROM)).from_(
        features.table.copy(), copy=False
    )
    return rows.where(has_instants(clock), *keyed)


def met(features: AsOf, probe: str, rows: str, boundary: Boundary) -> exp.Select:
    """For each probe the last of `rows` that is known by its instant; of several of one instant, any."""
    at = of_type(column(names.AS_OF, names.PROBE), features.as_of_type)
    then = seen_at(at, fine=features.relation.is_fine, boundary=boundary)
    known = flipped(reached(column(names.KNOWN_FROM, ROW), then, boundary))
    keys = same_key(features, ROW, names.PROBE)
    query = exp.select(at.copy(), *(column(key, names.PROBE) for key in asked(features)))
    query = query.select(column(names.KNOWN_FROM, ROW), *(column(name, ROW) for name in features.needed), copy=False)
    query = query.from_(exp.to_table(probe).as_(names.PROBE), copy=False)
    side: exp.Expr = exp.to_table(rows)
    side = of_asked(features, side, probe).subquery(ROW) if features.narrow else side.as_(ROW)
    query.append("joins", exp.Join(this=side, method="ASOF", side="LEFT", on=exp.and_(*keys, known)))
    return query


def of_asked(features: AsOf, rows: exp.Expr, probe: str) -> exp.Select:
    """Of some rows of the relation those whose keys are asked about."""
    named = rows.copy()
    named.set("alias", exp.TableAlias(this=exp.to_identifier(ROW)))
    same = exp.and_(*same_key(features, ROW, names.PROBE))
    return (
        exp.select(exp.Star())
        .from_(named, copy=False)
        .join(exp.to_table(probe).as_(names.PROBE), on=same, join_type="semi", copy=False)
    )


def settled(features: AsOf, found: str, rows: str) -> exp.Select:
    """The newest of the rows of one key and instant, wherever one that was met has a twin."""
    each = [*features.key_columns, names.KNOWN_FROM]
    twins = exp.select(*(column(name, ROW) for name in each)).from_(exp.to_table(rows).as_(ROW), copy=False)
    of_met = exp.and_(*same_key(features, ROW, MET), same_instant(ROW, MET))
    twins = twins.join(exp.to_table(found).as_(MET), on=of_met, join_type="semi", copy=False)
    twins = twins.group_by(*(column(name, ROW) for name in each), copy=False)
    twins = twins.having(exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1)), copy=False)
    first = exp.Window(
        this=exp.RowNumber(),
        partition_by=[column(name, ROW) for name in each],
        order=newest_first(features.relation, ROW),
    )
    wanted = dict.fromkeys((*each, *features.needed))
    query = exp.select(*(column(name, ROW) for name in wanted)).from_(exp.to_table(rows).as_(ROW), copy=False)
    tied = exp.and_(*(exp.EQ(this=column(name, ROW), expression=column(name, TIED)) for name in each))
    query = query.join(twins.subquery(TIED), on=tied, join_type="semi", copy=False)
    return query.qualify(exp.EQ(this=first, expression=exp.Literal.number(1)))


def latest(features: AsOf, found: exp.Query, boundary: Boundary) -> exp.Select:
    """For each probe the values of the row that it met, of which `found` gives the columns that are needed."""
    alias = features.alias
    at = column(names.AS_OF, alias)
    query = exp.select(at, *(column(key, alias) for key in asked(features))).from_(found.subquery(alias), copy=False)
    for name, value in values(features, boundary):
        query = query.select(exp.alias_(value, name, quoted=True), copy=False)
    return query


def values(features: AsOf, boundary: Boundary) -> list[tuple[str, exp.Expr]]:
    """Each feature as an expression over the row that a probe met, and the probe's instant."""
    clock = features.relation.clock
    assert clock is not None
    alias = features.alias
    at = of_type(column(names.AS_OF, alias), features.as_of_type)
    # DuckDB 1.5 lets a NULL instant meet a row
    hit = [is_there(at), is_there(column(names.KNOWN_FROM, alias)), holds(clock, at, boundary, alias)]
    if features.where is not None:
        hit.append(exp.paren(moved(features.where, at)))
    return [
        (name, exp.Case(ifs=[exp.If(this=exp.and_(*hit), true=moved(value, at))]))
        for name, value in features.projections
    ]


def of_winners(features: AsOf, found: str, winners: str) -> exp.Select:
    """For each probe the row that it met, or the winner among that row's twins."""
    alike = exp.and_(*same_key(features, SETTLED, MET), same_instant(SETTLED, MET))
    inner = exp.select(*(column(each, MET) for each in (names.AS_OF, *asked(features), names.KNOWN_FROM)))
    alone = exp.Is(this=column(names.KNOWN_FROM, SETTLED), expression=exp.null())
    for name in features.needed:
        either = exp.Case(ifs=[exp.If(this=alone.copy(), true=column(name, MET))], default=column(name, SETTLED))
        inner = inner.select(exp.alias_(either, name, quoted=True), copy=False)
    inner = inner.from_(exp.to_table(found).as_(MET), copy=False)
    return inner.join(exp.to_table(winners).as_(SETTLED), on=alike, join_type="left", copy=False)


def asked(features: AsOf) -> list[str]:
    """The columns of a probe that hold the keys."""
    return [names.key(i) for i in range(len(features.keys))]


def same_key(features: AsOf, mine: str, theirs: str) -> list[exp.Expr]:
    """Whether a row of the relation is of the key of a probe."""
    pairs = zip(features.key_columns, asked(features), strict=True)
    return [exp.EQ(this=column(name, mine), expression=column(key, theirs)) for name, key in pairs]


def same_instant(mine: str, theirs: str) -> exp.Expr:
    """Whether a row became known when another did."""
    return exp.EQ(this=column(names.KNOWN_FROM, mine), expression=column(names.KNOWN_FROM, theirs))


def is_there(value: exp.Expr) -> exp.Expr:
    """Whether a value is not NULL."""
    return exp.not_(exp.Is(this=value, expression=exp.null()))
