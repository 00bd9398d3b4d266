"""Where each column of a model was written, in the author's own file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from featsql.errors import Place
from featsql.read.model import Model


def places(model: Model) -> Mapping[str, Place]:
    """The place of each output that the model's text names, by folded name; what a star brings has none."""
    tree: exp.Expr = model.tree
    while isinstance(tree, exp.SetOperation | exp.Subquery):
        tree = tree.this
    if not isinstance(tree, exp.Select):
        return {}
    found: dict[str, Place] = {}
    for value in tree.expressions:
        start = next(starts(value), None)
        if start is not None and value.alias_or_name not in {"", "*"}:
            found[value.alias_or_name.casefold()] = model.rendered.origin(start)[0]
    return found


def starts(value: exp.Expr) -> Iterator[int]:
    """Offsets of an output in the text: of the name that it is given, else of what it consists of."""
    alias = value.args.get("alias") if isinstance(value, exp.Alias) else None
    nodes = [alias] if isinstance(alias, exp.Expr) else []
    for node in (*nodes, *value.walk()):
        if "start" in node.meta:
            yield int(node.meta["start"])
