"""What the engine cannot evaluate for many instants at once: which features model, and where in its template."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sqlglot import exp
from sqlglot.errors import SqlglotError

from featsql.engine import DUCKDB, Engine, EngineError
from featsql.engines.duckdb.lower.lower import lower
from featsql.errors import Diagnostic, FeatsqlError
from featsql.plan.features import lifted_model
from featsql.plan.plan import Attach, Features, Lifted, Outcome, Over, Plan
from featsql.plan.training_set.training import plan_of
from featsql.read.model import Model
from featsql.resolve.catalog.describe import as_of_type
from featsql.resolve.checked import Checked
from featsql.resolve.graph import Graph, model_key
from featsql.temporal import column

HINT = "the engine cannot run this construct for many instants at once; write it another way"
# What is no part of its own, or is what all else is about.
LEAVES = (
    exp.Column,
    exp.Identifier,
    exp.Literal,
    exp.DataType,
    exp.Var,
    exp.Star,
    exp.TableAlias,
    exp.Null,
    exp.Boolean,
)
# What holds queries, and is not left out by itself.
HOLDERS: tuple[type[exp.Expr], ...] = (
    exp.Alias,
    exp.CTE,
    exp.From,
    exp.Join,
    exp.Lateral,
    exp.Subquery,
    exp.With,
    exp.Query,
)
CLAUSES = ("where", "having", "qualify", "order", "limit", "offset", "distinct", "windows")
MOST = 200  # questions to the engine
SHOWN = 60
UNREADY = (FeatsqlError, SqlglotError, AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError)

Refused = Callable[[exp.Query], bool]


def is_asked(name: str, graph: Graph) -> bool:
    """Whether a plan is bound as it is run: that of a features model is where another model reads it."""
    return graph.models[name].config.kind != "features" or bool(graph.children.get(model_key(name)))


def refusals(
    name: str, plans: Mapping[str, Plan | Features], checked: Checked, engine: Engine, said: EngineError | None = None
) -> list[Diagnostic]:
    """FS701 for the first features model that a plan needs and the engine cannot evaluate for many instants, looked for
    where something was `said` against the plan, or nobody asks for it yet; for the plan itself, if there is none."""
    graph = checked.graph
    if said is None and (is_asked(name, graph) or not isinstance(plans[name], Lifted)):
        return []  # what a better node was proved for is a query of aggregates or of columns, which the engine can ask
    kind = as_of_type(graph.models[name], graph, checked.catalog.relations)
    above = graph.upstream([model_key(name)])
    for each, model in graph.models.items():  # parents first
        if model_key(each) in above and model.config.kind == "features":
            error = refusal(plans[each], kind, checked, engine)
            if error is not None:
                return [blamed(plans[each], error, kind, checked, engine)]
    if said is None:
        return []
    message = f"the lifted query of `{name}` is refused by the engine: {said.message.splitlines()[0]}"
    return [Diagnostic("FS701", message, graph.models[name].rendered.file.place(1), HINT)]


def other_columns(model: Model) -> Diagnostic:
    """FS703 for a query whose columns are not those of its text."""
    message = f"the lifted query of `{model.name}` does not have the columns of its text"
    return Diagnostic("FS703", message, model.rendered.file.place(1), "give every column an alias")


def refusal(features: Features | Plan, as_of_type: str, checked: Checked, engine: Engine) -> EngineError | None:
    """What the engine says against a features model for many instants, by the general rule."""
    try:
        sql = alone(general(features), as_of_type, checked).sql(DUCKDB)
        engine.execute(f"PREPARE __planned AS {sql}; DEALLOCATE __planned")
    except EngineError as error:
        return error
    return None


def general(features: Features | Plan) -> Features:
    """The node that any SQL may come to."""
    assert not isinstance(features, Plan)
    return features.general if isinstance(features, Over) else features


def alone(features: Features, as_of_type: str, checked: Checked) -> exp.Select:
    """The query of a features model for a spine of its own."""
    types = checked.catalog.relations[model_key(features.name)]
    keys = [
        exp.alias_(exp.cast(exp.null(), types.type_of(key) or "varchar"), key, quoted=True) for key in features.keys
    ]
    at = exp.alias_(exp.cast(exp.null(), as_of_type), "as_of")
    spine = Outcome(exp.select(*keys, at).subquery("asked"), "spine", (*features.keys, "as_of"), "as_of", as_of_type)
    attach = Attach(features, tuple(column(key, "spine") for key in features.keys), "f")
    outputs: list[exp.Expr] = [column(name, "f") for name in features.features]
    return lower(plan_of(spine, (attach,), exp.select(*(outputs or [exp.true()])), checked.graph.project.boundary))


def blamed(
    features: Features | Plan, error: EngineError, as_of_type: str, checked: Checked, engine: Engine
) -> Diagnostic:
    """FS701 at the part of a features model without which the engine could evaluate it."""
    model, lifted = checked.graph.models[features.name], general(features)
    reason = error.message.splitlines()[0]
    nested = any(parent_is_features(key, checked) for key in checked.graph.parents[model_key(features.name)])
    found: exp.Expr | None = None
    if isinstance(lifted, Lifted) and not nested:
        scans = lifted.scans

        def refused(tree: exp.Query) -> bool:
            try:
                changed = lifted_model(features.name, tree, scans, checked)
                return refusal(changed, as_of_type, checked, engine) is not None
            except UNREADY:  # a tree without some part may be none that can be planned
                return True

        tree = lifted.tree.copy()
        assert isinstance(tree, exp.Query)
        found = culprit(tree, refused)
    what = f"`{shown(found)}` of `{features.name}`" if found is not None else f"`{features.name}`"
    message = f"the engine cannot evaluate {what} for many instants at once: {reason}"
    start, width = span(found) if found is not None else (None, 1)
    place, trail = model.rendered.origin(start, width) if start is not None else (model.rendered.file.place(1), ())
    return Diagnostic("FS701", message, place, HINT, trail=trail)


def parent_is_features(key: str, checked: Checked) -> bool:
    """Whether a relation is a features model, whose tree stands in those of its readers."""
    model: Model | None = checked.graph.models.get(key.partition(":")[2]) if key.startswith("model:") else None
    return model is not None and model.config.kind == "features"


def shown(node: exp.Expr) -> str:
    """A part of a query on one line."""
    text = " ".join(node.sql(DUCKDB).split())
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def span(node: exp.Expr) -> tuple[int | None, int]:
    """Where a node begins in its text, and how wide it is, as far as it remembers."""
    told = [each.meta for each in node.walk() if "start" in each.meta]
    starts = [(meta["start"], meta.get("end", meta["start"])) for meta in told]
    if not starts:
        return None, 1
    return min(starts)[0], max(1, min(starts)[1] - min(starts)[0] + 1)


def culprit(tree: exp.Query, refused: Refused) -> exp.Expr | None:
    """The smallest part of a tree without which it is not refused. The tree is taken apart for it."""
    left = MOST
    found: exp.Expr | None = None
    inside: exp.Expr = tree
    while True:
        for part in parts(inside):
            left -= 1
            if left < 0:
                return found
            if not without(part, tree, refused):
                found = inside = part
                break
        else:
            return found


def parts(node: exp.Expr) -> Iterator[exp.Expr]:
    """What could be left out of a node; further in, where that holds it together."""
    for child in list(node.iter_expressions()):
        if isinstance(child, HOLDERS):
            yield from parts(child)
        elif not isinstance(child, LEAVES) and not is_leaf_call(child):
            yield child


def is_leaf_call(node: exp.Expr) -> bool:
    """Whether a node is a table, or a call of nothing: `as_of()`."""
    return isinstance(node, exp.Table) or (isinstance(node, exp.Anonymous) and not node.expressions)


def without(part: exp.Expr, tree: exp.Query, refused: Refused) -> bool:
    """Whether a tree is refused without one of its parts."""
    parent, key = part.parent, part.arg_key
    assert parent is not None
    if key in CLAUSES and isinstance(parent, exp.Query) and not isinstance(parent.args[key], list):
        parent.set(key, None)
        try:
            return refused(tree)
        finally:
            parent.set(key, part)
    nothing = exp.null()
    part.replace(nothing)
    try:
        return refused(tree)
    finally:
        nothing.replace(part)
