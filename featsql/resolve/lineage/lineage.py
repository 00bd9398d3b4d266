"""The noun of `trace`: which columns flow into which, and which only influence what comes out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from math import isinf
from typing import Literal

from msgspec import Struct

from featsql.engine import Column
from featsql.resolve.lineage.reach import ANY, NEVER, NOW, PAST, Span, length

Transformation = Literal["identity", "expression", "aggregation", "window"]
Influence = Literal[
    "rows", "filter", "join", "grouping", "ordering", "partitioning", "deduplication", "existence", "limit"
]
EdgeKind = Literal["value", "influence"]
# The column that stands for the rows of a relation themselves: that they are there, and how many.
ROWS = "*"
# A column of a relation by its key; and when each can act.
Origin = tuple[str, str]
Reach = dict[Origin, Span]
NAMES = {"d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond", "us": "microsecond"}


class Edge(Struct, frozen=True, order=True):
    """One column of a relation that one column of a model comes from, or is influenced by.

    `relation` is the key of what is read, `column` its column or `*` for the rows themselves.
    `how` says what becomes of a value, or one of the ways in which an influence acts.
    `span` is when the rows of the relation that can act lie, by the start of its clock, in seconds from the
    `as_of()` of the model, or from the start of the model's own clock where it has one.
    """

    model: str
    output: str
    relation: str
    column: str
    kind: EdgeKind
    how: str
    span: Span = ANY


class Table(Struct, frozen=True):
    """One relation of the graph."""

    key: str
    kind: str
    path: str | None
    columns: tuple[Column, ...]


class Lineage(Struct, frozen=True):
    """Direct edges, model by model; `coarse` says of the models whose edges are wider than they need be why they
    are. `presence` has the edges to the rows of each model themselves (its output `*`), `promised` the keys of
    the models whose clock is their author's word, and `relations` every relation of the graph by its key."""

    relations: Mapping[str, Table]
    edges: Mapping[str, tuple[Edge, ...]]
    coarse: Mapping[str, str | None] = {}
    presence: Mapping[str, tuple[Edge, ...]] = {}
    promised: frozenset[str] = frozenset()

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every relation of the graph."""
        return tuple(self.relations.values())

    def kind_of(self, key: str) -> str | None:
        """The kind of a relation, if there is one of this key."""
        return self.relations[key].kind if key in self.relations else None

    def sources_of(self, model: str, output: str, kinds: Collection[str] = ("value",)) -> frozenset[tuple[str, str]]:
        """Every (relation, column) that an output comes from through edges of these kinds, all the way up."""
        found: set[tuple[str, str]] = set()
        stack = [(f"model:{model}", output.casefold())]
        while stack:
            key, column = stack.pop()
            for edge in self.edges.get(key.partition(":")[2], ()) if key.startswith("model:") else ():
                step = (edge.relation, edge.column)
                if edge.output.casefold() == column and edge.kind in kinds and step not in found:
                    found.add(step)
                    stack.append((edge.relation, edge.column.casefold()))
        return frozenset(found)

    def reach(self, model: str, output: str) -> Reach:
        """For each column of a source or seed (`*` for its rows) when it can act on one output, through all
        models between, relative to the `as_of()` of the model."""
        return dict(self.reaches(model, output.casefold(), {}))

    def reaches(
        self, model: str, output: str, known: dict[tuple[str, str], Reach], ends: frozenset[str] = frozenset()
    ) -> Reach:
        """The same, for a folded name, with what is known so far, and no farther than to some relations."""
        if (model, output) in known:
            return known[model, output]
        found: Reach = {}
        known[model, output] = found
        edges = self.presence if output == ROWS else self.edges
        for edge in edges.get(model, ()):
            if edge.output.casefold() == output:
                widen(found, self.beyond(edge, known, ends))
        return found

    def beyond(
        self, edge: Edge, known: dict[tuple[str, str], Reach], ends: frozenset[str]
    ) -> Iterator[tuple[Origin, Span]]:
        """The columns of sources, and of the relations at which to end, behind what an edge reads, with when they can
        act through it."""
        kind, _, name = edge.relation.partition(":")
        if edge.kind == "influence" and edge.how in {"rows", "join"} and self.attaches(edge):
            return
        if kind != "model" or edge.relation in ends:
            yield (edge.relation, edge.column), edge.span
            return
        for origin, span in self.reaches(name, edge.column.casefold(), known, ends).items():
            through = edge.span.plus(span)
            if edge.relation in self.promised and edge.span.upper <= 0 and span != ANY:
                through = through.intersect(PAST)
            yield origin, through

    def attaches(self, edge: Edge) -> bool:
        """Whether an edge leads from a training set to features: those give each row its columns, and no rows."""
        return self.kind_of(f"model:{edge.model}") == "training_set" and self.kind_of(edge.relation) == "features"

    def text(self, model: str) -> str:
        """The edges of one model for people, one output a paragraph."""
        by_output: dict[str, list[Edge]] = {}
        for edge in self.edges.get(model, ()):
            by_output.setdefault(edge.output, []).append(edge)
        blocks = []
        for output, edges in by_output.items():
            blocks.append("\n".join([output, *map(line_of, edges)]))
        return "\n".join([*blocks, *self.needs(model)])

    def needs(self, model: str) -> list[str]:
        """For each output a sentence that says how much of which sources it needs: `spend_30d needs 30 days of
        payments`."""
        return [f"{output} needs {needed(spans)}" for output, spans in self.history(model).items()]

    def history(self, model: str) -> dict[str, dict[str, Span]]:
        """For each output that needs any history, by the keys of sources, seeds, and models whose clock is their
        author's word (what lies behind these, nothing is known of): when the rows lie that can act on it. Only what
        is asked at an instant needs one; a training set's own rows are given."""
        if self.kind_of(f"model:{model}") not in {"features", "training_set"}:
            return {}
        found: dict[str, Reach] = {}
        known: dict[tuple[str, str], Reach] = {}
        for edge in self.edges.get(model, ()):
            if self.kind_of(edge.relation) != "labels":
                widen(found.setdefault(edge.output, {}), self.beyond(edge, known, self.promised))
        return {output: by_source(reached) for output, reached in found.items() if reached}


