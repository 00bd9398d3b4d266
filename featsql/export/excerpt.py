"""The noun that every format writes: the part of a project's lineage that was asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from featsql.compiler import Compiled
from featsql.errors import Diagnostic, FeatsqlError
from featsql.export.paths import Node, Paths
from featsql.names import did_you_mean
from featsql.resolve.graph import model_key, seed_key, source_key
from featsql.resolve.lineage.lineage import ROWS, Edge, Table
from featsql.resolve.lineage.reach import NEVER, Span
from featsql.resolve.selectors.select import select_keys


class Wish(Struct, frozen=True):
    """What a person asks for: selectors, one column ('customer_spend.spend_30d'), and whether all that it comes
    from and all that comes from it are wanted too. A column without a direction means both."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    column: str | None = None
    upstream: bool = False
    downstream: bool = False


class Excerpt(Struct, frozen=True):
    """Tables in build order and the edges between their columns; `models` names the models whose edges these are,
    and `focus` is the one column asked for, or None."""

    compiled: Compiled
    tables: tuple[Table, ...]
    models: tuple[str, ...]
    edges: tuple[Edge, ...]
    focus: Node | None = None

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Which table reads which, as (read, reader), each pair once, in build order."""
        keys = {table.key for table in self.tables}
        if self.focus is not None:
            return tuple(dict.fromkeys((edge.relation, model_key(edge.model)) for edge in self.edges))
        parents = self.compiled.graph.parents
        return tuple((p, t.key) for t in self.tables for p in parents.get(t.key, ()) if p in keys)


def excerpt(compiled: Compiled, wish: Wish | None = None) -> Excerpt:
    """The lineage that was asked for: what is selected, and each relation that the selected models read.

    Raises FeatsqlError FS410 to FS412 for a wrong selector, FS723 and FS730 for an unknown relation or column.
    """
    wish = wish or Wish()
    keys = chosen(compiled, wish)
    edges = [e for name, found in compiled.checked.lineage.edges.items() if model_key(name) in keys for e in found]
    focus = find_column(compiled, wish.column) if wish.column else None
    if focus is None:
        models = tuple(name for name in compiled.graph.models if model_key(name) in keys)
        return Excerpt(compiled, tables_of(compiled, wish, keys), models, tuple(edges))
    paths, both = Paths(edges), wish.upstream == wish.downstream
    ways = paths.above([focus]) if both or wish.upstream else []
    ways += paths.below([focus]) if both or wish.downstream else []
    order = {name: place for place, name in enumerate(compiled.graph.models)}
    found = tuple(sorted(each_once(ways), key=lambda edge: order[edge.model]))
    reached = {focus[0]} | {key for edge in found for key in (edge.relation, model_key(edge.model))}
    return Excerpt(compiled, only(compiled, reached), tuple(dict.fromkeys(edge.model for edge in found)), found, focus)


def each_once(edges: Iterable[Edge]) -> Iterator[Edge]:
    """Edges, those together that differ in nothing but their intervals: what influences the rows of a model through
    several columns does so at any time at which it does through one."""
    spans: dict[Edge, Span] = {}
    for edge in edges:
        alike = replace(edge, span=NEVER)
        spans[alike] = spans.get(alike, NEVER).hull(edge.span)
    return (replace(edge, span=span) for edge, span in spans.items())


def chosen(compiled: Compiled, wish: Wish) -> frozenset[str]:
    """The keys of the relations that the selectors name, with those above and below where they are wanted."""
    keys = select_keys(compiled.graph, wish.include, wish.exclude)
    if wish.column is not None:
        return keys
    above = compiled.graph.upstream(keys) if wish.upstream else frozenset()
    below = compiled.graph.downstream(keys) if wish.downstream else frozenset()
    return keys | above | below


def tables_of(compiled: Compiled, wish: Wish, keys: Collection[str]) -> tuple[Table, ...]:
    """The selected tables, and those that the selected models read."""
    parents = compiled.graph.parents
    read = {parent for key in keys for parent in parents.get(key, ())} if wish.include or wish.exclude else set()
    return only(compiled, {*keys, *read})


def only(compiled: Compiled, keys: Collection[str]) -> tuple[Table, ...]:
    """The tables with these keys, in build order."""
    return tuple(table for table in compiled.checked.lineage.tables if table.key in keys)


def find_column(compiled: Compiled, text: str) -> Node:
    """The column that a person means by 'customer_spend.spend_30d' or 'shop.payments.amount'."""
    relations = compiled.checked.catalog.relations
    name, _, column = text.rpartition(".")
    for key in (model_key(name), seed_key(name), source_key(name)):
        if key in relations:
            if column != ROWS and relations[key].type_of(column) is None:
                hint = did_you_mean(column, relations[key].names, "its columns are " + ", ".join(relations[key].names))
                raise FeatsqlError(Diagnostic("FS730", f"`{name}` has no column `{column}`", hint=hint))
            return key, column.casefold()
    known = [key.partition(":")[2] for key in relations]
    hint = did_you_mean(name, known, "write it like --column customer_spend.spend_30d")
    message = f"there is no model, source or seed `{name}`" if name else f"`{text}` does not say whose column it is"
    raise FeatsqlError(Diagnostic("FS723", message, hint=hint))
