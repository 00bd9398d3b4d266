"""The noun of a source that was looked at: how its rows are read, the same way in all of its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Reading(Struct, frozen=True):
    """How a source is read: the options with which its reader is called besides the author's, the types to which
    columns are cast after that, and the type that each had. `vague` are those of which no value says what type they
    have, `texts` tells of columns that are texts because of a single value where that value is."""

    options: Mapping[str, Any] = {}
    casts: Mapping[str, tuple[str, str]] = {}
    vague: tuple[str, ...] = ()
    texts: Mapping[str, str] = {}
