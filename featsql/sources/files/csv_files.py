"""The types of a CSV source's columns: over all rows of all of its files, not only the first ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlglot import exp

from featsql.engine import DUCKDB, Engine, EngineError
from featsql.read.project import Source
from featsql.resolve.reading import Reading
from featsql.sources.files import fit
from featsql.sources.files.declared import by_place
from featsql.sources.files.lines import line_of
from featsql.sources.files.small import may_lose, text_of
from featsql.sources.files.sniffed import (
    LENIENT,
    LINE,
    QUOTED,
    Sniffed,
    broken,
    differing,
    is_ragged,
    one_dialect,
    ragged,
    sniff,
)
from featsql.sources.files.spelled import call
from featsql.sources.files.terms import Declared, options_of, refusal, shown
from featsql.sources.files.values import FILE, Found, Values, answer, questions
from featsql.sources.files.written_days import chosen, readings_of

# What a column is tried as next, whose values do not all fit.
WIDER: Mapping[str, str] = {"BIGINT": "HUGEINT", "HUGEINT": "DOUBLE", "INTEGER": "BIGINT", "DATE": "TIMESTAMP"}
DAYS = frozenset({"DATE", "TIMESTAMP"})
RANKS = ("BIGINT", "HUGEINT", "DOUBLE")
SHOWN = 40  # characters of a value


class Survey:
    """A CSV source whose files are being looked at."""

    def __init__(
        self, engine: Engine, source: Source, files: Sequence[str], declared: Mapping[str, Declared], root: Path
    ) -> None:
        self.engine, self.source, self.files, self.root = engine, source, files, root
        self.options = options_of(source)
        self.declared = {name.casefold(): each for name, each in declared.items()}
        self.needed = {name.casefold() for name in source.clock.instants} if source.clock else set()
        self.lenient = bool(LENIENT.intersection(self.options))
        self.types: dict[str, str] = {}
        self.forms: dict[str, tuple[str, ...]] = {}
        self.texts: dict[str, str] = {}
        self.dialect: dict[str, Any] = {}
        self.plain = self.dialect

    def read(self) -> Reading:
        """How the files are read. Raises FeatsqlError with FS506, FS507 or FS508, and EngineError where the engine does
        not know what to make of them."""
        every = [self.sniffed(file) for file in self.files]
        self.dialect = one_dialect(self.source, every, self.root)
        named = [(one.file, list(one.types)) for one in every]
        by_name = differing(self.source, named, self.options, self.root)
        self.shared = {"union_by_name": True} if by_name else {}
        self.declared = by_place(self.engine, self.source, list(every[0].types)) | self.declared
        self.types = self.first_types(every)
        self.plain = self.dialect
        if not self.dialect.get("quote", QUOTED["quote"]) and "quote" not in self.options:
            self.dialect = {**self.plain, **QUOTED}  # the first rows have none, later ones may
        found = self.settle(self.doubtful(every))
        form = chosen(self.source, self.types, self.forms, found, self.options, self.where)
        types = self.types | dict.fromkeys(form.pop("", ()), "VARCHAR")
        self.look_for_odd_instants(types)
        options = {**self.shared, **self.dialect, **form}
        if isinstance(self.options.get("columns"), Mapping):
            options["columns"] = types
        else:
            options["types"] = types
        vague = tuple(n for n, values in found.items() if not values.count and n.casefold() not in self.declared)
        return Reading(options, vague=vague, texts=self.texts)

    def sniffed(self, file: str) -> Sniffed:
        """One file, all of whose rows have a form."""
        one = sniff(self.engine, file, self.options)
        delimiter = is_ragged(one, self.options)
        if delimiter is not None:
            ragged(self.engine, self.source, one, delimiter, self.root)
        return one

    def first_types(self, every: Iterable[Sniffed]) -> dict[str, str]:
        """The type of each column as the first rows of the files have it, or as it is declared."""
        found: dict[str, dict[str, Sniffed]] = {}
        names: dict[str, str] = {}
        for one in every:
            for name, kind in one.types.items():
                found.setdefault(names.setdefault(name.casefold(), name), {}).setdefault(kind, one)
        types: dict[str, str] = {}
        for name, kinds in found.items():
            own = self.declared.get(name.casefold())
            types[name] = own.type if own else "VARCHAR" if self.options.get("all_varchar") else common([*kinds])
            forms = [one.day if kind == "DATE" else one.instant for kind, one in kinds.items() if kind in DAYS]
            self.forms[name] = readings_of(types[name], [form for form in forms if form], self.options)
        return types

    def doubtful(self, every: Sequence[Sniffed]) -> dict[str, str]:
        """The columns whose values are to be looked at: all, unless the engine saw all rows of all files, and found
        the same in each."""
        text = text_of(self.files, self.options)
        if text is None or any(one.types != every[0].types for one in every):
            return self.types
        self.dialect = self.plain
        return {
            name: kind
            for name, kind in self.types.items()
            if self.forms[name]
            or name.casefold() in self.declared
            or (kind == "VARCHAR" and name.casefold() in self.needed)
            or may_lose(kind, text)
        }

    def rows(self, types: Mapping[str, str]) -> exp.Table:
        """All rows of all files as texts, each with its file."""
        left = {"types", "columns", "all_varchar", "filename", "hive_types", "store_rejects"}
        given = {name: value for name, value in self.options.items() if name not in left}
        options = {**self.dialect, **given, **self.shared, "filename": FILE}
        if isinstance(self.options.get("columns"), Mapping):
            options["columns"] = dict.fromkeys(types, "VARCHAR")
        else:
            options["all_varchar"] = True
        reader = call("read_csv", self.files[0], options)
        if len(self.files) > 1:
            files = exp.Array(expressions=[exp.Literal.string(file) for file in self.files])
            reader.this.expressions[0].replace(files)
        return reader

    def settle(self, types: Mapping[str, str]) -> dict[str, Values]:
        """Widen the types until all values fit."""
        found = self.look(types) if types else {}
        while wider := {name: kind for name, values in found.items() if (kind := self.wider(name, values))}:
            self.types |= wider
            found |= self.look(wider)
        return found

    def look(self, types: Mapping[str, str]) -> dict[str, Values]:
        """The values of some columns, held against their types: reads all rows."""
        asked: list[exp.Expr] = []
        for name, kind in types.items():
            asked += self.questions(name, kind)
        query = exp.Select(expressions=asked).from_(self.rows(self.types), copy=False)
        try:
            (row,) = self.engine.rows(query.sql(DUCKDB))
        except EngineError as error:
            if self.dialect != self.plain:  # some row has a quote that does not end
                self.dialect = self.plain
                return self.look(types)
            if LINE.search(error.message):
                raise broken(self.source, error, self.root) from None
            raise
        answers = iter(row)
        return {name: answer(self.forms[name], answers) for name in types}

    def look_for_odd_instants(self, types: Mapping[str, str]) -> None:
        """Find where a value stands that is no instant, of each column of texts that the source's clock needs."""
        asked = {n: "TIMESTAMP" for n, kind in types.items() if n.casefold() in self.needed and kind == "VARCHAR"}
        asked = {name: kind for name, kind in asked.items() if name not in self.texts}
        for name, values in (self.look(asked) if asked else {}).items():
            if values.unfit is not None:
                self.texts[name] = self.where(name, values.unfit)

    def questions(self, name: str, kind: str) -> list[exp.Expr]:
        """What is asked about one column."""
        value = exp.column(name, quoted=True)
        number = fit.WHOLE.fullmatch(kind) or fit.DECIMAL.fullmatch(kind) or kind in {"DOUBLE", "FLOAT"}
        text = self.number(value) if number else value
        return questions(value, text, kind, self.forms[name], declared=name.casefold() in self.declared)

    def number(self, value: exp.Expr) -> exp.Expr:
        """A number as SQL writes it."""
        for option, other in (("thousands", ""), ("decimal_separator", ".")):
            if option in self.options:
                signs = [exp.Literal.string(str(self.options[option])), exp.Literal.string(other)]
                value = exp.Anonymous(this="replace", expressions=[value.copy(), *signs])
        return value

    def wider(self, name: str, values: Values) -> str | None:
        """The type that a column is to have in place of one that its values do not fit, if there is such a one. Raises
        FeatsqlError where there is none."""
        kind, own = self.types[name], self.declared.get(name.casefold())
        if self.lenient and own is not None:
            return None
        if own is not None:
            self.refuse(name, values, own)
            return None
        if values.unfit or (values.misfits and all(values.misfits.values())):
            if values.unfit and kind != "VARCHAR":
                self.texts.setdefault(name, self.where(name, values.unfit))
            self.forms[name] = ()
            return WIDER.get(kind, "VARCHAR") if not values.misfits else "VARCHAR"
        if kind != "VARCHAR":
            self.texts.pop(name, None)
        if values.zone:
            without = "no time zone" if kind == fit.ZONED else "a time zone"
            message = f"{self.where(name, values.zone)}, which has {without}; others of `{name}` are otherwise"
            hint = f"write all of them in one way, or declare what holds: `columns: [{{name: {name}, data_type: ...}}]`"
            raise refusal("FS507", self.source, message, hint)
        if values.digits:
            if kind == "TIMESTAMP":
                return "TIMESTAMP_NS"
            message = f"{self.where(name, values.digits)}, which {kind} would round"
            hint = f"declare its type: `columns: [{{name: {name}, data_type: varchar}}]`"
            raise refusal("FS507", self.source, message, hint)
        return None

    def refuse(self, name: str, values: Values, own: Declared) -> None:
        """Raise FeatsqlError where values do not fit the type that is declared."""
        if self.forms[name] and self.declared and all(values.misfits.values()) and values.count:
            raise refusal("FS507", self.source, f"not all values of `{name}` are {own.type}", None, own.place)
        whys = (f"is no {own.type}", f"has a time zone, which {own.type} has not", f"{own.type} would round")
        for found, why in zip((values.unfit, values.zone, values.digits), whys, strict=True):
            if found is not None:
                raise refusal("FS507", self.source, f"{self.where(name, found)}, which {why}", advice(own), own.place)

    def where(self, name: str, found: Found) -> str:
        """Where a value stands, for people."""
        file, value = found
        line = line_of(file, self.dialect, name, value)
        held = value if len(value) <= SHOWN else f"{value[:SHOWN]}…"
        at = f"line {line} of `{shown(file, self.root)}`" if line else f"`{shown(file, self.root)}`"
        return f"{at} has {held!r} in `{name}`"


def advice(own: Declared) -> str:
    """What helps where a value does not fit a declared type."""
    if own.type in fit.DIGITS or own.type == "DATE":
        form = "dateformat: '%d.%m.%Y'" if own.type == "DATE" else "timestampformat: '%d.%m.%Y %H:%M'"
        zone = "; with a time zone it is a `timestamp with time zone`" if fit.NAIVE.fullmatch(own.type) else ""
        return f"if it is written in another way, say in which: `options: {{{form}}}`{zone}"
    return "mend the value, say which texts stand for NULL (`options: {nullstr: 'n/a'}`), or declare a wider type"


def common(kinds: Sequence[str]) -> str:
    """One type for a column of which several files have each another; whether all values fit is seen later."""
    told = [kind for kind in dict.fromkeys(kinds) if kind != "VARCHAR"]
    if len(told) < 2:
        return told[0] if told else "VARCHAR"
    if all(kind in RANKS for kind in told):
        return max(told, key=RANKS.index)
    instants = {"DATE", "TIMESTAMP", fit.ZONED}
    if instants.issuperset(told):
        return fit.ZONED if fit.ZONED in told else "TIMESTAMP"
    return "VARCHAR"
