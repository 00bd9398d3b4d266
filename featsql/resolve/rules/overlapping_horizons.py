"""FS627: a notice of labels whose questions come more often than their outcomes are known."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from featsql.errors import Diagnostic
from featsql.resolve.lineage.span import lengths
from featsql.resolve.subject import Subject
from featsql.temporal import interval

SERIES = frozenset({"generate_series", "range"})


def check(subject: Subject) -> Iterator[Diagnostic]:
    """Rows whose windows overlap share outcomes: they are not independent, and a split must keep them apart."""
    config = subject.model.config
    if subject.kind != "labels" or config.label is None or config.horizon is None or guarded(subject):
        return
    horizon = lengths(interval(config.horizon))
    for key in sorted(subject.graph.upstream([f"model:{subject.model.name}"])):
        model = subject.graph.models.get(key.partition(":")[2]) if key.startswith("model:") else None
        for step in steps(model.tree) if model is not None and model.config.kind in {"plain", "labels"} else ():
            length = lengths(step)
            if horizon is not None and length is not None and length[1] < horizon[0]:
                text = step.sql("duckdb").removeprefix("INTERVAL ").replace("'", "").lower()
                message = f"questions come every {text}, and outcomes {config.horizon} later: their windows overlap"
                hint = "fine for training; declare the `split` of its training sets, which keeps them apart, to test"
                yield subject.found("FS627", message, subject.model.tree, hint, "notice")
                return


def guarded(subject: Subject) -> bool:
    """Whether all training sets that read the labels declare a split, which is checked by itself."""
    below = subject.graph.children.get(f"model:{subject.model.name}", ())
    models = [subject.graph.models[key.partition(":")[2]] for key in below]
    sets = [model for model in models if model.config.kind == "training_set"]
    return bool(sets) and all(model.config.split is not None for model in sets)


def steps(tree: exp.Query) -> Iterator[exp.Expr]:
    """The steps of the series of instants in a tree."""
    for node in tree.walk():
        step = node.args.get("step") if isinstance(node, exp.GenerateSeries | exp.GenerateTimestampArray) else None
        if isinstance(node, exp.Anonymous) and node.name.casefold() in SERIES and len(node.expressions) == 3:
            step = node.expressions[2]
        if isinstance(step, exp.Expr):
            yield step