def by_source(reached: Reach) -> dict[str, Span]:
    """When any column of each source can act, in the order of their keys."""
    spans: dict[str, Span] = {}
    for (source, _), span in sorted(reached.items()):
        spans[source] = spans.get(source, NEVER).hull(span)
    return spans


def widen(found: Reach, others: Iterable[tuple[Origin, Span]]) -> None:
    """Add what acts, and when."""
    for origin, span in others:
        found[origin] = found.get(origin, NEVER).hull(span)


def line_of(edge: Edge) -> str:
    """An edge for people."""
    arrow = "<-" if edge.kind == "value" else "~~"
    return f"  {arrow} {edge.relation}.{edge.column}  {edge.how}  {edge.span.text}"


def needed(spans: Mapping[str, Span]) -> str:
    """How much of some sources is needed, for people."""
    return ", ".join(need(*each) for each in spans.items())


def need(source: str, span: Span) -> str:
    """How much of one source is needed, for people."""
    name = source.partition(":")[2].rpartition(".")[2]
    if span.is_empty:
        return f"no {name}"
    if span.upper < 0:
        ended = f"{words(-span.upper)} ago"
        return f"all {name} until {ended}" if isinf(span.lower) else f"{name} from {words(-span.lower)} to {ended}"
    if isinf(span.lower):
        return f"all past {name}" if span.upper == 0 else f"all {name}"
    if span.upper == 0 and span.lower < 0:
        return f"{words(-span.lower)} of {name}"
    return f"{name} at as_of()" if span == NOW else f"{name} in {span.text}"


def words(seconds: float) -> str:
    """A number of seconds as `30 days`."""
    text = length(seconds)
    unit = text.lstrip("0123456789.e+")
    count, name = text.removesuffix(unit), NAMES[unit]
    return f"{count} {name}" if count == "1" else f"{count} {name}s"
