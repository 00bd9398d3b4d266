"""The nodes of a build, one after the other; of those that are soon made, many become part of the target at once."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from itertools import islice

from msgspec.structs import replace

from featsql.build.failure import failure
from featsql.build.materialize import Materializer
from featsql.build.publish import publish
from featsql.build.results import Finished, Listener, Result, Started
from featsql.build.reuse.reuse import Reuse
from featsql.engine import EngineError
from featsql.errors import FeatsqlError
from featsql.resolve.graph import model_key

# Of so many rows a table is soon made.
FEW = 1_000
# But not where a query may make many rows of nothing.
MAKING = re.compile(r"\b(range|generate_series|unnest|recursive|repeat\w*|read_\w+|glob|query\w*)\b", re.IGNORECASE)
# So many tables in a row are made by one thread: to wake up others takes longer than the work.
SEVERAL = 8
# For so many seconds, about, one that is made may wait for others to become part of the target with it.
PATIENCE = 0.1


class Work:
    """Builds nodes in order, each of its kind; `results` has those that are done, with what is known `about` each: its
    fingerprint, and the static relations behind it. What reads a node that failed is skipped, and a node that stands
    as it would be built is left alone."""

    def __init__(
        self,
        kinds: Mapping[str, str],
        about: Mapping[str, tuple[str, tuple[str, ...]]],
        materializer: Materializer,
        reuse: Reuse,
        listener: Listener,
        *,
        fail_fast: bool,
    ) -> None:
        self.kinds = kinds
        self.about = about
        self.names = list(kinds)
        self.places = {name: place for place, name in enumerate(kinds, start=1)}
        self.materializer = materializer
        self.compiled = materializer.compiled
        self.reuse = reuse
        self.listener = listener
        self.fail_fast = fail_fast
        self.results: list[Result] = []
        self.failed: set[str] = set()
        self.begun: set[str] = set()
        self.rows: dict[str, int | None] = {}

    def all(self) -> list[Result]:
        """Build everything."""
        while len(self.results) < len(self.names):
            name = self.names[len(self.results)]
            if self.is_little(name):
                self.together()
            else:
                self.alone(name)
        return self.results

    def together(self) -> None:
        """Build tables in one transaction, as long as little is to be done; where one of them fails, each by itself,
        so that those before it stand."""
        made: list[Result] = []
        began = time.perf_counter()
        engine = self.materializer.engine
        ahead = self.names[len(self.results) :][:SEVERAL]
        several = len(ahead) == SEVERAL and all(self.kinds[name] == "table" for name in ahead)
        try:
            with engine.setting({"threads": 1} if several else {}), engine.transaction():
                for name in islice(self.names, len(self.results), None):
                    waited = made and time.perf_counter() > began + PATIENCE
                    if waited or not self.is_little(name):
                        break
                    self.begin(name)
                    made.append(self.made(name))
                    self.rows[name] = made[-1].rows
        except (FeatsqlError, EngineError):
            for name in self.names[len(self.results) :][: len(made) + 1]:
                self.alone(name)
            return
        for result in made:
            self.end(self.noted(result))

    def is_little(self, name: str) -> bool:
        """Whether a node is a table that one statement makes of few rows, and nothing else is to be done for it."""
        model = self.compiled.graph.models.get(name)
        if model is None or self.kinds[name] != "table" or model.config.publish is not None:
            return False
        if name not in self.reuse.reasons or not self.materializer.is_one_statement(name):
            return False
        if MAKING.search(model.rendered.text):
            return False
        parents = self.compiled.graph.parents[model_key(name)]
        read = [self.rows_of(parent.partition(":")[2]) for parent in parents if not parent.startswith("source:")]
        known = [rows for rows in read if rows is not None]
        return 0 < len(known) == len(parents) and sum(known) <= FEW and self.stopped(name) is None

    def rows_of(self, name: str) -> int | None:
        """How many rows a table holds, as far as that was counted."""
        if name in self.rows:
            return self.rows[name]
        node = self.reuse.state.nodes.get(name)
        return node.rows if node is not None else None

    def alone(self, name: str) -> None:
        """Build one node, unless it stands as it would be built, or cannot be built. What lives in the session is made
        in any case."""
        self.begin(name)
        self.end(self.stopped(name) or self.changed(name))

    def changed(self, name: str) -> Result:
        """The result of one node that can be built."""
        if name not in self.reuse.reasons and self.kinds[name] != "ephemeral":
            return self.reuse.kept(name)
        if self.kinds[name] == "training_set":
            self.materializer.before[name] = self.reuse.left(name)
            self.reuse.strike([name])
        clock = time.perf_counter()
        try:
            result = self.made(name)
        except (FeatsqlError, EngineError) as error:
            found = (
                error.diagnostics
                if isinstance(error, FeatsqlError)
                else (failure(name, error, self.compiled, self.materializer.engine),)
            )
            return Result(name, self.kinds[name], "error", seconds=time.perf_counter() - clock, diagnostics=found)
        return self.noted(result) if name in self.reuse.reasons else self.reuse.kept(name)

    def made(self, name: str) -> Result:
        """Make a relation and publish it. Raises FeatsqlError or EngineError."""
        clock, model = time.perf_counter(), self.compiled.graph.models.get(name)
        built = self.materializer.build(name)
        published = publish(model, self.compiled.project, self.materializer.engine) if model is not None else ()
        return Result(
            name,
            self.kinds[name],
            "success",
            built.rows,
            time.perf_counter() - clock,
            published=published,
            notes=built.notes,
            methods=built.methods,
        )

    def noted(self, result: Result) -> Result:
        """The result of a node that is part of the target now, noted for the next build."""
        self.reuse.remember(result, self.materializer.made.get(result.name))
        return replace(result, reason=self.reuse.told(result.name))

    def stopped(self, name: str) -> Result | None:
        """The result of a node that is not tried, because of one that failed before it."""
        if not self.failed:
            return None
        key = model_key(name) if name in self.compiled.graph.models else f"seed:{name}"
        parents = {parent.partition(":")[2] for parent in self.compiled.graph.upstream([key])}
        cause = next((other for other in self.failed if other in parents), None)
        if cause is None and not self.fail_fast:
            return None
        self.reuse.spare(name)
        return Result(name, self.kinds[name], "skipped", notes=(f"`{cause or next(iter(self.failed))}` failed",))

    def begin(self, name: str) -> None:
        """Say that a node begins, once."""
        if name not in self.begun:
            self.begun.add(name)
            self.listener(Started(name, self.kinds[name], self.places[name], len(self.names)))

    def end(self, result: Result) -> None:
        """Say what became of a node."""
        fingerprint, statics = self.about[result.name]
        result = replace(result, fingerprint=fingerprint, statics=statics)
        self.results.append(result)
        self.rows[result.name] = result.rows
        if result.status in {"error", "skipped"}:
            self.failed.add(result.name)
        self.listener(Finished(result, len(self.results), len(self.names)))
