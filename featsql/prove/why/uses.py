"""Through which models and relations one column of a training set comes: each reading, its window, its SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.compiler import Compiled
from featsql.engines.duckdb.lower.lift import same_key
from featsql.plan import names
from featsql.plan.features import entity_keys
from featsql.plan.plan import Attach, Plan, Scan, scans_of
from featsql.plan.training_set.training import first_offset
from featsql.prove.why.explanation import Step
from featsql.read.model import Model
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.checked import Checked
from featsql.resolve.lineage.lookback import lower_bounds


class Use(Struct, frozen=True):
    """One reading of a relation on the way to a column. `keys` are the conditions on its rows beyond which it is
    proved that nothing matters, by the relation's column; `lookback` how far back a row can matter to the
    column (None: for ever)."""

    scan: Scan
    keys: Mapping[str, exp.Expr]
    lookback: exp.Interval | None

    @property
    def signature(self) -> tuple[str, ...]:
        return tuple(sorted(condition.sql("duckdb") for condition in self.keys.values()))


def narrowed(plan: Plan, expression: exp.Expr) -> Plan:
    """A training set with nothing beside its labels but what one of its columns reads, by itself or through the
    condition of a join."""
    aliases = {each.table.casefold() for each in expression.find_all(exp.Column)}
    for read in reversed(plan.readings):
        if read.alias.casefold() in aliases or not read.outer:
            aliases |= {read.alias.casefold(), *(each.table.casefold() for each in read.on.find_all(exp.Column))}
    return replace(
        plan,
        attachments=tuple(each for each in plan.attachments if each.alias.casefold() in aliases),
        readings=tuple(each for each in plan.readings if each.alias.casefold() in aliases),
    )


def uses_of(plan: Plan, expression: exp.Expr, one: exp.Query, checked: Checked) -> dict[str, list[Use]]:
    """The readings of every relation with a clock behind a column, by relation key; `one` gives the spine's row."""
    found: dict[str, list[Use]] = {}
    for use in all_uses(plan, expression, one, checked):
        clock = use.scan.relation.clock
        if clock is not None and clock.kind != "static":
            found.setdefault(use.scan.relation.key, []).append(use)
    return found


def all_uses(plan: Plan, expression: exp.Expr, one: exp.Query, checked: Checked) -> Iterator[Use]:
    """Every reading of a relation behind a column."""
    for attach in plan.attachments:
        windows = windows_of(attach.features.name, features_in(expression, attach), checked)
        _, match_nulls = entity_keys(checked.graph.models[attach.features.name], checked)
        for scan in scans_of(attach.features):
            keys = {
                name: same_key(name, value_in(attach.keys[i], one, plan.spine.alias), match_nulls[i])
                for i, name in scan.keys
            }
            yield Use(scan, keys, windows.get(scan.relation.key, scan.lookback))
    for read in plan.readings:
        yield Use(read.scan, {}, None)
    for table in expression.find_all(exp.Table):
        if "scan" in table.meta:
            yield Use(plan.scans[table.meta["scan"]], {}, None)


def value_in(key: exp.Expr, one: exp.Query, alias: str) -> exp.Expr:
    """The value of a key in the one row."""
    return exp.select(key.copy()).from_(one.subquery(exp.to_identifier(alias, quoted=True))).limit(1).subquery()


def features_in(expression: exp.Expr, attach: Attach) -> list[str]:
    """The features of an attached model that an expression reads."""
    mine = [c for c in expression.find_all(exp.Column) if c.table.casefold() == attach.alias.casefold()]
    return list(dict.fromkeys(each.name for each in mine))


def windows_of(name: str, features: Sequence[str], checked: Checked) -> dict[str, exp.Interval | None]:
    """How far back a relation's rows can matter to some features of a model, by relation key: proved of the model
    without its other columns. A relation of which nothing is proved in this way is left out."""
    resolved = checked.resolved[name]
    if not isinstance(resolved.tree, exp.Select):
        return {}
    keys, _ = entity_keys(checked.graph.models[name], checked)
    there = names.THERE in features
    wanted = {each.casefold() for each in (*keys, *features)}
    tree = resolved.tree.copy()
    tree.set("expressions", [value for value in tree.expressions if value.alias_or_name.casefold() in wanted])
    clocks = {n: info.clock.start for n, info in resolved.scans.items() if info.clock and info.clock.kind == "events"}
    bounds = lower_bounds(replace(resolved, tree=tree), clocks, None if there else keys)
    found: dict[str, exp.Interval | None] = {}
    for number, info in resolved.scans.items():
        if number in bounds and only_scan_of(info, resolved.scans):
            found[info.key] = bounds[number]
    return found


def only_scan_of(info: RelationInfo, scans: Mapping[int, RelationInfo]) -> bool:
    """Whether a relation is read but once."""
    return sum(each.key == info.key for each in scans.values()) == 1


def steps_of(plan: Plan, expression: exp.Expr, compiled: Compiled) -> Iterator[Step]:
    """The SQL that a column comes through, from the training set up to what the features models read."""
    training = compiled.graph.models.get(plan.name)
    if training is not None and training.config.kind == "training_set":
        yield Step(plan.name, place_of(expression, training), expression.sql("duckdb", normalize_functions="lower"))
    for attach in plan.attachments:
        model = compiled.graph.models[attach.features.name]
        outputs = (
            {v.alias_or_name.casefold(): v for v in model.tree.expressions}
            if model.tree.args.get("expressions")
            else {}
        )
        for feature in features_in(expression, attach):
            value = outputs.get(feature.casefold())
            shown = exp.column(feature) if value is None else value
            yield Step(model.name, place_of(shown, model), shown.sql("duckdb", normalize_functions="lower"))


def place_of(node: exp.Expr, model: Model) -> str:
    """Where a node was written: its file, line and column, or the file alone where a star stands for it."""
    if not any("start" in each.meta for each in node.walk()):
        return model.rendered.file.path
    return str(model.rendered.origin(first_offset(node))[0])
