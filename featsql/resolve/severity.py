"""What becomes of a finding: as strict as its rule is by itself, or as the project, a folder or the model sets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatch

from msgspec.structs import replace

from featsql.errors import Diagnostic, FeatsqlError
from featsql.read.model import Model
from featsql.read.project import RuleSetting
from featsql.resolve.checked import Waived
from featsql.resolve.graph import Graph, model_key
from featsql.resolve.selectors.select import select_keys

RANK = {"off": 0, "notice": 1, "warning": 2, "error": 3}
Finding = tuple[str, Diagnostic]


def settle(findings: Iterable[Finding], graph: Graph) -> tuple[list[Diagnostic], tuple[Waived, ...]]:
    """The diagnostics with their severities as set, and what was let pass and why. Raises FeatsqlError for a
    setting whose selectors name nothing."""
    chosen = {setting: models_of(setting, graph) for setting in graph.project.rules}
    diagnostics: list[Diagnostic] = []
    waived: list[Waived] = []
    for name, found in dict.fromkeys(findings):
        setting = setting_of(found.code, graph.models[name], chosen)
        severity = setting.severity if setting is not None else found.severity
        if setting is not None and RANK[severity] < RANK[found.severity]:
            waived.append(Waived(name, found, severity, setting.reason))
        if severity != "off":
            diagnostics.append(replace(found, severity=severity))
    return diagnostics, tuple(waived)


def models_of(setting: RuleSetting, graph: Graph) -> frozenset[str]:
    """The relation keys of the models that a setting of the project is for."""
    try:
        keys = select_keys(graph, setting.models, ())
    except FeatsqlError as error:
        raise FeatsqlError([replace(each, place=each.place or setting.place) for each in error.diagnostics]) from None
    if not setting.paths:
        return keys
    return frozenset(
        key
        for name, model in graph.models.items()
        if (key := model_key(name)) in keys and lies_in(model, setting.paths)
    )


def lies_in(model: Model, paths: Iterable[str]) -> bool:
    """Whether a model's file is one of some paths, below one, or fits a pattern."""
    own = model.rendered.file.path
    return any(own == path or own.startswith(path.rstrip("/") + "/") or fnmatch(own, path) for path in paths)


def setting_of(code: str, model: Model, chosen: Mapping[RuleSetting, frozenset[str]]) -> RuleSetting | None:
    """The setting that counts for a rule in a model: the model's own, else the last of the project's."""
    own = [setting for setting in model.config.rules if setting.code == code]
    shared = [s for s, keys in chosen.items() if s.code == code and model_key(model.name) in keys]
    return next(iter([*reversed(own), *reversed(shared)]), None)
