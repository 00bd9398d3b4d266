"""Stage 7: column lineage through any SQL, from bound trees: value edges, and the influences that others forget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct
from sqlglot import exp

from featsql.read.lazy import Lazy
from featsql.resolve.binding.second_opinion import Read, agree
from featsql.resolve.catalog.catalog import Catalog, RelationInfo
from featsql.resolve.graph import Graph, model_key
from featsql.resolve.lineage.flow import Act, Acts, Flow, MisledError, join
from featsql.resolve.lineage.lineage import ROWS, Edge, EdgeKind, Lineage, Table
from featsql.resolve.lineage.reach import NOW
from featsql.resolve.lineage.timing import Timing, promised, timing
from featsql.resolve.lineage.tracer import Tracer
from featsql.resolve.qualify import Resolved


class Traced(Struct, frozen=True):
    """The direct edges of one model, those to its rows themselves, and why they are coarse, if they are."""

    edges: tuple[Edge, ...]
    presence: tuple[Edge, ...]
    why_coarse: str | None = None


def trace(resolved: Mapping[str, Resolved], graph: Graph, catalog: Catalog) -> Lineage:
    """The lineage of a project, of which each model is traced when it is asked for."""
    return lineage_of(Lazy(graph.models, lambda name: trace_model(resolved[name], graph)), graph, catalog)


def lineage_of(traced: Mapping[str, Traced], graph: Graph, catalog: Catalog) -> Lineage:
    """The lineage of models of which each is traced by itself."""
    keys = [*graph.sources, *map(model_key, graph.models)]
    return Lineage(
        relations=Lazy(keys, lambda key: table_of(catalog.relations[key], graph)),
        edges=Lazy(graph.models, lambda name: traced[name].edges),
        coarse=Lazy(graph.models, lambda name: traced[name].why_coarse),
        presence=Lazy(graph.models, lambda name: traced[name].presence),
        promised=promised(graph),
    )


def trace_model(model: Resolved, graph: Graph, engine: Callable[[], Read] | None = None) -> Traced:
    """The direct edges of one model; `engine` tells what it reads itself, and is asked where the tree has anything of
    which not all is known."""
    known = timing(model, graph)
    try:
        tracer = Tracer(model, known)
        flow = flow_by(tracer)
        if engine is not None and not tracer.plain:
            agree(tracer.columns(), model.scans.values(), engine(), graph)
    except MisledError as reason:
        edges = tuple(coarse_edges(model, known))
        rows = {edge.relation: edge for edge in edges if edge.column == ROWS}
        return Traced(edges, tuple(rows.values()), str(reason))
    return Traced(tuple(edges_of(model, flow)), tuple(written(model, ROWS, flow.influences, "influence")))


def table_of(info: RelationInfo, graph: Graph) -> Table:
    """A source, seed or model as a table of the lineage."""
    kind, _, name = info.key.partition(":")
    if kind == "model":
        model = graph.models[name]
        return Table(info.key, model.config.kind, model.rendered.file.path, info.columns)
    place = graph.sources[info.key].place
    return Table(info.key, kind, place.path if place else None, info.columns)


def flow_of(model: Resolved, known: Timing) -> Flow:
    """The flow of a whole model. Raises MisledError where its tree does not show what it reads."""
    return flow_by(Tracer(model, known))


def flow_by(tracer: Tracer) -> Flow:
    """The same, by one who walks the tree."""
    model, known = tracer.model, tracer.known
    if model.tree is None:
        raise MisledError(model.why or "its columns cannot be bound")
    flow = tracer.query(model.tree, {}, {})
    unseen = {table.meta["scan"] for table in model.tree.find_all(exp.Table) if "scan" in table.meta}
    if unseen - set(tracer.readings.values()) or len(flow.outputs) != len(model.info.names):
        raise MisledError("its tree does not show all that it reads")
    own = flow.clocks.get(known.own, frozenset()) if known.own else frozenset()
    return Flow(flow.outputs, flow.influences, flow.clocks).narrowed(dict.fromkeys(own, NOW)).under(tracer.readings)


def coarse_edges(model: Resolved, known: Timing) -> Iterator[Edge]:
    """Where a tree is not bound, everything read may matter to everything given."""
    spans = {info.key: (info, known.spans[number]) for number, info in model.scans.items()}
    for output in model.info.names:
        for info, span in spans.values():
            for column in info.names:
                yield Edge(model.name, output, info.key, column, "value", "expression", span)
            yield Edge(model.name, output, info.key, ROWS, "influence", "rows", span)


def edges_of(model: Resolved, flow: Flow) -> Iterator[Edge]:
    """The edges of one model."""
    for output, found in zip(model.info.names, flow.outputs.values(), strict=True):
        yield from written(model, output, found.values, "value")
        influences = dict(found.influences)
        if not found.complete:
            join(influences, flow.influences.items())
        yield from written(model, output, influences, "influence")


def written(model: Resolved, output: str, acts: Acts, kind: EdgeKind) -> Iterator[Edge]:
    """Acts as edges, in the order in which they were found; the numbers are those of scans."""
    found: dict[tuple[str, str], Act] = {}
    for (scan, column), act in acts.items():
        key = (model.scans[scan].key, column)
        if key in found:  # read twice
            joined = {(0, ""): found[key]}
            join(joined, [((0, ""), act)])
            act = joined[0, ""]
        found[key] = act
    for (relation, column), act in found.items():
        yield from (Edge(model.name, output, relation, column, kind, how, act.span) for how in act.hows)
