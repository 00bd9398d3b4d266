"""Hold a document against its schema; what does not fit becomes diagnostics with places and near names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from featsql.errors import Diagnostic, Place
from featsql.names import did_you_mean
from featsql.read.document import Document, Path

Block = TypeVar("Block", bound=BaseModel)

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


def validate(document: Document, schema: type[Block], path: Path = ()) -> tuple[Block | None, list[Diagnostic]]:
    """The part of a document at `path` as a block, or None and what is wrong with it.

    Finds FS102 unknown key, FS103 wrong value, FS104 missing key.
    """
    value = document.value
    for step in path:
        value = value[step]
    if not isinstance(value, dict):
        place = document.value_place(path)
        return None, [Diagnostic("FS103", "here a mapping is expected: `key: value`", place)]
    try:
        return schema.model_validate(value), []
    except ValidationError as error:
        places = list(errors_of(error, document, schema, path))
        return None, places


def errors_of(error: ValidationError, document: Document, schema: type[BaseModel], path: Path) -> Iterator[Diagnostic]:
    """Each of a schema's complaints as a diagnostic."""
    for detail in error.errors(include_url=False, include_input=False, include_context=True):
        where: Path = (*path, *detail["loc"])
        known = keys_at(schema, detail["loc"][:-1])
        yield complaint(detail, str(detail["loc"][-1]) if detail["loc"] else "", document, where, known)


def complaint(detail: ErrorDetails, name: str, document: Document, where: Path, known: list[str]) -> Diagnostic:
    """One complaint."""
    if detail["type"] == "extra_forbidden":
        hint = ELSEWHERE.get(name) or did_you_mean(name, known, "known here: " + ", ".join(known))
        return Diagnostic("FS102", f"unknown key `{name}`", document.key_place(where), hint)
    if detail["type"] == "missing":
        return Diagnostic("FS104", f"the key `{name}` is missing", around(document, where))
    return Diagnostic("FS103", f"wrong value for `{name}`: {said(detail)}", document.value_place(where))


def said(detail: ErrorDetails) -> str:
    """A complaint in words that do not speak of Python."""
    if detail["type"] in {"model_type", "dict_type"}:
        return "here a mapping is expected: `key: value`"
    if detail["type"] == "string_pattern_mismatch":
        return "a name has letters, digits and underscores, and begins with no digit"
    return detail["msg"][0].lower() + detail["msg"][1:]


def around(document: Document, where: Path) -> Place:
    """The place of the block that lacks a key."""
    return document.key_place(where[:-1]) if where[:-1] else document.file.place(1)


def keys_at(schema: type[BaseModel], steps: tuple[str | int, ...]) -> list[str]:
    """The keys that a schema knows at the end of a path into it."""
    current: Any = schema
    for step in steps:
        if isinstance(step, int):
            continue
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            return []
        fields = {field.alias or name: field.annotation for name, field in current.model_fields.items()}
        current = block_in(fields.get(step))
    if isinstance(current, type) and issubclass(current, BaseModel):
        return [field.alias or name for name, field in current.model_fields.items()]
    return []


def block_in(annotation: Any) -> Any:
    """The schema inside an annotation such as `list[Block] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = [block_in(argument) for argument in get_args(annotation)]
    return next((each for each in found if each is not None), None)
