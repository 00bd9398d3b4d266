"""The rows of a training set: all of them computed, or those that an earlier build left and the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.build.reuse.columns import Made, columns_of
from featsql.build.reuse.extend import Before, Earlier, Extension, Kept, kept, scans, spine_names
from featsql.build.reuse.extent import Change, Extent, extent, made_of
from featsql.compiler import Compiled
from featsql.engine import Engine, EngineError
from featsql.engines.duckdb.columnar.chosen import arranged
from featsql.engines.duckdb.columnar.precompute import precompute
from featsql.engines.duckdb.columnar.temporaries import Temporaries
from featsql.engines.duckdb.lower.lower import lower
from featsql.engines.duckdb.narrow import fitted
from featsql.plan.names import PLACE
from featsql.plan.plan import AsOf, Attach, Over, Plan, Scan
from featsql.plan.sharing import together
from featsql.resolve.catalog.describe import three_part
from featsql.temporal import column

T = TypeVar("T")
# How the engine says that a sum is too large.
OVERFLOW = re.compile("Overflow in U?HUGEINT addition")


class Rows(Struct, frozen=True):
    """The query of the rows, how their features are found, what they are made of, the tables that the query needs
    beside the project's, and what is worth knowing about the rows; which of the earlier rows they replace (`instead`;
    None: all), to come behind the others."""

    query: exp.Query
    methods: tuple[str, ...]
    made: Before
    temporaries: Temporaries
    notes: tuple[str, ...] = ()
    instead: exp.Expr | None = None


def training_rows(
    plan: Plan, engine: Engine, compiled: Compiled, before: Before | None = None, earlier: Earlier | None = None
) -> Rows:
    """The rows of a training set. What still stands of the `earlier` ones, which are as they were left, is not computed
    again: `before` is what those were made of. None, where nothing of them may be kept."""
    # where no row can be told again, nobody will ask what its relations held
    known_again = not isinstance(spine_names(plan), str)
    read: dict[str, Scan] = {scan.relation.key: scan for scan in scans(plan)} if known_again else {}
    extents: dict[str, Extent] = {}
    changes: dict[str, Change | None] = {}
    for key, scan in read.items():
        known = before.extents.get(key) if before else None
        if before and known and key in before.untouched and known.made == made_of(scan.relation):
            extents[key], changes[key] = known, Change(None, ())
        else:
            extents[key], changes[key] = extent(scan, engine, known)
    columns = columns_of(plan, compiled)
    made = Before(extents, {name: each.code for name, each in columns.items()})
    temporaries = Temporaries(engine, target=compiled.project.target.database)
    stands = kept(plan, columns, changes, before, earlier) if before and earlier else None
    if earlier is None or not isinstance(stands, Kept):
        cheapest = decided(plan, temporaries)
        notes = (f"all rows computed: {stands}",) if stands is not None else ()
        return Rows(lower(cheapest), methods_of(cheapest), made, temporaries, notes)
    return extended(Extension(plan, earlier, stands), columns, made, temporaries)


def extended(extension: Extension, columns: Mapping[str, Made], made: Before, temporaries: Temporaries) -> Rows:
    """The rows of which some cells stand."""
    plan, stands, engine = extension.plan, extension.stands, temporaries.engine
    fresh, count = laid_down(engine, f"__fresh_{plan.name}", extension.fresh())
    computed, notes = None, noted(count, stands)
    methods: tuple[str, ...] = ()
    if count:
        cheapest = decided(replace(plan, spine=replace(plan.spine, source=fresh)), temporaries)
        computed, methods = lower(cheapest), methods_of(cheapest)
        if extension.only_grows(fresh, count, engine, computed):
            if extension.takes(engine, computed):
                return Rows(computed, methods, made, temporaries, notes, extension.fallen())
            return Rows(behind(extension.others(tuple(columns)), computed), methods, made, temporaries, notes)
    standing, anew = temporaries.create("__standing", extension.standing()), None
    if stands.anew:
        some = decided(extension.partial(each_once(standing, temporaries), columns), temporaries)
        anew, methods = temporaries.create("__anew", lower(some)), methods_of(some)
    query: exp.Query = extension.query(standing, anew, tuple(columns))
    if computed is not None:
        query = behind(query, computed)
    return Rows(query, methods, made, temporaries, notes)


def behind(rows: exp.Query, computed: exp.Query) -> exp.Query:
    """Rows, and behind them those that were computed."""
    both = [
        exp.select("*").from_(query.subquery(name, copy=False), copy=False)
        for query, name in ((rows, "__kept"), (computed, "__computed"))
    ]
    return exp.union(*both, distinct=False, copy=False)


def each_once(standing: exp.Table, temporaries: Temporaries) -> exp.Table:
    """The places of what stands without those that several rows of the spine share."""
    place = column(PLACE)
    query = exp.select(exp.Count(this=exp.Star()), exp.Count(this=exp.Distinct(expressions=[place]))).from_(standing)
    ((rows, places),) = temporaries.engine.rows(query.sql("duckdb"))
    if rows == places:
        return standing
    return temporaries.create("__places", exp.select("*").distinct().from_(standing.copy()))


def decided(plan: Plan, temporaries: Temporaries) -> Plan:
    """The plan by the cheapest methods, with what comes from arrays computed already; where they refuse, by the
    cheapest of the others."""
    precomputed = precompute(fitted(arranged(plan, temporaries.engine), temporaries.engine.rows), temporaries)
    return precomputed if not temporaries.refused else fitted(precomputed, temporaries.engine.rows)


def answered(plan: Plan, work: Callable[[Plan], T]) -> T:
    """What work on a plan gives, or on the plan by the general rule, where a sum was too large: the engine's windows
    add up blocks of rows, more than anybody asked about. Raises EngineError."""
    try:
        return work(plan)
    except EngineError as error:
        if not OVERFLOW.search(error.message) or not any(isinstance(each.features, Over) for each in plan.attachments):
            raise
    general = (
        replace(each, features=each.features.general) if isinstance(each.features, Over) else each
        for each in plan.attachments
    )
    return work(replace(plan, attachments=tuple(general)))


def laid_down(engine: Engine, name: str, query: exp.Select) -> tuple[exp.Table, int]:
    """Rows of a spine in a table of the session, and how many there are."""
    table = three_part("temp", "main", name)
    return table, engine.create_as("OR REPLACE TEMP TABLE", table, query.sql("duckdb"))


def noted(count: int, stands: Kept) -> tuple[str, ...]:
    """What is said of rows and columns that were kept."""
    rows = f"{count:,} of them computed, the others kept"
    if not stands.anew:
        return (rows,)
    return (f"{rows} but for {', '.join(stands.anew)}",)


def methods_of(plan: Plan) -> tuple[str, ...]:
    """How the features of a training set are found."""
    found: dict[str, str] = {}
    for group in together(plan.attachments):
        for attach in group:
            others = ", ".join(f"`{other.alias}`" for other in group if other is not attach)
            found[attach.alias] = method_of(attach) + (f"; computed with {others}" if others else "")
    return tuple(found[attach.alias] for attach in plan.attachments)


def method_of(attach: Attach) -> str:
    """How the features of an attachment are found, and why so."""
    features = attach.features
    node = type(features).__name__
    if isinstance(features, Over):
        ways = [*(["arrays"] if features.arrays else []), *([features.method] if features.rest else [])]
        node = f"{node} by {' and '.join(ways)}"
    if isinstance(features, AsOf) and features.arrays:
        node = f"{node} by arrays"
    return f"{attach.alias}: {node}: {features.reason}"
