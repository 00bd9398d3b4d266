"""Plan a features model: which node evaluates it, and what each of its scans may leave unread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from msgspec.structs import replace
from sqlglot import exp

from featsql.errors import Diagnostic, FeatsqlError
from featsql.plan import names
from featsql.plan.measures import count_rows
from featsql.plan.missing_row.defaults import defaults
from featsql.plan.outer import mark_alone
from featsql.plan.plan import AsOf, Features, Lifted, Measure, Over, Scan
from featsql.plan.shapes import as_of_join, unique_per_key
from featsql.plan.windows import over
from featsql.read.model import Model
from featsql.read.project import Entity
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.catalog.describe import bound_name
from featsql.resolve.checked import Checked
from featsql.resolve.graph import is_stored, model_key
from featsql.resolve.keys.pushdown import key_columns
from featsql.resolve.lineage.lookback import lower_bounds
from featsql.temporal import column


def plan_features(name: str, checked: Checked, *, general: bool = False, told: bool = False) -> Features:
    """The node for a features model; `general` asks for the general rule whatever the shape, `told` for one more
    feature, `names.THERE`: whether the model has a row.

    Raises FeatsqlError FS702 for a column whose name only featsql may give.
    """
    model = checked.graph.models[name]
    refuse_reserved(model, checked.catalog.relations[model_key(name)].names)
    keys, match_nulls = entity_keys(model, checked)
    scans: dict[int, Scan] = {}
    tree = inline(name, {key.casefold(): i for i, key in enumerate(keys)}, checked, scans, matters=told)
    for scan in scans.values():
        refuse_taken(model, scan.relation)
    if not general and len(scans) == 1:
        (scan,) = scans.values()
        stored = is_stored(scan.relation.key, checked.graph)
        joined = as_of_join(name, tree, scan, keys, match_nulls, stored=stored)
        if joined is not None:
            return with_row_told(joined) if told else joined
    lifted = lifted_model(name, tree, scans, checked)
    node: Features = lifted
    if not general and len(scans) == 1:
        (scan,) = scans.values()
        node = over(lifted, scan, checked.catalog.aggregates) or lifted
    return with_row_told(node) if told else node


def with_row_told(features: Features) -> Features:
    """The node with one more feature: whether the model has a row."""
    match features:
        case Lifted():
            return replace(features, features=(*features.features, names.THERE))
        case AsOf():
            return replace(features, outputs=(*features.outputs, (names.THERE, exp.true())))
        case Over():
            general = replace(features.general, features=(*features.general.features, names.THERE))
            return with_row_counted(replace(features, general=general))
        case _:
            assert_never(features)


def with_row_counted(features: Over) -> Over:
    """The node with one more feature: whether there are rows in the window of the model's own WHERE."""
    if not features.keys:
        return replace(features, outputs=(*features.outputs, (names.THERE, exp.true())))
    measure = Measure(count_rows(), None, 0)
    measures = features.measures if measure in features.measures else (*features.measures, measure)
    counted = column(names.part("value", measures.index(measure)))
    there = exp.Case(ifs=[exp.If(this=exp.GT(this=counted, expression=exp.Literal.number(0)), true=exp.true())])
    outputs = (*features.outputs, (names.THERE, there))
    found = replace(features, measures=measures, outputs=outputs)
    return found if found.joinable else replace(found, method="sort")


def lifted_model(name: str, tree: exp.Query, scans: Mapping[int, Scan], checked: Checked) -> Lifted:
    """The node of the general rule."""
    keys, match_nulls = entity_keys(checked.graph.models[name], checked)
    folded = {key.casefold() for key in keys}
    outputs = checked.catalog.relations[model_key(name)].names
    return Lifted(
        name=name,
        tree=tree,
        scans=scans,
        keys=tuple(output for key in keys for output in outputs if output.casefold() == key.casefold()),
        match_nulls=match_nulls,
        outputs=outputs,
        features=tuple(output for output in outputs if output.casefold() not in folded),
        defaults=defaults(tree, keys, checked.catalog.aggregates),
        unique=unique_per_key(tree, keys, checked.catalog.aggregates),
    )


def entity_keys(model: Model, checked: Checked) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    """The join keys of a features model in order, and for each whether NULL equals NULL."""
    entities: list[Entity] = [checked.graph.project.entities[name] for name in model.config.entity]
    pairs = {key: entity.match_nulls for entity in entities for key in entity.keys}
    return tuple(pairs), tuple(pairs.values())


def inline(
    name: str, wanted: Mapping[str, int], checked: Checked, scans: dict[int, Scan], *, matters: bool = True
) -> exp.Query:
    """A features model's tree, with the features models that it reads in place of their names.

    `wanted` gives for output columns (folded) the position of the entity key that they must equal;
    every scan of a relation is added to `scans` and tagged with its number. That a row exists `matters`
    further in than the outermost model, and there where somebody asks for it.
    """
    model = checked.graph.models[name]
    resolved = checked.resolved[name]
    tree = model.tree.copy()
    mark_alone(tree, checked.catalog.aggregates)
    tables = [table for table in tree.find_all(exp.Table) if "relation" in table.meta]
    columns = list(wanted)
    pushed = key_columns(resolved, columns)
    clocks = {
        table.meta["scan"]: info.clock.start
        for table in tables
        if (info := checked.catalog.relations[table.meta["relation"]]).clock and info.clock.kind == "events"
    }
    lookbacks = lower_bounds(resolved, clocks, None if matters else columns)
    for table in tables:
        local, key = table.meta.pop("scan"), table.meta["relation"]
        pairs = tuple((wanted[columns[position]], column) for position, column in pushed.get(local, ()))
        read = checked.graph.models.get(key.partition(":")[2]) if key.startswith("model:") else None
        if read is not None and read.config.kind == "features":
            inner = inline(read.name, {column.casefold(): position for position, column in pairs}, checked, scans)
            table.replace(exp.Subquery(this=inner, alias=alias_of(table)))
            continue
        table.meta["scan"] = len(scans)
        info = checked.catalog.relations[key]
        scans[len(scans)] = Scan(info, bound_name(key, checked.graph), pairs, lookbacks.get(local))
    return tree


def alias_of(table: exp.Table) -> exp.TableAlias:
    """The alias of a table node, its name where it has none."""
    given = table.args.get("alias")
    return given.copy() if given else exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))


def refuse_reserved(model: Model, columns: Sequence[str]) -> None:
    """Raise FeatsqlError FS702 for a column whose name only featsql may give."""
    taken = next((column for column in columns if names.reserved(column)), None)
    if taken is not None:
        message = f"the column `{taken}` begins with two underscores, which featsql keeps for itself"
        raise FeatsqlError(Diagnostic("FS702", message, model.rendered.file.place(1), "rename the column"))


def refuse_taken(model: Model, relation: RelationInfo) -> None:
    """Raise FeatsqlError FS702 for a relation with a column where featsql puts one of its own."""
    taken = next((column for column in relation.names if names.taken(column)), None)
    if taken is not None:
        what = relation.key.replace(":", " ")
        message = f"the column `{taken}` of {what} has a name that featsql gives to columns of its own"
        hint = "read it through a model that gives the column another name"
        raise FeatsqlError(Diagnostic("FS702", message, model.rendered.file.place(1), hint))
