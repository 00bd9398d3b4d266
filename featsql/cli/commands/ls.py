"""`featsql ls`: what a project holds, in build order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featsql.cli.options import Exclude, Json, ProjectDir, Select, Target, Variables, read_project
from featsql.cli.output import emit, say

if TYPE_CHECKING:
    from featsql.read.project import Project
    from featsql.resolve.graph import Graph


def ls(
    select: Select = None,
    exclude: Exclude = None,
    as_json: Json = False,
    project_dir: ProjectDir = None,
    target: Target = None,
    variables: Variables = None,
) -> None:
    """List sources, seeds and models, in build order.

    \b
    Examples:
      featsql ls
      featsql ls --select kind:features --json
      featsql ls --select 'source:shop.payments+'
    """
    from featsql.resolve.selectors.select import select_keys

    graph = read_graph(read_project(project_dir, target, variables))
    chosen = select_keys(graph, select or (), exclude or ())
    nodes = [
        node(key, graph)
        for key in (*sorted(graph.sources), *(f"model:{name}" for name in graph.models))
        if key in chosen
    ]
    if as_json:
        emit(nodes)
        return
    width = max((len(each["kind"]) for each in nodes), default=0)
    for each in nodes:
        say(f"{each['kind']:<{width}}  {each['name']}")


def read_graph(project: Project) -> Graph:
    """Who reads whom, from the files alone: no source is opened."""
    from featsql.engine import Engine
    from featsql.read.parse import parse
    from featsql.read.render import render
    from featsql.resolve.link import link

    return link(parse(render(project), project, Engine.memory().syntax_error), project)


def node(key: str, graph: Graph) -> dict[str, Any]:
    """One source, seed or model for a machine."""
    resource, _, name = key.partition(":")
    shared = {"unique_id": f"{resource}.{graph.project.name}.{name}", "name": name, "resource_type": resource}
    reads = [parent.partition(":")[2] for parent in graph.parents[key]]
    if key in graph.sources:
        source = graph.sources[key]
        own: dict[str, Any] = {"kind": resource, "path": source.location, "tags": source.tags}
        return shared | own | {"description": source.description, "reads": reads}
    model = graph.models[name]
    config = model.config
    own = {
        "kind": config.kind,
        "path": model.rendered.file.path,
        "tags": config.tags,
        "description": config.description,
    }
    return shared | own | {"reads": reads, "materialized": config.materialized, "entity": config.entity}
