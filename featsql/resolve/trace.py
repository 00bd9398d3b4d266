"""Stage 7: column lineage through any SQL, from bound trees: value edges, and the influences that others forget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from featsql.resolve.catalog import Catalog
from featsql.resolve.flow import Act, Acts, Flow, MisledError, join
from featsql.resolve.graph import Graph, model_key
from featsql.resolve.lineage import ROWS, Edge, EdgeKind, Lineage, Table
from featsql.resolve.qualify import Resolved
from featsql.resolve.reach import NOW
from featsql.resolve.timing import Timing, promised, timing
from featsql.resolve.tracer import Tracer


def trace(resolved: Mapping[str, Resolved], graph: Graph, catalog: Catalog) -> Lineage:
    """The direct edges of every model, and every relation as a table of the lineage."""
    edges: dict[str, tuple[Edge, ...]] = {}
    presence: dict[str, tuple[Edge, ...]] = {}
    coarse: dict[str, str] = {}
    for name, model in resolved.items():
        known = timing(model, graph)
        try:
            flow = flow_of(model, known)
        except MisledError as reason:
            coarse[name] = str(reason)
            edges[name] = tuple(coarse_edges(model, known))
            presence[name] = tuple({edge.relation: edge for edge in edges[name] if edge.column == ROWS}.values())
            continue
        edges[name] = tuple(edges_of(model, flow))
        presence[name] = tuple(written(model, ROWS, flow.influences, "influence"))
    return Lineage(tuple(tables_of(graph, catalog)), edges, coarse, presence, promised(graph))


def tables_of(graph: Graph, catalog: Catalog) -> Iterator[Table]:
    """Every source, seed and model."""
    for key, source in graph.sources.items():
        kind = key.partition(":")[0]
        yield Table(key, kind, source.place.path if source.place else None, catalog.relations[key].columns)
    for name, model in graph.models.items():
        info = catalog.relations[model_key(name)]
        yield Table(info.key, model.config.kind, model.rendered.file.path, info.columns)


def flow_of(model: Resolved, known: Timing) -> Flow:
    """The flow of a whole model. Raises MisledError where its tree does not show what it reads."""
    if model.tree is None:
        raise MisledError(model.why or "its columns cannot be bound")
    tracer = Tracer(model, known)
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
        joined = {(0, ""): found[key]} if key in found else {}
        join(joined, [((0, ""), act)])
        found[key] = joined[0, ""]
    for (relation, column), act in found.items():
        yield from (Edge(model.name, output, relation, column, kind, how, act.span) for how in act.hows)
