"""A YAML file as values that know where they were written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml
from msgspec import Struct, field

from featsql.errors import Diagnostic, Place
from featsql.read.config.scalars import LOADER, QUICK_LOADER, as_written, disputed
from featsql.read.project import File

Path = tuple[str | int, ...]
VARIABLES = ("vars",)  # the path of what templates print: there nothing says whether text or a value is meant
MERGE = "tag:yaml.org,2002:merge"
Pair = tuple[yaml.Node, yaml.Node]
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


def read_document(file: File, fill: Callable[[str], str], path: Path = ()) -> tuple[Document, list[Diagnostic]]:
    """Parse a YAML file, which stands at a path of its own where it is a part of another; `fill` gives the value of a
    string with `{{ }}` in it.

    Finds FS101 for text that is not YAML, FS105 for a key that is given twice, FS125 for a variable that versions of
    YAML do not agree on.
    """
    document = Document(file)
    found: list[Diagnostic] = []
    try:
        node = composed(file.text)
        if node is not None:
            document.value = Reader(document, fill, found).read(node, path)
    except yaml.YAMLError as error:
        return Document(file), [broken(file, error)]
    except RecursionError:
        return Document(file), [Diagnostic("FS101", "this YAML is nested too deeply", file.place(1))]
    return document, found


def composed(text: str) -> yaml.Node | None:
    """The nodes of a YAML text. Raises YAMLError, and RecursionError for one that is nested too deeply."""
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=QUICK_LOADER)
    except yaml.YAMLError:  # which is told better by the other one
        node = yaml.compose(text, Loader=LOADER)
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
        self.plain = LOADER("")
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
                return self.scalar(node, path)

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        """The value of a mapping; what merge keys (`<<`) bring stands behind its own keys."""
        own = [pair for pair in node.value if pair[0].tag != MERGE]
        values: dict[str, Any] = {}
        for key_node, value_node in own:
            key = self.key(key_node)
            below = (*path, key)
            if key in values:
                self.twice(key, key_node, self.document.keys[below])
            self.document.keys[below] = key_node
            values[key] = self.read(value_node, below)
        for key, (key_node, value_node) in self.merged(node).items():
            if key not in values:
                self.document.keys[(*path, key)] = key_node
                values[key] = self.read(value_node, (*path, key))
        return values

    def key(self, node: yaml.Node) -> str:
        """A key: the text that is written, whatever it might stand for."""
        return str(node.value) if isinstance(node, yaml.ScalarNode) else str(self.made(node))

    def twice(self, key: str, second: yaml.Node, first: yaml.Node) -> None:
        """Say that a key is given twice."""
        message, hint = f"the key `{key}` is given twice", f"the first is in line {first.start_mark.line + 1}"
        self.found.append(Diagnostic("FS105", message, self.document.place(second), hint))

    def merged(self, node: yaml.MappingNode) -> dict[str, Pair]:
        """What the merge keys of a mapping bring, by its key. It is told where two of them bring the same."""
        own = {self.key(key) for key, _ in node.value if key.tag != MERGE}
        brought: dict[str, Pair] = {}
        for key_node, value_node in node.value if len(own) < len(node.value) else ():
            if key_node.tag != MERGE:
                continue
            found = self.brought(value_node, (id(node),))
            for key in brought.keys() & found.keys() - own:
                self.twice(key, found[key][0], brought[key][0])
            brought |= found
        return brought

    def brought(self, node: yaml.Node, around: tuple[int, ...]) -> dict[str, Pair]:
        """What one merge key brings: a mapping's keys, or those of several, of which the first counts. Raises
        YAMLError."""
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[str, Pair] = {}
        for part in parts:
            if not isinstance(part, yaml.MappingNode) or id(part) in around:
                problem = "a mapping, or a list of mappings, is expected behind `<<`"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=part.start_mark)
            inside = {self.key(pair[0]): pair for pair in part.value if pair[0].tag != MERGE}
            for key_node, value_node in part.value:
                if key_node.tag == MERGE:
                    inside = {**self.brought(value_node, (*around, id(part))), **inside}
            found = {**inside, **found}
        return found

    def scalar(self, node: yaml.Node, path: Path) -> Any:
        """The value of a scalar, its template filled in."""
        value = self.made(node)
        if path[:1] == VARIABLES:
            self.settle(node)
            value = as_written(value, node)
        return self.fill(value) if isinstance(value, str) and "{{" in value else value

    def settle(self, node: yaml.Node) -> None:
        """Say of a variable that it may be read in two ways."""
        reading = disputed(node)
        if reading is not None:
            message = f"`{node.value}` is {reading} to some readers of YAML, and a text to others"
            hint = f"if it is a text put it in quotes: '{node.value}'"
            if "truth" in reading:
                hint += "; if not, write true or false"
            elif reading != "a number to the base of sixty":
                hint += "; if not, write the number in plain digits"
            self.found.append(Diagnostic("FS125", message, self.document.place(node), hint))

    def made(self, node: yaml.Node) -> Any:
        """What a node stands for; its text where it looks like a number or an instant and is none."""
        try:
            return self.plain.construct_object(node, deep=True)
        except (ValueError, AttributeError, OverflowError) as error:  # of Python, from inside of the YAML library
            reason = f"this value cannot be read: {error}" if isinstance(error, ValueError) else "this is no instant"
            self.found.append(Diagnostic("FS101", reason, self.document.place(node), "in quotes it is a text"))
            return str(node.value)
