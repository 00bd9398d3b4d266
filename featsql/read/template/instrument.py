"""What is done to a template's tree, so that its output, strings, calls and loops pass through the sandbox's hands."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from featsql.read.project import File
from featsql.read.template.fault import TemplateError
from featsql.read.template.grammar import keyword_offset, start
from featsql.read.template.sites import Site, Sites
from featsql.read.template.traced import Origin

SITE, EMIT, COUNTED = "_site", " emit", " counted"  # names that no template can use
REFUSED = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block, nodes.ScopedEvalContextModifier)


class Instrument(NodeTransformer):
    """Changes a template's tree so that its output, strings, calls and loops pass through the sandbox's hands."""

    def __init__(self, sites: Sites, file: File) -> None:
        self.sites = sites
        self.file = file

    def at(self, node: nodes.Node) -> Origin:
        """Where a node begins; of a string, its first character."""
        offset = start(node) - 1
        if isinstance(node, nodes.Const) and isinstance(node.value, str) and self.verbatim(node.value, offset):
            return self.sites.origin(self.file.path, offset + 1, max(1, len(node.value)))
        return self.sites.origin(self.file.path, offset, len(node.name) if isinstance(node, nodes.Name) else 1)

    def verbatim(self, value: str, offset: int) -> bool:
        """Whether the string that begins at `offset` has its value written out between its quotes."""
        end = offset + 1 + len(value)
        return self.file.text[offset + 1 : end] == value and self.file.text[end : end + 1] == self.file.text[offset]

    def literal(self, text: str, offset: int, *, literal: bool = True, argument: bool = False) -> nodes.Expr:
        """An expression that is this text with its origin."""
        positions = self.sites.positions[self.file.path]
        index = self.sites.literal(text, positions.origin(offset, literal=literal, argument=argument))
        return nodes.Getitem(nodes.EnvironmentAttribute("literals"), nodes.Const(index), "load", lineno=offset + 1)

    def filtered(self, node: nodes.Node, name: str, *arguments: nodes.Expr) -> nodes.Filter:
        return nodes.Filter(node, name, list(arguments), [], None, None, lineno=start(node))

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802  Jinja's visitor wants its node's name
        node.nodes = [self.printed(child) for child in node.nodes]
        return node

    def printed(self, child: nodes.Expr) -> nodes.Expr:
        """A piece of output that tells its origin."""
        if isinstance(child, nodes.TemplateData):
            return self.literal(child.data, child.lineno - 1)
        index = self.sites.expression(self.at(child))  # before the visit, which changes what it visits
        return self.filtered(self.visit(child), EMIT, nodes.Const(index))

    def visit_Const(self, node: nodes.Const) -> nodes.Node:  # noqa: N802  as above
        if not isinstance(node.value, str):
            return node
        offset = node.lineno - 1
        exact = self.verbatim(node.value, offset)
        return self.literal(node.value, offset + exact, literal=exact, argument=True)

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802  as above
        keywords: dict[str, Origin] = {}
        for each in node.kwargs:
            offset = keyword_offset(self.file.text, each)
            keywords[each.key] = self.sites.origin(self.file.path, offset, len(each.key))
            self.keys_inside(each.key, each.value, keywords)
        site = Site(self.at(node.node), tuple(self.at(each) for each in node.args), keywords)
        self.generic_visit(node)
        node.kwargs.append(nodes.Keyword(SITE, nodes.Const(self.sites.call(site)), lineno=node.lineno))
        return node

    def keys_inside(self, path: str, node: nodes.Expr, found: dict[str, Origin]) -> None:
        """Where the keys of a dictionary stand that is written out as an argument, by their dotted paths."""
        for pair in node.items if isinstance(node, nodes.Dict) else ():
            if isinstance(pair.key, nodes.Const):
                found[f"{path}.{pair.key.value}"] = self.at(pair.key)
                self.keys_inside(f"{path}.{pair.key.value}", pair.value, found)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802  as above
        self.generic_visit(node)
        node.iter = self.filtered(node.iter, COUNTED)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:  # noqa: N802  as above
        self.generic_visit(node)
        return self.filtered(nodes.List(node.nodes, lineno=node.lineno), "join")

    def visit_FilterBlock(self, node: nodes.FilterBlock) -> list[nodes.Node]:  # noqa: N802  as above
        name = f"_filtered_{node.lineno}"
        index = self.sites.expression(self.sites.origin(self.file.path, node.lineno - 1))
        self.generic_visit(node)
        stored = nodes.AssignBlock(nodes.Name(name, "store"), node.filter, node.body, lineno=node.lineno)
        value = self.filtered(nodes.Name(name, "load", lineno=node.lineno), EMIT, nodes.Const(index))
        return [stored, nodes.Output([value], lineno=node.lineno)]

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802  as above
        self.sites.names[self.file.path].append((node.name, node.lineno - 1))
        return node

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802  as above
        if node.attr.startswith("_"):
            message = f"`{node.attr}` begins with an underscore: it is Python's inside, which templates do not see"
            raise TemplateError("FS205", message, None, self.sites.origin(self.file.path, node.lineno, len(node.attr)))
        self.sites.names[self.file.path].append((node.attr, node.lineno))
        self.generic_visit(node)
        return node

    def generic_visit(self, node: nodes.Node, *arguments: Any, **options: Any) -> nodes.Node:
        if isinstance(node, REFUSED):
            message = f"`{type(node).__name__.lower()}` is not part of featsql's templates"
            hint = "write a macro: every macro of the project can be called from everywhere"
            raise TemplateError("FS206", message, hint, self.sites.origin(self.file.path, node.lineno - 1))
        return super().generic_visit(node, *arguments, **options)
