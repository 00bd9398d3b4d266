"""Which relations a person means: dbt's selectors, from `+stg_*,tag:daily` to names in build order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import inf

from msgspec import Struct

from featsql.errors import Diagnostic, FeatsqlError
from featsql.names import did_you_mean
from featsql.resolve.graph import Graph
from featsql.resolve.selectors.selectable import METHODS, Selectable, config_method, method_of, selectables

SELECTOR = re.compile(
    r"(?P<around>@)?(?:(?P<up>\d*)(?P<parents>\+))?(?:(?P<method>[A-Za-z_][\w.]*):)?"
    r"(?P<value>[^+@\s]*[^+@\s:])(?:(?P<children>\+)(?P<down>\d*))?"
)
Found = list[Diagnostic]


class Selector(Struct, frozen=True):
    """One selector: what it names, how many generations above and below it takes, and whether it
    takes with everything below also all that this reads (`@`)."""

    text: str
    method: str
    value: str
    above: float
    below: float
    around: bool


def select(graph: Graph, include: Sequence[str], exclude: Sequence[str]) -> tuple[str, ...]:
    """The names of the seeds and models that are chosen, in build order; all without `include`.

    Each string is a union of its words, a word an intersection of its comma-separated selectors.
    Raises FeatsqlError FS410, FS411 and FS412 for selectors that name nothing, together.
    """
    keys = select_keys(graph, include, exclude)
    seeds = sorted(key.partition(":")[2] for key in keys if key.startswith("seed:"))
    return (*seeds, *(name for name in graph.models if f"model:{name}" in keys))


def select_keys(graph: Graph, include: Sequence[str], exclude: Sequence[str]) -> frozenset[str]:
    """The relation keys that are chosen, sources as well. Raises as `select` does."""
    known, found = selectables(graph), Found()
    chosen = union(include, graph, known, found) if include else frozenset(known)
    left_out = union(exclude, graph, known, found)
    if found:
        raise FeatsqlError(found)
    return chosen - left_out


def union(texts: Sequence[str], graph: Graph, known: Mapping[str, Selectable], found: Found) -> frozenset[str]:
    """Everything that any word of any text names."""
    chosen: set[str] = set()
    for text in [texts] if isinstance(texts, str) else texts:  # a text is a sequence of texts, too
        if not text.strip():
            found.append(Diagnostic("FS412", "a selector is empty", hint="leave the option out to choose everything"))
        for word in text.split():
            chosen |= intersection(word, graph, known, found)
    return frozenset(chosen)


def intersection(word: str, graph: Graph, known: Mapping[str, Selectable], found: Found) -> frozenset[str]:
    """Everything that each selector of a word names."""
    before = len(found)
    parts = [resolve(part, graph, known, found) for part in word.split(",")]
    chosen = frozenset.intersection(*parts)
    if not chosen and len(found) == before:
        hint = "a comma keeps what every part names; put a space between them to take both"
        found.append(Diagnostic("FS410", f"nothing is named by every part of `{word}`", hint=hint))
    return chosen


def resolve(text: str, graph: Graph, known: Mapping[str, Selectable], found: Found) -> frozenset[str]:
    """What one selector names, with the generations that it asks for; what is wrong goes to `found`."""
    selector = read_selector(text)
    if isinstance(selector, Diagnostic):
        found.append(selector)
        return frozenset()
    method = METHODS.get(selector.method) or config_method(selector.method)
    if method is None:
        found.append(unknown_method(selector))
        return frozenset()
    named = frozenset(key for key, node in known.items() if method.matches(node, selector.value))
    if not named:
        labels = {label for node in known.values() for label in method.labels(node)}
        hint = did_you_mean(selector.value, sorted(labels), "`featsql ls` lists what there is")
        found.append(Diagnostic("FS410", f"the selector `{text}` names nothing in this project", hint=hint))
    return grow(named, selector, graph)


def read_selector(text: str) -> Selector | Diagnostic:
    """A selector's parts, or why it is none."""
    match = SELECTOR.fullmatch(text)
    if match is None:
        hint = "write a name with + or @ around it: +name, name+, 2+name+1, @name, tag:daily+"
        return Diagnostic("FS412", f"`{text}` is not a selector", hint=hint)
    if match["around"] and (match["parents"] or match["children"]):
        hint = "@name already takes everything below the name, and all that this reads"
        return Diagnostic("FS412", f"`{text}` has both @ and +", hint=hint)
    above = float(match["up"] or inf) if match["parents"] else 0
    below = float(match["down"] or inf) if match["children"] else 0
    method = match["method"] or method_of(match["value"])
    return Selector(text, method, match["value"], above, below, match["around"] is not None)


def unknown_method(selector: Selector) -> Diagnostic:
    """A selector whose method does not exist."""
    hint = did_you_mean(selector.method, METHODS, "the methods are " + ", ".join([*METHODS, "config.<key>"]))
    return Diagnostic("FS411", f"there is no selector method `{selector.method}:`", hint=hint)


def grow(named: frozenset[str], selector: Selector, graph: Graph) -> frozenset[str]:
    """What is named, with the generations above and below that the selector asks for."""
    if selector.around:
        return graph.upstream(graph.downstream(named))
    above = generations(named, graph.parents, selector.above)
    return named | above | generations(named, graph.children, selector.below)


def generations(keys: Iterable[str], edges: Mapping[str, tuple[str, ...]], depth: float) -> frozenset[str]:
    """Everything within `depth` steps of `keys` along `edges`."""
    seen = set(keys)
    edge, steps = set(seen), 0
    while edge and steps < depth:
        edge = {near for key in edge for near in edges.get(key, ())} - seen
        seen |= edge
        steps += 1
    return frozenset(seen)
