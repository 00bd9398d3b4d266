"""A YAML file as values that know where they were written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml
from msgspec import Struct, field

from featsql.errors import Diagnostic, Place
from featsql.read.project import File

Path = tuple[str | int, ...]
# Of the library in C, if it is there: a tenth of the time for the same nodes.
QUICK: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_COPIES = 100_000  # how many values the aliases of a file may stand for


class Document(Struct):
    """The value of a YAML file, with its keys and its values, as they are written, by their path; `inside` has the
    paths of the keys right below each path."""

    file: File
    value: Any = None
    keys: dict[Path, yaml.Node] = {}
    values: dict[Path, yaml.Node] = {}
    inside: dict[Path, list[Path]] = field(default_factory=lambda: defaultdict(list))

    def key_place(self, path: Path) -> Place:
        """Where a key was written; the nearest place around it where it was not."""
        return self.nearest(path, self.keys, self.values)

    def value_place(self, path: Path) -> Place:
        """Where a value was written; the nearest place around it where it was not."""
        return self.nearest(path, self.values, self.keys)

    def nearest(self, path: Path, first: Mapping[Path, yaml.Node], second: Mapping[Path, yaml.Node]) -> Place:
        """The place of the longest beginning of a path that has one."""
        for end in range(len(path), 0, -1):
            found = first.get(path[:end]) or second.get(path[:end])
            if found is not None:
                return self.place(found)
        return self.file.place(1)

    def place(self, node: yaml.Node) -> Place:
        """Where a node begins, as wide as its first line."""
        start, end = node.start_mark, node.end_mark
        width = end.column - start.column if end.line == start.line else 1
        return self.file.place(start.line + 1, start.column + 1, max(1, width))

    def keys_below(self, path: Path) -> Iterator[Path]:
        """The paths of all keys inside of what is written at a path, however deep, as they are written."""
        for other in self.inside.get(path, ()):
            if other in self.keys:
                yield other
            yield from self.keys_below(other)


def read_document(file: File, fill: Callable[[str], str]) -> tuple[Document, list[Diagnostic]]:
    """Parse a YAML file; `fill` gives the value of a string with `{{ }}` in it.

    Finds FS101 for text that is not YAML, FS105 for a key that is given twice.
    """
    document = Document(file)
    found: list[Diagnostic] = []
    try:
        node = composed(file.text)
        if node is not None:
            document.value = Reader(document, fill, found).read(node, ())
    except yaml.YAMLError as error:
        return Document(file), [broken(file, error)]
    except RecursionError:
        return Document(file), [Diagnostic("FS101", "this YAML is nested too deeply", file.place(1))]
    return document, found


def composed(text: str) -> yaml.Node | None:
    """The nodes of a YAML text. Raises YAMLError, and RecursionError for one that is nested too deeply."""
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=QUICK)
    except yaml.YAMLError:  # which is told better by the other one
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    return node


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
        self.note(node, path)
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

    def note(self, node: yaml.Node, path: Path) -> None:
        """Note where a value was written, unless another is meant that was read before."""
        if path not in self.document.values:
            self.document.values[path] = node
            self.document.inside[path[:-1]].append(path)

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
            below = (*path, key)
            first = self.document.keys[below].start_mark.line if key in values else key_node.start_mark.line
            if first != key_node.start_mark.line:
                message, hint = f"the key `{key}` is given twice", f"the first is in line {first + 1}"
                self.found.append(Diagnostic("FS105", message, self.document.place(key_node), hint))
            self.document.keys[below] = key_node
            values[key] = self.read(value_node, below)
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
            self.found.append(Diagnostic("FS101", reason, self.document.place(node), "in quotes it is a text"))
            return str(node.value)
