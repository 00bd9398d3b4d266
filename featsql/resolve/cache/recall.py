"""What an earlier compilation found out about models that are the same still, and so is what they are made of.

A model is resolved from its own text and from the *facts* of what it reads: columns, clock, edges and taints. Facts
that come out the same stop a change from spreading. As-of models and labels are also held to the texts of all
that is above them and to the facts of all that is below, which their rules look at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from featsql.errors import Diagnostic
from featsql.read.lazy import Lazy
from featsql.read.model import Model
from featsql.read.parse import strangers
from featsql.resolve.cache.compile_cache import BROKEN, CompileCache, Row, digest
from featsql.resolve.cache.renderings import packed
from featsql.resolve.cache.serialize import UnkeepableError, pack, unpack
from featsql.resolve.catalog.catalog import RelationInfo
from featsql.resolve.graph import Graph, model_key
from featsql.resolve.lineage.lineage import Edge
from featsql.resolve.lineage.reach import Span
from featsql.resolve.lineage.taint import Taints
from featsql.resolve.lineage.trace import Traced

Findings = list[tuple[str, Diagnostic]]


class Recall:
    """The models of a graph in a compile cache; `texts` gives the keys of their renderings, `published` what else they
    are bound to."""

    def __init__(
        self, compile_cache: CompileCache, graph: Graph, texts: Mapping[str, str], published: Mapping[str, Any]
    ) -> None:
        project = graph.project
        target = project.target
        self.compile_cache = compile_cache
        self.graph = graph
        self.texts = texts
        self.published = published
        self.settings = digest(
            [
                [project.boundary, project.default_delay, repr(project.entities)],
                [target.database, target.schema, target.extensions, repr(target.settings)],
            ]
        )
        self.facts: dict[str, str] = {}
        self.exact: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.counting: dict[str, str] = {}
        self.bodies: Lazy[Any] = Lazy((), compile_cache.body)

    def begin(self, info: RelationInfo) -> None:
        """Know the facts of a source or seed."""
        place = self.graph.sources[info.key].place
        self.facts[info.key] = self.exact[info.key] = digest([repr(info), repr(place)])

    def resolves(self, model: Model) -> bool:
        """Whether a model, whose parents were seen before, is as it was when it was last resolved."""
        name, key = model.name, model_key(model.name)
        parents = self.graph.parents[key]
        if any(parent not in self.facts for parent in parents):
            return False
        own = self.texts.get(name) or repr(model.rendered)
        self.exact[key] = digest([own, [self.exact[parent] for parent in parents]])
        above = [self.exact[parent] for parent in parents] if model.config.kind != "plain" else []
        read = [[parent, self.facts[parent]] for parent in parents]
        self.keys[name] = digest([self.settings, own, read, above, repr(self.published.get(name))])
        row = self.compile_cache.rows.get(name)
        if row is None or name not in self.texts or row.key != self.keys[name]:
            return False
        self.facts[key] = row.facts
        self.bodies.promise(name)
        return True

    def digest_of(self, model: Model, line: bytes) -> str:
        """The digest of all that other models may know of one: its facts, its header, and where it begins."""
        file = model.rendered.file
        return digest([line, repr(model.config), file.path, repr(file.place(1))])

    def knows(self, name: str) -> bool:
        """Whether a model's facts are held."""
        return name in self.bodies

    def info(self, name: str) -> RelationInfo:
        """A known model as a relation."""
        info: RelationInfo = unpack(self.bodies[name]["info"])
        return info

    def traced(self, name: str) -> Traced:
        """The edges of a known model."""
        body = self.bodies[name]
        edges, presence = (edges_of(name, rows, body["words"]) for rows in (body["edges"], body["presence"]))
        return Traced(edges, presence, body["coarse"])

    def taints(self, name: str) -> Mapping[str, Taints] | None:
        """The taints of a known model by their names."""
        found: Mapping[str, Taints] | None = unpack(self.bodies[name]["taints"]) if name in self.bodies else None
        return found

    def resolved(self, model: Model, info: RelationInfo, traced: Traced, taints: Mapping[str, Taints]) -> None:
        """Keep the facts of a model."""
        words = Numbers()
        edges, presence = (rows_of(each, words) for each in (traced.edges, traced.presence))
        body = {
            "info": pack(info),
            "edges": edges,
            "presence": presence,
            "words": list(words),
            "coarse": traced.why_coarse,
            "taints": pack(taints),
        }
        key = model_key(model.name)
        if model.name not in self.keys:
            return
        line = json.dumps(body, separators=(",", ":")).encode()
        self.facts[key] = self.digest_of(model, line)
        try:
            rendering = packed(model.rendered, strangers(model.tree))
            text = self.texts[model.name]
        except (UnkeepableError, KeyError):
            self.compile_cache.rows.pop(model.name, None)
            return
        own, facts = self.keys[model.name], self.facts[key]
        self.compile_cache.rows[model.name] = Row(text, own, facts, "", [], rendering, line)
        self.compile_cache.changed = True

    def code(self, name: str) -> bytes:
        """What is kept for those who build a model; nothing, where that is not known."""
        row = self.compile_cache.rows.get(name)
        return row.code if row is not None and row.key == self.keys.get(name) else b""

    def note(self, name: str, code: bytes) -> None:
        """Keep something for those who build a model."""
        row = self.compile_cache.rows.get(name)
        if row is not None and row.key == self.keys.get(name):
            row.code, self.compile_cache.changed = code, True

    def said(self, name: str) -> str:
        """The key under which the findings in a model count; of an as-of model, when all models are resolved."""
        if name not in self.counting:
            self.counting[name] = self.count_for(name)
        return self.counting[name]

    def count_for(self, name: str) -> str:
        """The same, made of all that the rules look at."""
        key, models = model_key(name), self.graph.models
        below = self.graph.children.get(key, ())
        if models[name].config.kind == "plain":
            return digest([self.keys[name], [[each, self.kind_of(each)] for each in below]])
        known = [[each, self.exact[each], self.facts[each]] for each in sorted(self.graph.downstream([key]))]
        return digest([self.keys[name], self.trains, below, known])

    @cached_property
    def trains(self) -> bool:
        """Whether there is a training set."""
        return any(model.config.kind == "training_set" for model in self.graph.models.values())

    def kind_of(self, key: str) -> str:
        """The kind of a model."""
        return self.graph.models[key.partition(":")[2]].config.kind

    def findings(self, name: str) -> Findings | None:
        """What the rules said of a model; None where they must look again."""
        row = self.compile_cache.rows.get(name)
        if row is None or row.said != self.said(name):
            return None
        try:
            return [(name, unpack(each)) for each in row.findings]
        except BROKEN:
            return None

    def keep(self, found: Mapping[str, Iterable[tuple[str, Diagnostic]]], secrets: Iterable[str]) -> None:
        """Keep what the rules said, and put everything in the compile cache, unless a secret would be in it: to be
        called where no stage had an error."""
        for name in set(self.compile_cache.rows) - self.graph.models.keys():
            del self.compile_cache.rows[name]
            self.compile_cache.changed = True
        for name, row in self.compile_cache.rows.items():
            said = self.said(name)
            if row.said != said:
                row.said, row.findings, self.compile_cache.changed = said, [pack(each) for _, each in found[name]], True
        self.save(secrets)

    def save(self, secrets: Iterable[str]) -> None:
        """Put everything in the compile cache that is not there yet, unless a secret would be in it."""
        if self.compile_cache.changed:
            self.compile_cache.save(secrets)
            self.compile_cache.changed = False


class Numbers(dict[str | float, int]):
    """The number of each word, in the order in which they were first asked for."""

    def __missing__(self, word: str | float) -> int:
        self[word] = len(self)
        return self[word]


def rows_of(edges: Iterable[Edge], words: Numbers) -> list[list[int]]:
    """Edges as numbers of their words."""
    return [
        [
            words[edge.output],
            words[edge.relation],
            words[edge.column],
            words[edge.kind],
            words[edge.how],
            words[edge.span.lower],
            words[edge.span.upper],
            int(edge.span.opened),
        ]
        for edge in edges
    ]


def edges_of(name: str, rows: Iterable[list[int]], words: list[Any]) -> tuple[Edge, ...]:
    """Edges as they were."""
    spans: dict[tuple[int, int, int], Span] = {}
    found = []
    for output, relation, column, kind, how, *ends in rows:
        lower, upper, opened = ends
        span = spans.get((lower, upper, opened))
        if span is None:
            span = spans[lower, upper, opened] = Span(words[lower], words[upper], bool(opened))
        found.append(Edge(name, words[output], words[relation], words[column], words[kind], words[how], span))
    return tuple(found)
