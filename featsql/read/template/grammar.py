"""What Jinja's grammar lets pass and featsql does not: the same argument twice, and what Python would not compile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from featsql.read.project import File
from featsql.read.template.fault import TemplateError
from featsql.read.template.sites import Sites

if TYPE_CHECKING:
    from jinja2 import nodes

TAKING = ("Call", "Filter", "Test")  # what takes arguments
NAMING = ("Macro", "CallBlock")  # what names those that it takes
LEAVING = ("Break", "Continue")


class Grammar:
    """The rules, and the file that is held against them."""

    def __init__(self, file: File, sites: Sites) -> None:
        self.file = file
        self.sites = sites

    def check(self, node: nodes.Node, looping: bool = False) -> None:
        """Hold a tree against the rules; `looping` is whether a loop runs around it. Raises TemplateError."""
        kind = type(node).__name__
        if kind in TAKING:
            self.arguments(node)
        elif kind in NAMING:
            self.parameters(node)
            looping = False
        elif kind in LEAVING and not looping:
            self.fail("FS200", f"`{kind.lower()}` stands outside of a loop", None, node.lineno - 1)
        for child in node.iter_child_nodes(exclude=("body",) if kind == "For" else ()):
            self.check(child, looping)
        for child in getattr(node, "body", ()) if kind == "For" else ():
            self.check(child, True)

    def arguments(self, node: Any) -> None:
        """No argument is given twice, and none is one of Python's inside."""
        given: set[str] = set()
        for keyword in node.kwargs:
            offset = keyword_offset(self.file.text, keyword)
            if keyword.key.startswith("_"):
                self.fail("FS205", f"`{keyword.key}` begins with an underscore", None, offset, len(keyword.key))
            if keyword.key in given:
                message = f"the argument `{keyword.key}` is given twice"
                self.fail("FS202", message, "keep one of them", offset, len(keyword.key))
            given.add(keyword.key)
            self.keys(keyword.value)
        self.keys(node.dyn_kwargs)

    def keys(self, node: Any) -> None:
        """No key of a dictionary that is written out as an argument is given twice."""
        given: set[Any] = set()
        for pair in node.items if type(node).__name__ == "Dict" else ():
            if type(pair.key).__name__ == "Const":
                if pair.key.value in given:
                    message = f"the key `{pair.key.value}` is given twice"
                    self.fail("FS202", message, "keep one of them", pair.key.lineno - 1)
                given.add(pair.key.value)
            self.keys(pair.value)

    def parameters(self, node: Any) -> None:
        """No parameter of a macro is named twice."""
        given: set[str] = set()
        for name in node.args:
            if name.name in given:
                message = f"two parameters are named `{name.name}`"
                self.fail("FS200", message, "rename one of them", name.lineno - 1, len(name.name))
            given.add(name.name)

    def fail(self, code: str, message: str, hint: str | None, offset: int, width: int = 1) -> None:
        """What is wrong, at its place."""
        raise TemplateError(code, message, hint, self.sites.origin(self.file.path, offset, width))


def keyword_offset(text: str, keyword: nodes.Keyword) -> int:
    """Where the name of a keyword argument stands in its file's text."""
    return max(0, text.rfind(keyword.key, 0, start(keyword.value) - 1))


def start(node: nodes.Node) -> int:
    """Where a node begins, counted from 1; Jinja's own position is that of its operator."""
    return min(each.lineno for each in below(node) if each.lineno)


def below(node: nodes.Node) -> Iterator[nodes.Node]:
    """A node and all that it holds."""
    yield node
    for child in node.iter_child_nodes():
        yield from below(child)
