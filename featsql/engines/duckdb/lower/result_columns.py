"""Features that need no join: what was computed for them stands beside the columns of the spine's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from featsql.engines.duckdb.columnar.latest_request import given
from featsql.engines.duckdb.lower.latest import values
from featsql.engines.duckdb.lower.over import Frames
from featsql.engines.duckdb.lower.paired import measures, or_nothing
from featsql.engines.duckdb.lower.tables import Parts, aliased, asked
from featsql.plan import names
from featsql.plan.instants import asked_instant
from featsql.plan.plan import AsOf, Attach, Features, Met, Over, Plan, Precomputed
from featsql.plan.sharing import part_of, shared
from featsql.temporal import column

FOUND, REST = "__found", "__rest"


def nameable(plan: Plan) -> bool:
    """Whether a training set's own expressions name each feature by the alias of its model: what may mean something
    else is left to the engine."""
    aliases = {attach.alias.casefold() for attach in plan.attachments}
    features = {name.casefold() for attach in plan.attachments for name in attach.features.features}
    known = aliases | {plan.spine.alias.casefold()} | {read.alias.casefold() for read in plan.readings}
    outputs = {value.alias_or_name.casefold() for value in plan.select.expressions}
    if any(not isinstance(star.parent, exp.Count) for star in plan.select.find_all(exp.Star)):
        return False
    for node in plan.select.find_all(exp.Column):
        table, name = node.table.casefold(), node.name.casefold()
        if isinstance(node.parent, exp.Ordered) and not table and name in outputs:
            continue
        if node.args.get("db") or (table in aliases and name not in features):
            return False
        if table not in known and {table or name, name} & (features | aliases | {plan.spine.alias.casefold()}):
            return False
    return True


def joins(plan: Plan) -> bool:
    """Whether the query of a plan joins anything to the spine's rows: more than what stands beside them already."""
    return bool(plan.readings or plan.scans) or any(not is_found(attach.features) for attach in plan.attachments)


def disorders(plan: Plan) -> bool:
    """Whether the query of a plan does what gives its rows in another order than the spine's: it joins, or the author's
    own expressions look beyond their row."""
    beyond = (exp.Window, exp.Query, exp.Unnest, exp.Explode)
    own = plan.select.args.get("order") or any(value.find(*beyond) for value in plan.select.expressions)
    return bool(own) or joins(plan)


def is_found(features: Features) -> bool:
    """Whether all of a node's features are made of what was computed for it."""
    match features:
        case AsOf(precomputed=Met(tied=False)):
            return True
        case Over(precomputed=Precomputed()):
            return not features.rest
    return False


class ResultColumns:
    """The spine's rows, to which one model after the other adds its features; `name` is the common table expression of
    those with all features so far, `columns` are their columns."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.alias = plan.spine.alias
        self.name = names.SPINE
        self.result_columns: dict[tuple[str, str], str] = {}
        precomputed = [name for attach in plan.attachments for name in precomputed_columns(attach.features)]
        numbers = [names.ROW] if disorders(plan) else []
        self.columns = [*plan.spine.columns, *numbers, *dict.fromkeys(precomputed)]

    def take(self, group: Sequence[Attach], parts: Parts) -> bool:
        """Add the features of models, which share one node, to the rows; tells whether they stand beside these."""
        models = [attach.features for attach in group if isinstance(attach.features, Over)]
        used = {column for attach in group for column in precomputed_columns(attach.features)}
        self.columns = [column for column in self.columns if column not in used]  # nobody needs them after this
        match shared(models) if len(group) > 1 else group[0].features:
            case AsOf(precomputed=Met(tied=False) as met) as features:
                below = self.below({**asked_at(group[0], self.plan), **given(features, met)})
                self.add(below, features.alias, parts, [(group[0], *each) for each in values(features, parts.boundary)])
            case Over(precomputed=Precomputed() as precomputed) as features:
                frames = Frames(features, "", parts.boundary)
                outputs = {name: frames.output(value) for name, value in features.outputs}
                several = len(group) > 1
                self.add(
                    self.measured(features, precomputed, group[0], parts),
                    FOUND,
                    parts,
                    [
                        (attach, name, outputs[part_of(i, name) if several else name])
                        for i, attach in enumerate(group)
                        for name in attach.features.features
                    ],
                )
            case _:
                return False
        return True

    def measured(self, features: Over, precomputed: Precomputed, attach: Attach, parts: Parts) -> exp.Select:
        """The rows so far beside the measures of a node, of which the query finds what arrays have not."""
        found = asked_at(attach, self.plan)
        keys = dict(found)
        for i, measure in enumerate(features.measures):
            value = precomputed.measures[i] if i in precomputed.measures else column(names.part("value", i), REST)
            found[names.part("value", i)] = or_nothing(value.copy(), measure)
        below = self.below(found)
        if features.rest:
            probe = parts.probe(attach.keys, keys[names.AS_OF], self.alias)
            rest = measures(asked(features, probe, parts), near=features.method == "near join")
            table = aliased(parts.add(f"__rest_{len(parts.tables)}", rest), REST)
            same = [exp.NullSafeEQ(this=column(name, REST), expression=value) for name, value in keys.items()]
            below.append("joins", exp.Join(this=table, side="LEFT", on=exp.and_(*same)))
        return below

    def below(self, found: Mapping[str, exp.Expr]) -> exp.Select:
        """The rows so far under names that nothing else has, beside what was found for them."""
        passed = [exp.alias_(column(name, self.alias), names.part("result", i)) for i, name in enumerate(self.columns)]
        more = [exp.alias_(value.copy(), name, quoted=True) for name, value in found.items()]
        return exp.select(*passed, *more).from_(aliased(self.name, self.alias), copy=False)

    def add(
        self, below: exp.Select, alias: str, parts: Parts, features: Sequence[tuple[Attach, str, exp.Expr]]
    ) -> None:
        """Add features, each an expression over what was found, which is called by an alias."""
        query = exp.select(
            *(
                exp.alias_(column(names.part("result", i), alias), name, quoted=True)
                for i, name in enumerate(self.columns)
            )
        ).from_(below.subquery(alias, copy=False), copy=False)
        for attach, feature, value in features:
            result = names.part("feature", len(self.result_columns))
            self.result_columns[attach.alias.casefold(), feature.casefold()] = result
            self.columns.append(result)
            query = query.select(exp.alias_(value, result), copy=False)
        self.name = parts.add(f"__featured_{len(parts.tables)}", query)

    def named(self, select: exp.Select) -> exp.Select:
        """A copy of a training set's own expressions that takes the features from the rows."""
        query = select.copy()
        for node in list(query.find_all(exp.Column)):
            result = self.result_columns.get((node.table.casefold(), node.name.casefold()))
            if result is not None:
                node.replace(column(result, self.alias))
        return query


def precomputed_columns(features: Features) -> tuple[str, ...]:
    """The columns of the spine's rows that hold what was computed for a node and is made into features there."""
    match features:
        case AsOf(precomputed=Met(hit=hit, columns=columns, tied=False)):
            return (hit, *columns.values())
        case Over(precomputed=Precomputed(columns=columns)):
            return columns
    return ()


def asked_at(attach: Attach, plan: Plan) -> dict[str, exp.Expr]:
    """The instant and the keys that an attachment is asked for, over the spine."""
    at = asked_instant(attach.features, plan.spine, plan.boundary)
    return {names.AS_OF: at, **{names.key(i): key.copy() for i, key in enumerate(attach.keys)}}
