"""Lower `Over` by pairs of probes and rows, and one aggregate of them.

What is measured over everything that was ever known comes from `running`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from featsql.engines.duckdb.lower.cells import Cells, mergeable
from featsql.engines.duckdb.lower.over import Frames
from featsql.engines.duckdb.lower.pairs import ASKING, EVENT, Pairs, of_event
from featsql.engines.duckdb.lower.running import running
from featsql.plan import names
from featsql.plan.measures import over_nothing
from featsql.plan.plan import Measure
from featsql.temporal import column


def paired(frames: Frames, *, near: bool) -> exp.Select:
    """For each probe its instant and keys, and the features. `near` has the rows lie in order (see `Pairs`)."""
    asked = [names.AS_OF, *frames.keys]
    values = [exp.alias_(frames.output(value), name, quoted=True) for name, value in frames.planned.outputs]
    below = measures(frames, near=near).subquery("__measured")
    return exp.select(*(column(name) for name in asked), *values).from_(below, copy=False)


def measures(frames: Frames, *, near: bool) -> exp.Select:
    """For each probe its instant and keys, and the measures, but for those from arrays."""
    planned = frames.planned
    merged = mergeable(planned)
    single = [i for i in planned.bounded if i not in merged]
    endless = list(planned.endless)
    found: dict[str, tuple[list[int], Callable[[], exp.Select]]] = {
        "__merged": (merged, lambda: Cells(Pairs(frames, planned.bounded, near=near), merged).measured()),
        "__single": (single, lambda: measured(Pairs(frames, planned.bounded, near=near), single)),
        "__running": (endless, lambda: running(frames, endless)),
    }
    asked = [names.AS_OF, *frames.keys]
    query = exp.select(*(column(name, ASKING) for name in asked)).from_(
        exp.to_table(frames.asking).as_(ASKING), copy=False
    )
    for alias, (measures, made) in found.items():
        if measures:
            query.append("joins", numbered(made().subquery(alias), alias))
        for i in measures:
            name = names.part("value", i)
            query = query.select(exp.alias_(or_nothing(column(name, alias), planned.measures[i]), name), copy=False)
    return query


def numbered(table: exp.Expr, alias: str) -> exp.Join:
    """What was found for the number of each probe."""
    same = exp.EQ(this=column(names.NUMBER, alias), expression=column(names.NUMBER, ASKING))
    return exp.Join(this=table, side="LEFT", on=same)


def or_nothing(value: exp.Expr, measure: Measure) -> exp.Expr:
    """A measure, also of a probe that has no rows."""
    nothing = over_nothing(measure.call)
    if nothing is None:
        nothing = exp.select(exp.CountIf(this=exp.true())).where(exp.false(), copy=False).subquery(copy=False)
    return value if isinstance(nothing, exp.Null) else exp.func("coalesce", value, nothing)


def measured(pairs: Pairs, measures: Sequence[int]) -> exp.Select:
    """The number of each probe that has pairs, and its measures, each of the pairs that its window holds."""
    query = pairs.met().select(pairs.number)
    for i in measures:
        query = query.select(exp.alias_(of_pairs(pairs, pairs.frames.planned.measures[i]), names.part("value", i)))
    return query.group_by(pairs.number)


def of_pairs(pairs: Pairs, measure: Measure) -> exp.Expr:
    """A measure of the pairs that its window holds."""
    window = pairs.frames.planned.windows[measure.window]
    counts = [pairs.holds(edge) for edge in window if edge not in pairs.shared]
    if measure.flag:
        counts.append(column(measure.flag, EVENT))
    call = of_event(measure.call)
    return exp.Filter(this=call, expression=exp.Where(this=exp.and_(*counts))) if counts else call
