"""How the engine understands the files of a CSV source: one dialect and one list of columns for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlglot import exp

from featsql.engine import DUCKDB, Engine, EngineError
from featsql.read.project import Source
from featsql.sources.files.lines import fields, first_lines
from featsql.sources.files.spelled import call
from featsql.sources.files.terms import refusal, shown

SNIFFED = (
    "Delimiter",
    "Quote",
    "Escape",
    "Comment",
    "SkipRows",
    "HasHeader",
    "Columns",
    "DateFormat",
    "TimestampFormat",
)
# Options that are no matter of one file's text.
LATER = frozenset(
    {
        *("types", "columns", "filename", "union_by_name", "hive_partitioning", "hive_types", "hive_types_autocast"),
        *("all_varchar", "store_rejects", "rejects_table", "rejects_scan", "rejects_limit", "rejects_line_size_limit"),
        *("file_row_number", "allow_empty", "column_statistics", "files_to_sniff", "schema", "auto_detect", "parallel"),
    }
)
# Options by which an author lets rows pass that do not have all fields.
LENIENT = frozenset({"ignore_errors", "null_padding", "store_rejects"})
DELIMITERS = (",", ";", "\t", "|")
EMPTY = frozenset({"quote", "escape", "comment"})  # what a file may have none of
QUOTED = {"quote": '"', "escape": '"'}
LINE = re.compile(r"CSV Error on Line: (\d+)")
COUNTS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
FILE = re.compile(r"^\s*file = (.*)$", re.MULTILINE)


class Sniffed(Struct, frozen=True):
    """What the engine makes of one file: its dialect as options, its columns' types, and the forms of its days and
    instants where they are not the usual ones."""

    file: str
    dialect: Mapping[str, Any]
    types: Mapping[str, str]
    day: str | None
    instant: str | None


def sniff(engine: Engine, file: str, options: Mapping[str, Any]) -> Sniffed:
    """Look at the first rows of a file. Raises EngineError where they have no form."""
    given = {name: value for name, value in options.items() if name not in LATER}
    named = options.get("columns")
    if isinstance(named, Mapping):
        given["names"] = [*named]
        if options.get("auto_detect") is False:
            return Sniffed(file, {}, {str(name): str(kind) for name, kind in named.items()}, None, None)
    query = exp.select(*map(exp.column, SNIFFED)).from_(call("sniff_csv", file, given))
    delim, quote, escape, comment, skip, header, columns, day, instant = engine.rows(query.sql(DUCKDB))[0]
    dialect = {"delim": delim, "quote": quote, "escape": escape, "comment": comment}
    dialect = {name: "" if value == "(empty)" else value for name, value in dialect.items()}
    types = {each["name"]: each["type"] for each in columns}
    types |= {name: kind for name, kind in named.items() if name in types} if isinstance(named, Mapping) else {}
    return Sniffed(file, {**dialect, "skip": int(skip), "header": bool(header)}, types, day, instant)


def is_ragged(one: Sniffed, options: Mapping[str, Any]) -> str | None:
    """The delimiter that the first line of a file has, where the engine had to pass over that line, or over the
    delimiter, because not all rows have as many fields."""
    if LENIENT.intersection(options) or options.get("columns"):
        return None
    if one.dialect["skip"] and "skip" not in options:
        passed = first_lines(one.file, one.dialect["skip"])
        delim = options.get("delim", one.dialect["delim"])
        return delim if any(len(fields(line, delim)) > 1 for line in passed) else None
    if len(one.types) > 1 or "delim" in options or "skip" in options:
        return None
    counts = {delim: len(fields(line, delim)) for line in first_lines(one.file, 1) for delim in DELIMITERS}
    widest = max(counts, key=lambda delim: counts[delim], default="")
    return widest if counts.get(widest, 0) > 1 else None


def ragged(engine: Engine, source: Source, one: Sniffed, delim: str, root: Path) -> None:
    """Refuse a file in which not all rows have as many fields as the first line, with the line that has not."""
    first = next(iter(first_lines(one.file, 1)), "")
    columns = {f"c{i}": "VARCHAR" for i, _ in enumerate(fields(first, delim))}
    options = {"auto_detect": False, "header": True, "delim": delim, "columns": columns, **QUOTED}
    try:
        engine.rows(exp.select(exp.Count(this=exp.Star())).from_(call("read_csv", one.file, options)).sql(DUCKDB))
    except EngineError as error:
        if LINE.search(error.message):
            raise broken(source, error, root, one.file) from None
    if len(columns) > 1 and one.dialect["skip"]:
        message = f"its first {one.dialect['skip']} lines do not have the form of the others"
        hint = f"write `options: {{skip: {one.dialect['skip']}}}` if they are to be left out"
        raise refusal("FS507", source, f"{shown(one.file, root)}: {message}", hint)


def broken(source: Source, error: EngineError, root: Path, file: str | None = None) -> Exception:
    """What is wrong with a line of a file that cannot be read."""
    line, counts, named = LINE.search(error.message), COUNTS.search(error.message), FILE.search(error.message)
    assert line is not None
    where = f"line {line[1]} of `{shown(file or (named[1].strip() if named else source.location), root)}`"
    if counts is None:
        reason = " ".join(error.message[line.end() :].partition("Possible")[0].split("\n")[2:]).strip(" .")
        return refusal("FS507", source, f"{where}: {reason or 'the row has no form'}", None)
    short = int(counts[2]) < int(counts[1])
    hint = "or have NULL at its end: `options: {null_padding: true}`" if short else "or leave such rows out: "
    hint = "mend the row, " + (hint if short else f"{hint}`options: {{ignore_errors: true}}`")
    return refusal("FS507", source, f"{where} has {counts[2]} fields, where {counts[1]} are expected", hint)


def one_dialect(source: Source, files: Sequence[Sniffed], root: Path) -> dict[str, Any]:
    """The dialect of all files. Raises FeatsqlError FS506 where they have several."""
    found: dict[str, Any] = {}
    for name in ("delim", "quote", "escape", "comment", "skip", "header"):
        telling = [one for one in files if one.dialect.get(name, "") != "" and (name != "delim" or len(one.types) > 1)]
        values = {one.dialect[name]: one for one in reversed(telling)}
        if len(values) > 1:
            (a, first), (b, other), *_ = reversed(values.items())
            message = f"`{shown(first.file, root)}` has the {name} {a!r} and `{shown(other.file, root)}` has {b!r}"
            hint = f"make them alike, or say what holds: `options: {{{name}: ...}}`"
            raise refusal("FS506", source, f"its files have several forms: {message}", hint)
        found[name] = next(iter(values), "," if name == "delim" else "")
    told = {name for one in files for name in one.dialect}
    return {name: value for name, value in found.items() if name in told and (value != "" or name in EMPTY)}


def differing(
    source: Source, files: Iterable[tuple[str, Sequence[str]]], options: Mapping[str, Any], root: Path
) -> bool:
    """Whether the files of a source have their columns in several orders. Raises FeatsqlError FS506 where one has a
    column that another has not, unless they are to be brought together by name."""
    several = False
    (first, names), *others = files
    for file, own in others:
        odd = {*map(str.casefold, own)} ^ {*map(str.casefold, names)}
        if odd and not options.get("union_by_name"):
            name = next(each for each in (*names, *own) if each.casefold() in odd)
            there, missing = (first, file) if name in names else (file, first)
            message = f"`{shown(there, root)}` has a column `{name}`, `{shown(missing, root)}` has not"
            hint = "to have NULL where a file does not have a column, write `options: {union_by_name: true}` here"
            raise refusal("FS506", source, message, hint)
        several = several or bool(odd) or [*map(str.casefold, own)] != [*map(str.casefold, names)]
    return several
