"""The work of two processes on one graph: each resolves and judges its own models, and takes over the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from msgspec.structs import replace

from featsql.read.model import Model
from featsql.resolve.cache.renderings import text_of
from featsql.resolve.cache.serialize import pack
from featsql.resolve.cache.worker_process import Worker
from featsql.resolve.check import settled
from featsql.resolve.compilation import MOST, Compilation
from featsql.resolve.graph import model_key

# How far ahead of the first model that is not resolved yet one is looked for that can be.
AHEAD = 64
ALL = ""


class Shared:
    """One compilation that two processes have a part in; it stops where a model has an error, which is said when the
    project is compiled by one."""

    def __init__(self, compilation: Compilation, worker: Worker) -> None:
        self.compilation = compilation
        self.worker = worker
        self.graph = compilation.graph
        self.rows = compilation.recall.compile_cache.rows

    @property
    def sound(self) -> bool:
        """Whether it is worth to go on: the other one is there, and neither has found an error."""
        told = self.worker.heard["sound"].get(ALL, True)
        return bool(told) and not self.worker.gone and self.compilation.found.clear("bind")

    def resolve(self) -> None:
        """Resolve every model whose turn it is, parents first."""
        left = {model_key(name): model for name, model in self.graph.models.items()}
        while left and self.sound:
            news = self.worker.news
            ready = [
                (key, model)
                for key, model in islice(left.items(), AHEAD)
                if not any(parent in left for parent in self.graph.parents[key]) and self.is_mine(model.name)
            ][:MOST]
            self.settle([model for _, model in ready])
            for key, _ in ready:
                del left[key]
            if not ready and self.worker.news == news:  # else what was taken in on the way may be what is waited for
                self.worker.wait()

    def is_mine(self, name: str) -> bool:
        """Whether a model is for this process to resolve, or was by the other one."""
        return name not in self.worker.theirs or self.worker.told("row", name)

    def settle(self, models: Sequence[Model]) -> None:
        """Resolve some models, or take over what was found out of them; which is nothing where that cannot be kept."""
        heard = self.worker.heard["row"]
        for model in models:
            row = heard.get(model.name)
            if row is not None:
                self.rows[model.name] = row
                model.rendered = replace(model.rendered, text=text_of(row.rendered))  # as it was understood
        for model in self.compilation.resolve(models, keep=False):
            if model.name in self.worker.own and self.compilation.found.clear("plan"):
                if model.name in self.compilation.findings:
                    self.said(model.name)
                self.worker.tell("row", model.name, self.rows.get(model.name))

    def said(self, name: str) -> None:
        """Put in the compile cache what the rules said of a model."""
        row = self.rows.get(name)
        if row is not None:
            row.findings = [pack(each) for _, each in self.compilation.findings[name]]
            row.said = self.compilation.recall.said(name)

    def judge(self) -> list[str]:
        """Find what the rules say of the models whose rules look at others. Gives those that were judged; none, if
        there is an error in either half."""
        found = self.compilation.findings
        judged = [name for name in self.graph.models if name in self.worker.own and name not in found]
        for name in judged if self.sound else ():
            found[name] = list(self.compilation.checker.findings(name))
        own = [each for name in self.worker.own for each in found.get(name, ())]
        sound = self.sound and not any(each.severity == "error" for each in settled(own, self.graph)[0])
        self.worker.tell("sound", ALL, sound)
        self.worker.await_all("sound", [ALL])
        return judged if sound and self.worker.heard["sound"].get(ALL) else []

    def finish(self, judged: list[str], bind: Callable[[str], None]) -> None:
        """Bind the models that were judged, tell of those that can be, and hear of the others."""
        for name in judged:
            bind(name)
            if not self.sound:
                return
            self.said(name)
            row = self.rows.get(name)
            self.worker.tell("said", name, (row.said, row.findings) if row is not None else None)
        self.worker.tell("done", ALL, True)
        self.worker.await_all("done", [ALL])
        for name, told in self.worker.heard["said"].items():
            if told is not None and name in self.rows:
                self.rows[name].said, self.rows[name].findings = told
