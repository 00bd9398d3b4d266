"""Hold values against their schema; what does not fit becomes complaints, and diagnostics with places and hints."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct, ValidationError, convert
from msgspec.structs import fields

from featsql.errors import Diagnostic, Place
from featsql.names import did_you_mean
from featsql.read.config.document import Document, Path
from featsql.read.config.schema import Block, Keys, Names, Severity, Text

Some = TypeVar("Some", bound=Block)

ELSEWHERE = {
    "profile": "featsql has no profiles: the outputs are in this file, under `outputs:`",
    "on-run-start": "featsql runs no hooks",
    "on-run-end": "featsql runs no hooks",
    "snapshot-paths": "a source with `kind: state` keeps every version, so that no snapshot is needed",
    "analysis-paths": "featsql has no analyses",
    "packages-install-path": "featsql has no packages",
    "data_tests": "featsql has no data tests yet",
    "tests": "featsql has no data tests yet",
    "freshness": "featsql does not measure freshness yet",
    "loader": "write it into `description:` or `meta:`",
    "identifier": "write it into `location:`",
    "database": "write it into `location:`",
    "snapshots": "a source with `kind: state` keeps every version, so that no snapshot is needed",
}
UNIONS = (types.UnionType, Union)
WHOLE = re.compile(r"[+-]?\d+(\.0+)?")
TRUTH = {"true": True, "yes": True, "on": True, "1": True, "1.0": True}
TRUTH |= {"false": False, "no": False, "off": False, "0": False, "0.0": False}
MAPPING = "a mapping is expected: `key: value`"
# What is expected where a value has this type.
WORDS: Mapping[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
    Names: "a text, or a list of texts",
    Keys: "at least one text",
    Text: "a text",
    Severity: " or ".join([", ".join(Severity.ALL[:-1]), Severity.ALL[-1]]),
}


class Complaint(Struct, frozen=True):
    """What is wrong at a path into a value: FS102 an unknown key, with those that are `known` there, FS103 a wrong
    value, with what is `expected`, FS104 a missing key."""

    code: Literal["FS102", "FS103", "FS104"]
    path: Path
    expected: str = ""
    known: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The key that it is about."""
        return next((step for step in reversed(self.path) if isinstance(step, str)), "")

    @property
    def message(self) -> str:
        """What is wrong, in a line."""
        match self.code:
            case "FS102":
                return f"unknown key `{self.name}`"
            case "FS104":
                return f"the key `{self.name}` is missing"
        return f"wrong value for `{self.name}`: {self.expected}"

    @property
    def hint(self) -> str | None:
        """The key that may have been meant."""
        return did_you_mean(self.name, self.known, "known here: " + ", ".join(self.known)) if self.known else None


def validate(document: Document, schema: type[Some]) -> tuple[Some | None, list[Diagnostic]]:
    """A document as a block, or None and what is wrong with it.

    Finds FS102 unknown key, FS103 wrong value, FS104 missing key.
    """
    if not isinstance(document.value, dict):
        return None, [Diagnostic("FS103", f"here {MAPPING}", document.value_place(()))]
    block, found = fitted(document.value, schema)
    return block, [Diagnostic(each.code, each.message, *where(each, document)) for each in found]


def where(complaint: Complaint, document: Document) -> tuple[Place, str | None]:
    """The place of what is wrong, and a hint."""
    match complaint.code:
        case "FS102":
            return document.key_place(complaint.path), ELSEWHERE.get(complaint.name) or complaint.hint
        case "FS104":
            around = complaint.path[:-1]
            return (document.key_place(around) if around else document.file.place(1)), None
    return document.value_place(complaint.path), None


def fitted(value: Mapping[str, Any], schema: type[Some]) -> tuple[Some | None, list[Complaint]]:
    """A mapping as a block, or None and everything that is wrong with it."""
    documented = {written_out(schema).get(key, key): each for key, each in value.items()}
    try:
        if len(documented) == len(value):
            return made(documented, schema), []
        reason = "a key is given twice"
    except ValidationError as error:
        reason = str(error)
    # the library tells the first error alone
    return None, list(complaints(value, schema, ())) or [Complaint("FS103", (), reason)]


def made(value: Any, kind: Any) -> Any:
    """A value as its type has it. Raises ValidationError."""
    try:
        return converted(value, kind)
    except ValidationError:
        return converted(loosened(value, kind), kind)


def converted(value: Any, kind: Any) -> Any:
    """A value that is plainly of its type. Raises ValidationError."""
    try:
        return convert(value, kind, dec_hook=read)
    except ValidationError:
        raise
    except Exception as error:  # of what a template gave, and is no value: a name that is not defined, say
        raise ValidationError(str(error)) from error


