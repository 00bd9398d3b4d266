"""The types of a JSON source's columns over all rows of all of its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sqlglot import exp

from featsql.engine import Engine
from featsql.read.project import Source
from featsql.resolve.reading import Reading
from featsql.sources.files import fit
from featsql.sources.files.csv_files import Survey
from featsql.sources.files.spelled import call
from featsql.sources.files.terms import Declared, raw_columns, shown
from featsql.sources.files.values import FILE, Found

WHOLE = {"sample_size": -1, "maximum_sample_files": -1}
NULL = "NULL"
UNTYPED = frozenset({'"NULL"', NULL})
LEFT = frozenset({"filename", "hive_partitioning", "hive_types", "hive_types_autocast", "columns"})


class JsonSurvey(Survey):
    """A JSON source whose files are being looked at: the engine finds its columns in all rows, and the types of those
    that it may round are held against the values."""

    def __init__(
        self, engine: Engine, source: Source, location: str, declared: Mapping[str, Declared], root: Path
    ) -> None:
        super().__init__(engine, source, [location], declared, root)
        self.given = {name: value for name, value in self.options.items() if name not in LEFT}

    def read(self) -> Reading:
        """How the files are read. Raises FeatsqlError FS507, and EngineError."""
        columns = self.options.get("columns")
        if isinstance(columns, Mapping):
            found = {str(name): str(kind) for name, kind in columns.items()}
        else:
            options = {**WHOLE, **self.given, "hive_partitioning": False}
            query = exp.select("*").from_(call("read_json", self.files[0], options))
            found = {column.name: column.type for column in raw_columns(self.engine, query)}
            if found == {"json": "JSON"}:
                return Reading()
            found |= dict.fromkeys(self.without_values(found), NULL)
        self.types = {}
        for name, kind in found.items():
            own = self.declared.get(name.casefold())
            self.forms[name] = ()
            self.types[name] = own.type if own else "INTEGER" if kind in UNTYPED else kind
        self.settle({name: kind for name, kind in self.types.items() if self.may_round(name, kind)})
        vague = tuple(name for name, kind in found.items() if kind in UNTYPED and name.casefold() not in self.declared)
        return Reading({"columns": self.types}, vague=vague)

    def without_values(self, found: Mapping[str, str]) -> list[str]:
        """The columns that hold no value: not every DuckDB says so of what it finds."""
        asked = [name for name, kind in found.items() if kind == "JSON"]
        if not asked:
            return []
        self.types, self.forms = dict.fromkeys(asked, "VARCHAR"), dict.fromkeys(asked, ())
        return [name for name, values in self.look(self.types).items() if not values.count]

    def may_round(self, name: str, kind: str) -> bool:
        """Whether values of a column are to be looked at: of one that holds single values."""
        known = name.casefold() in self.declared or kind in fit.DIGITS or kind == "DOUBLE"
        return known and not re.search(r"\[|^(STRUCT|MAP|UNION)|JSON", kind)

    def rows(self, types: Mapping[str, str]) -> exp.Table:
        """All rows of all files as texts, each with its file."""
        columns = dict.fromkeys(types, "VARCHAR")
        return call("read_json", self.files[0], {**self.given, "columns": columns, "filename": FILE})

    def where(self, name: str, found: Found) -> str:
        """Where a value stands, for people."""
        return f"`{shown(found[0], self.root)}` has {found[1]!r} in `{name}`"
