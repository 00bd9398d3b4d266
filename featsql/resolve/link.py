"""Stage 4: from models to the graph of who reads whom, in build order, or every broken reference at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from featsql.errors import Diagnostic, FeatsqlError, raise_errors
from featsql.names import did_you_mean
from featsql.read.model import Model, Reference
from featsql.read.project import Project, Source
from featsql.resolve.graph import Graph, model_key, seed_key, source_key
from featsql.resolve.overwrite import overwritten


def link(models: Sequence[Model], project: Project) -> Graph:
    """Resolve every reference and order the models, parents first and by name where the order is free.

    Raises FeatsqlError: FS401 unknown model, FS402 unknown source, FS403 cycle, FS404 duplicate name,
    FS405 results that would overwrite each other.
    """
    by_name = {model.name: model for model in models}
    seeds = {seed.table: seed for seed in project.seeds}
    found = [*duplicates(models, seeds), *overwritten(models, project)]
    parents: dict[str, tuple[str, ...]] = {}
    for model in models:
        keys: list[str] = []
        for reference in model.rendered.references:
            target = resolve(reference, by_name, seeds, project)
            if isinstance(target, Diagnostic):
                found.append(target)
            else:
                keys.append(target)
        parents[model_key(model.name)] = tuple(dict.fromkeys(keys))
    raise_errors(found)
    order = build_order(parents, by_name)
    sources = {source_key(name): source for name, source in project.sources.items()}
    sources |= {seed_key(name): seed for name, seed in seeds.items()}
    leaves: dict[str, tuple[str, ...]] = dict.fromkeys(sources, ())
    return Graph(project, {name: by_name[name] for name in order}, sources, leaves | parents)


def duplicates(models: Sequence[Model], seeds: Mapping[str, Source]) -> list[Diagnostic]:
    """Two files that would become the same relation."""
    found: list[Diagnostic] = []
    seen: dict[str, str] = {name.casefold(): "seed" for name in seeds}
    for model in models:
        first = seen.setdefault(model.name.casefold(), model.rendered.file.path)
        if first != model.rendered.file.path:
            message = f"there are two relations named `{model.name}`: the other is {first}"
            found.append(Diagnostic("FS404", message, model.rendered.file.place(1), "rename one of them"))
    return found


def resolve(
    reference: Reference, models: Mapping[str, Model], seeds: Mapping[str, Source], project: Project
) -> str | Diagnostic:
    """The relation key that a reference names, or what is wrong with it."""
    name = reference.name
    if reference.kind == "source":
        if name in project.sources:
            return source_key(name)
        hint = did_you_mean(name, project.sources, "declare it under `sources:` in a property file")
        return Diagnostic("FS402", f"there is no source `{name}`", reference.place, hint, trail=reference.trail)
    if name in models:
        return model_key(name)
    if name in seeds:
        return seed_key(name)
    known = [*models, *seeds]
    hint = did_you_mean(name, known, "a model is a .sql file under the model paths, named as the file")
    return Diagnostic("FS401", f"there is no model or seed `{name}`", reference.place, hint, trail=reference.trail)


def build_order(parents: Mapping[str, tuple[str, ...]], models: Mapping[str, Model]) -> list[str]:
    """Model names, parents first; raises FeatsqlError FS403 that names the way round a cycle."""
    sorter = TopologicalSorter({key: parents[key] for key in sorted(parents)})
    try:
        sorter.prepare()
    except CycleError as error:
        way = [key.partition(":")[2] for key in error.args[1]]
        raise FeatsqlError(cycle(way[::-1], models)) from None
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += [name for key in ready if (name := key.partition(":")[2]) in models and key == model_key(name)]
        sorter.done(*ready)
    return order


def cycle(way: list[str], models: Mapping[str, Model]) -> Diagnostic:
    """The diagnostic of a cycle, at the reference that closes it."""
    model = models[way[0]]
    place = next((r.place for r in model.rendered.references if r.name == way[1]), model.rendered.file.place(1))
    if len(set(way)) == 1:
        hint = "for the table of an incremental model as it stands, write {{ this }}"
        return Diagnostic("FS403", f"the model `{way[0]}` reads itself", place, hint)
    message = "the models read each other in a circle: " + " -> ".join(way)
    return Diagnostic("FS403", message, place, "let one of them read the other's sources instead")
