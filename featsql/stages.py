"""Any stage of the compiler, printed for one model."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from featsql.build.manifest import compiled_sql
from featsql.compiler import Compiled
from featsql.errors import Diagnostic, FeatsqlError
from featsql.names import did_you_mean
from featsql.plan.plan import AsOf, Features, Lifted, Over, Plan, Scan
from featsql.resolve.graph import model_key


def stage_text(compiled: Compiled, name: str, stage: str) -> str:
    """What one stage made of a model. Raises FeatsqlError FS723 for an unknown model, FS727 for an
    unknown stage."""
    if stage not in STAGES:
        hint = did_you_mean(stage, STAGES, "the stages are " + ", ".join(STAGES))
        raise FeatsqlError(Diagnostic("FS727", f"there is no stage `{stage}`", hint=hint))
    if name not in compiled.graph.models:
        hint = did_you_mean(name, compiled.graph.models)
        raise FeatsqlError(Diagnostic("FS723", f"there is no model `{name}`", hint=hint))
    return STAGES[stage](compiled, name)


def text(compiled: Compiled, name: str) -> str:
    """The SQL that the template rendered to."""
    return compiled.graph.models[name].rendered.text.strip()


def tree(compiled: Compiled, name: str) -> str:
    """The SQL's tree."""
    return repr(compiled.graph.models[name].tree)


def config(compiled: Compiled, name: str) -> str:
    """The model's typed header."""
    header = compiled.graph.models[name].config
    shown = {key: getattr(header, key) for key in header.__struct_fields__ if key not in {"place", "columns"}}
    return "\n".join(f"{key}: {value}" for key, value in shown.items() if value not in (None, (), "", {}))


def relations(compiled: Compiled, name: str) -> str:
    """What the model reads and what it gives, with columns, types and clocks."""
    keys = [*compiled.graph.parents[model_key(name)], model_key(name)]
    blocks = []
    for key in keys:
        info = compiled.checked.catalog.relations[key]
        clock = info.clock
        kind = "no clock" if clock is None else clock.kind
        columns = [f"  {column.name}  {column.type}" for column in info.columns]
        blocks.append("\n".join([f"{key}  ({kind})", *columns]))
    return "\n\n".join(blocks)


def lineage(compiled: Compiled, name: str) -> str:
    """Which columns the model's columns come from."""
    return compiled.checked.lineage.text(name)


def plan(compiled: Compiled, name: str) -> str:
    """The plan's nodes, one a line."""
    match compiled.plans.get(name):
        case None:
            return f"{name}: runs as its author wrote it"
        case Plan() as training:
            return "\n".join(plan_lines(training))
        case features:
            return "\n".join(features_lines(features))


def plan_lines(training: Plan) -> list[str]:
    """The plan of a training set."""
    spine = training.spine
    lines = [f"Attach {training.name} ({training.boundary})", f"  Outcome {spine.source.name} as of {spine.as_of}"]
    for attach in training.attachments:
        keys = ", ".join(key.sql("duckdb") for key in attach.keys) or "no keys"
        head, *rest = features_lines(attach.features)
        lines += [f"  {head} as {attach.alias} by {keys}", *(f"  {line}" for line in rest)]
    return lines + [f"  Reading {read.scan.relation.key} as {read.alias}" for read in training.readings]


def features_lines(features: Features) -> list[str]:
    """The node of a features model and what it reads."""
    lines = [f"{type(features).__name__} {features.name}: {features.reason}"]
    if isinstance(features, AsOf):
        return [*lines, f"  Scan {features.relation.key} by {', '.join(features.key_columns)}"]
    if isinstance(features, Over):
        return [*lines, *over_lines(features)]
    return lines + [scan_line(scan, features) for scan in features.scans.values()]


def over_lines(features: Over) -> list[str]:
    """The windows of a node, and how its scan meets the probes."""
    by = f" by {', '.join(features.keys)}" if features.keys else ""
    how = "sorted once" if features.method == "sort" else "joined, or sorted once where that makes many pairs,"
    lines = [f"  Scan {features.scan.relation.key} {how}{by}"]
    clock = features.scan.relation.clock
    for number, window in enumerate(features.windows):
        calls = [
            measure.call.sql("duckdb").split("(")[0].lower()
            for measure in features.measures
            if measure.window == number
        ]
        ends = " and ".join(f"{clock.start if clock else ''} {edge.text}" for edge in window) or "all that is visible"
        if calls:
            lines.append(f"  Window {ends}: {', '.join(calls)}")
    return lines


def name_of(call: exp.Expr) -> str:
    """The name of the function that is called."""
    return call.sql("duckdb").partition("(")[0].lower()


def scan_line(scan: Scan, features: Lifted) -> str:
    """One scan, with what is pushed into it."""
    pushed = ", ".join(f"{column} = {features.keys[position]}" for position, column in scan.keys)
    parts = [f"  Scan {scan.relation.key}", f"where {pushed}" if pushed else "of every key"]
    if isinstance(scan.lookback, exp.Interval):
        parts.append(f"back to {scan.lookback.sql('duckdb')}")
    return " ".join(parts)


STAGES: dict[str, Callable[[Compiled, str], str]] = {
    "text": text,
    "tree": tree,
    "config": config,
    "relations": relations,
    "lineage": lineage,
    "plan": plan,
    "sql": compiled_sql,
}