def read(kind: Any, value: Any) -> Any:
    """A value of one of the schema's own types. Raises ValueError."""
    return kind.read(value)


def written_out(schema: type[Block]) -> dict[str, str]:
    """The keys of a file as they are documented, by how they may be written, too: `model_paths` is `model-paths`."""
    return dict(zip(schema.__struct_fields__, schema.__struct_encode_fields__, strict=True))


def loosened(value: Any, kind: Any) -> Any:
    """A value in which a text stands for the number, or the truth value, that it looks like, as where a template gave
    it, and a number for the whole or the truth value that it is."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in UNIONS:
        for each in () if type(value) in arguments else arguments:
            value = loosened(value, each)
    elif is_block(kind) and isinstance(value, dict):
        kinds = get_type_hints(kind, include_extras=True)
        known = {each.encode_name: kinds[each.name] for each in fields(kind)}
        return {key: loosened(each, known.get(key, Any)) for key, each in value.items()}
    elif origin is list and isinstance(value, list):
        return [loosened(each, arguments[0]) for each in value]
    elif origin is dict and isinstance(value, dict):
        return {key: loosened(each, arguments[1]) for key, each in value.items()}
    elif isinstance(value, str | int | float):
        return scalar(value, kind if origin is None else arguments[0])
    return value


def scalar(value: str | float, kind: Any) -> Any:
    """A number, or a truth value, if that is what a value looks like; else the value."""
    if kind is bool:
        return truth(value)
    text = str(value).strip().casefold()
    if (kind is int or isinstance(kind, int)) and WHOLE.fullmatch(text):
        return int(text.partition(".")[0])
    return value


def truth(value: Any) -> Any:
    """A truth value, if that is what a value looks like; else the value."""
    return TRUTH.get(str(value).strip().casefold(), value)


def complaints(value: Any, schema: type[Block], path: Path) -> Iterator[Complaint]:
    """Everything that is wrong with a value that should be a block."""
    if not isinstance(value, dict):
        yield Complaint("FS103", path, f"here {MAPPING}")
        return
    kinds = get_type_hints(schema, include_extras=True)
    known = {each.encode_name: each for each in fields(schema)}
    given: set[str] = set()
    for key, each in value.items():
        name = str(key) if path else written_out(schema).get(key, str(key))
        if name in known and name not in given:
            yield from misfits(each, kinds[known[name].name], (*path, key))
        else:
            yield Complaint("FS102", (*path, str(key)), known=tuple(known))
        given.add(name)
    for key, field in known.items():
        if field.required and key not in given:
            yield Complaint("FS104", (*path, key))


def misfits(value: Any, kind: Any, path: Path) -> Iterator[Complaint]:
    """Everything that is wrong with a value that should be of some type."""
    if is_block(kind):
        yield from complaints(value, kind, path)
        return
    try:
        made(value, kind)
    except ValidationError:
        inside = [found for part in parts(value, kind, path) for found in misfits(*part)]
        yield from inside or [Complaint("FS103", path, expected(kind))]


def parts(value: Any, kind: Any, path: Path) -> Iterator[tuple[Any, Any, Path]]:
    """The values inside of a mapping or list that its type says something about, with their types and paths."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in UNIONS:
        for each in arguments:
            if is_block(each) and isinstance(value, dict):
                yield value, each, path
            yield from parts(value, each, path)
    elif origin is list and isinstance(value, list):
        yield from ((each, arguments[0], (*path, i)) for i, each in enumerate(value))
    elif origin is dict and isinstance(value, dict):
        yield from ((each, arguments[1], (*path, str(key))) for key, each in value.items())


def is_block(kind: Any) -> bool:
    """Whether a type is that of a block."""
    return isinstance(kind, type) and issubclass(kind, Block)


def expected(kind: Any) -> str:
    """What a value of a type may be, in words that do not speak of Python."""
    meta = [each for each in get_args(kind) if isinstance(each, Meta)]
    if any(each.pattern for each in meta):
        return "a name has letters, digits and underscores, and begins with no digit"
    words = list(dict.fromkeys(described(kind)))
    if words == [WORDS[dict]]:
        return f"here {MAPPING}"
    return f"here {' or '.join([', '.join(words[:-1]), words[-1]] if len(words) > 1 else words)} is expected"


def described(kind: Any) -> Iterator[str]:
    """The kinds of values that a type admits."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        yield from (str(each) for each in arguments)
    elif origin in UNIONS:
        for each in arguments:
            yield from described(each) if each is not type(None) else ()
    elif any(isinstance(each, Meta) for each in arguments):
        limits = [f" above {each.gt}" for each in arguments if isinstance(each, Meta) and each.gt is not None]
        yield WORDS[arguments[0]] + "".join(limits)
    else:
        yield WORDS[dict] if is_block(kind) else WORDS[origin or kind]
