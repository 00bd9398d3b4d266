"""A frame of keys and instants as a spine: historical features for rows that no model describes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from featsql.compiler import Compiled
from featsql.engine import Column, Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError
from featsql.names import did_you_mean
from featsql.plan.features import plan_features
from featsql.plan.instants import asked_exactly, needs_nanoseconds
from featsql.plan.names import taken
from featsql.plan.plan import Attach, Features, Outcome, Plan
from featsql.plan.training_set.training import check_instants, plan_of
from featsql.resolve.catalog.describe import is_instant
from featsql.resolve.graph import model_key
from featsql.resolve.rules.key_types import family
from featsql.sources.frames import with_nanoseconds
from featsql.temporal import column

FRAME = "__frame"


def plan_frame(frame: Any, wanted: Sequence[str], as_of: str, compiled: Compiled, engine: Engine) -> Plan:
    """The plan for a frame as the spine, registered in `engine`'s session.

    `wanted` names features models, or single features as 'model:feature'. Raises FeatsqlError
    FS720 for an unknown model or feature, FS722 for what is no frame or lacks a key or the instant, FS702 for a column
    whose name only featsql may give,
    FS714 and FS612 for instants and keys of a wrong type, FS713 where two columns would have one name.
    """
    columns = columns_of(frame, engine)
    names = [c.name for c in columns]
    as_of_type = instant_of(as_of, columns)
    spine = Outcome(exp.to_table(FRAME), "spine", tuple(names), as_of, as_of_type)
    chosen = choose(wanted, compiled)
    attachments: list[Attach] = []
    outputs: list[exp.Expr] = [exp.alias_(column(name, "spine"), name, quoted=True) for name in names]
    for alias, (features, picked) in chosen.items():
        check_instants(features, as_of_type, None)
        if needs_nanoseconds(features.relations, as_of_type, compiled.project.boundary):
            general = plan_features(features.name, compiled.checked, general=True)
            features = asked_exactly(features, as_of_type) or general
        refuse_types(features, columns, compiled)
        attachments.append(Attach(features, frame_keys(features, names), alias))
        outputs += [exp.alias_(column(name, alias), name, quoted=True) for name in picked]
    refuse_repeats([output.alias for output in outputs])
    refuse_taken(names)
    return plan_of(spine, tuple(attachments), exp.select(*outputs), compiled.project.boundary)


def columns_of(frame: Any, engine: Engine) -> tuple[Column, ...]:
    """The columns of a frame, which the session can read from here on."""
    try:
        engine.register(FRAME, with_nanoseconds(frame))
        return engine.columns(exp.select("*").from_(FRAME).sql("duckdb"))
    except EngineError as error:
        hint = "give a Polars, Arrow or pandas frame with at least one column"
        message = f"{type(frame).__name__} is no frame that can be read"
        raise FeatsqlError(Diagnostic("FS722", message, hint=hint)) from error


def instant_of(as_of: str, columns: Sequence[Column]) -> str:
    """The type of a frame's column of instants."""
    kind = next((column.type for column in columns if column.name == as_of), None)
    if kind is None:
        hint = did_you_mean(as_of, [column.name for column in columns], "name the column of instants: as_of='...'")
        raise FeatsqlError(Diagnostic("FS722", f"the frame has no column `{as_of}`", hint=hint))
    if not is_instant(kind):
        hint = "make it a column of instants, as by `str.to_datetime()` in Polars or `to_datetime()` in pandas"
        raise FeatsqlError(Diagnostic("FS714", f"`{as_of}` of the frame is {kind}, not an instant", hint=hint))
    return kind


def refuse_types(features: Features, columns: Sequence[Column], compiled: Compiled) -> None:
    """A text that stands for a number is not it: '07' is not 7."""
    info = compiled.checked.catalog.relations[model_key(features.name)]
    types = {each.name.casefold(): each.type for each in columns}
    for key in features.keys:
        mine, theirs = info.type_of(key), types.get(key.casefold())
        if mine is not None and theirs is not None and {family(mine), family(theirs)} == {"number", "VARCHAR"}:
            message = f"`{key}` is {theirs} in the frame, but {mine} in model {features.name}"
            raise FeatsqlError(Diagnostic("FS612", message, hint=f"cast it in the frame to {mine}"))


def choose(wanted: Sequence[str], compiled: Compiled) -> dict[str, tuple[Features, tuple[str, ...]]]:
    """The features models asked for, each once, with the features picked of it, in the order asked."""
    chosen: dict[str, tuple[Features, tuple[str, ...]]] = {}
    for text in [wanted] if isinstance(wanted, str) else wanted:
        name, _, feature = text.partition(":")
        model = compiled.graph.models.get(name)
        if model is None or model.config.kind != "features":
            known = [n for n, m in compiled.graph.models.items() if m.config.kind == "features"]
            hint = did_you_mean(name, known, f"the project has {', '.join(known) or 'none'}")
            raise FeatsqlError(Diagnostic("FS720", f"there is no features model `{name}`", hint=hint))
        features, picked = chosen.get(name) or (plan_features(name, compiled.checked), ())
        if feature and feature not in features.features:
            hint = did_you_mean(feature, features.features)
            raise FeatsqlError(Diagnostic("FS720", f"`{name}` has no feature `{feature}`", hint=hint))
        more = (feature,) if feature else features.features
        chosen[name] = (features, tuple(dict.fromkeys((*picked, *more))))
    return chosen


def frame_keys(features: Features, names: Sequence[str]) -> tuple[exp.Expr, ...]:
    """The frame's columns that are the entity's keys."""
    by_folded = {name.casefold(): name for name in names}
    missing = [key for key in features.keys if key.casefold() not in by_folded]
    if missing:
        hint = did_you_mean(missing[0], names, "name the column as the entity's key")
        raise FeatsqlError(Diagnostic("FS722", f"the frame has no column `{missing[0]}`", hint=hint))
    return tuple(column(by_folded[key.casefold()], "spine") for key in features.keys)


def refuse_taken(columns: Sequence[str]) -> None:
    """The frame's columns stand beside those that featsql adds."""
    for name in filter(taken, columns):
        message = f"the column `{name}` of the frame has a name that featsql gives to columns of its own"
        raise FeatsqlError(Diagnostic("FS702", message, hint="rename it in the frame"))


def refuse_repeats(names: Sequence[str]) -> None:
    """Two columns of one name would silently become `x` and `x_1`."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            hint = "pick single features: 'model:feature'"
            raise FeatsqlError(Diagnostic("FS713", f"two columns are named `{name}`", hint=hint))
        seen.add(name.casefold())
