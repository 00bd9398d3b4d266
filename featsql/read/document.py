"""A YAML file as values that know where they were written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from featsql.errors import Diagnostic, Place
from featsql.read.project import File

Path = tuple[str | int, ...]
MOST_COPIES = 100_000  # how many values the aliases of a file may stand for


@dataclass(slots=True)
class Document:
    """The value of a YAML file, with the places of its keys and of its values by their path."""

    file: File
    value: Any = None
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)

    def key_place(self, path: Path) -> Place:
        """Where a key was written; the nearest place around it where it was not."""
        return self.nearest(path, self.keys, self.values)

    def value_place(self, path: Path) -> Place:
        """Where a value was written; the nearest place around it where it was not."""
        return self.nearest(path, self.values, self.keys)

    def nearest(self, path: Path, first: Mapping[Path, Place], second: Mapping[Path, Place]) -> Place:
        """The place of the longest beginning of a path that has one."""
        for end in range(len(path), 0, -1):
            found = first.get(path[:end]) or second.get(path[:end])
            if found is not None:
                return found
        return self.file.place(1)


def read_document(file: File, fill: Callable[[str], str]) -> tuple[Document, list[Diagnostic]]:
    """Parse a YAML file; `fill` gives the value of a string with `{{ }}` in it.

    Finds FS101 for text that is not YAML, FS105 for a key that is given twice.
    """
    document = Document(file)
    found: list[Diagnostic] = []
    try:
        node = yaml.compose(file.text, Loader=yaml.SafeLoader)
        if node is not None:
            document.value = Reader(document, fill, found).read(node, ())
    except yaml.YAMLError as error:
        return Document(file), [broken(file, error)]
    except RecursionError:
        return Document(file), [Diagnostic("FS101", "this YAML is nested too deeply", file.place(1))]
    return document, found


def broken(file: File, error: yaml.YAMLError) -> Diagnostic:
    """What the YAML parser said, at the place where it stopped."""
    mark = getattr(error, "problem_mark", None)
    place = file.place(mark.line + 1, mark.column + 1) if mark is not None else file.place(1)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    syntax = isinstance(error, (yaml.scanner.ScannerError, yaml.parser.ParserError))
    hint = "is a quote, bracket or colon missing?" if syntax else None
    if "\t" in place.text:
        hint = "YAML is indented by spaces, never by tabs"
    return Diagnostic("FS101", f"this is not YAML: {problem}", place, hint)


class Reader:
    """Turns YAML nodes into values, and notes the place of each."""

    def __init__(self, document: Document, fill: Callable[[str], str], found: list[Diagnostic]) -> None:
        self.document = document
        self.fill = fill
        self.found = found
        self.plain = yaml.SafeLoader("")
        self.around: set[int] = set()
        self.met: set[int] = set()
        self.copies = 0

    def read(self, node: yaml.Node, path: Path) -> Any:
        """The value of a node. Raises YAMLError where aliases have no end."""
        self.document.values.setdefault(path, self.place(node))
        self.copies += id(node) in self.met
        self.met.add(id(node))
        if id(node) in self.around:
            raise yaml.MarkedYAMLError(problem="an alias stands for what it is in", problem_mark=node.start_mark)
        if self.copies > MOST_COPIES:
            raise yaml.MarkedYAMLError(problem="its aliases stand for too much", problem_mark=node.start_mark)
        self.around.add(id(node))
        value = self.value(node, path)
        self.around.discard(id(node))
        return value

    def value(self, node: yaml.Node, path: Path) -> Any:
        """The value of a node, by its kind."""
        match node:
            case yaml.MappingNode():
                return self.mapping(node, path)
            case yaml.SequenceNode():
                return [self.read(item, (*path, i)) for i, item in enumerate(node.value)]
            case _:
                return self.scalar(node)

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        """The value of a mapping; a merge key (`<<`) is filled in first."""
        self.plain.flatten_mapping(node)
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(self.made(key_node))
            if key in values and key_node.start_mark.line != self.document.keys[*path, key].line - 1:
                message = f"the key `{key}` is given twice"
                first = self.document.keys[*path, key].line
                self.found.append(Diagnostic("FS105", message, self.place(key_node), f"the first is in line {first}"))
            self.document.keys[*path, key] = self.place(key_node)
            values[key] = self.read(value_node, (*path, key))
        return values

    def scalar(self, node: yaml.Node) -> Any:
        """The value of a scalar, its template filled in."""
        value = self.made(node)
        return self.fill(value) if isinstance(value, str) and "{{" in value else value

    def made(self, node: yaml.Node) -> Any:
        """What a node stands for; its text where it looks like a number or an instant and is none."""
        try:
            return self.plain.construct_object(node, deep=True)
        except (ValueError, AttributeError, OverflowError) as error:  # of Python, from inside of the YAML library
            reason = f"this value cannot be read: {error}" if isinstance(error, ValueError) else "this is no instant"
            self.found.append(Diagnostic("FS101", reason, self.place(node), "in quotes it is a text"))
            return str(node.value)

    def place(self, node: yaml.Node) -> Place:
        """Where a node begins, as wide as its first line."""
        start, end = node.start_mark, node.end_mark
        width = end.column - start.column if end.line == start.line else 1
        return self.document.file.place(start.line + 1, start.column + 1, max(1, width))
