"""featsql: write SQL for now; featsql runs it for every moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from featsql.api import Project, Result, load
    from featsql.errors import Diagnostic, FeatsqlError

__version__ = "0.1.0"
__all__ = ["Diagnostic", "FeatsqlError", "Project", "Result", "__version__", "load"]

HOMES = {
    "load": "featsql.api",
    "Project": "featsql.api",
    "Result": "featsql.api",
    "Diagnostic": "featsql.errors",
    "FeatsqlError": "featsql.errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `featsql --help` starts at once."""
    if name not in HOMES:
        raise AttributeError(f"module 'featsql' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(HOMES[name]), name)
