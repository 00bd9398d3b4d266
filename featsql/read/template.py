"""The one place that knows Jinja: runs a person's templates in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from featsql.names import did_you_mean


class TemplateError(Exception):
    """What is wrong with a template: code, message, hint, and the line in the template if known."""

    def __init__(self, code: str, message: str, hint: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.line = line


_MISSING: Any = object()


def render_value(text: str, variables: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """A string of a YAML file with its `{{ env_var('X') }}` and `{{ var('x') }}` filled in.

    Raises TemplateError.
    """
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return text

    def env_var(name: str, default: Any = _MISSING) -> Any:
        if name in environment:
            return environment[name]
        if default is _MISSING:
            hint = did_you_mean(name, environment, "set it, or give a default: env_var('NAME', 'default')")
            raise TemplateError("FS211", f"the environment variable `{name}` is not set", hint)
        return default

    def var(name: str, default: Any = _MISSING) -> Any:
        if name in variables:
            return variables[name]
        if default is _MISSING:
            hint = did_you_mean(name, variables, "declare it under `vars:`, or give a default: var('name', 1)")
            raise TemplateError("FS210", f"the variable `{name}` is not defined", hint)
        return default

    jinja = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    try:
        return jinja.from_string(text).render(env_var=env_var, var=var)
    except jinja2.TemplateError as error:
        raise TemplateError("FS200", str(error.message), "only env_var() and var() are known here") from error
