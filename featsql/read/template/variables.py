"""`var()` and `env_var()`: values from outside a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from featsql.names import did_you_mean
from featsql.read.template.fault import TemplateError
from featsql.secrets import Environment

MISSING: Any = object()


def variable(name: str, default: Any, variables: Mapping[str, Any]) -> Any:
    """The value of a project's variable. Raises TemplateError FS203."""
    if name in variables:
        return copied(variables[name])
    if default is MISSING:
        hint = did_you_mean(name, variables, "declare it under `vars:`, or give a default: var('name', 1)")
        raise TemplateError("FS203", f"the variable `{name}` is not defined", hint)
    return default


def environment_variable(name: str, default: Any, environment: Mapping[str, str]) -> Any:
    """The value of an environment variable. Raises TemplateError FS204."""
    if name in environment:
        return environment.take(name, default) if isinstance(environment, Environment) else environment[name]
    if default is MISSING:
        hint = did_you_mean(name, environment, "set it, or give a default: env_var('NAME', 'default')")
        raise TemplateError("FS204", f"the environment variable `{name}` is not set", hint)
    return default


def copied(value: Any) -> Any:
    """A value whose lists and mappings can be changed without changing it."""
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}
    return [copied(each) for each in value] if isinstance(value, list) else value
