"""A session in memory in which every relation of a project can be read without having been built."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from featsql.build.materialize import Materializer
from featsql.build.target import table_of
from featsql.compiler import Compiled
from featsql.engine import Engine
from featsql.resolve.catalog.describe import make_schema
from featsql.resolve.graph import model_key

EVALUATED = frozenset({"features", "training_set"})
KEPT = frozenset({"ephemeral"})
STORED = frozenset({"ephemeral", "table", "incremental"})


class Workspace:
    """The project's relations under the names that compiled SQL uses, in a database of the session.

    Plain models are made from the sources as they are now, so that what is shown never depends on when
    something was last built: as views, or, where features may read them many times, as tables if the
    author says so. Labels and seeds are tables. All are made when first needed.
    """

    def __init__(self, compiled: Compiled, engine: Engine, known_at: str) -> None:
        self.compiled = compiled
        self.engine = engine
        self.materializer = Materializer(compiled, engine, known_at, full_refresh=True)
        self.ready: set[str] = set()
        target = compiled.project.target
        attached = exp.alias_(exp.Literal.string(":memory:"), target.database, quoted=True)
        engine.execute(exp.Attach(this=attached, exists=True).sql("duckdb"))
        make_schema(engine, target.database, target.schema)

    def prepare(self, keys: Iterable[str]) -> None:
        """Make the relations behind `keys`, and all that they read, ready to be read."""
        keys = list(keys)
        models = self.compiled.graph.models
        asked = [models[key.partition(":")[2]] for key in keys if key.startswith("model:")]
        often = any(model.config.kind in EVALUATED for model in asked)
        wanted = self.compiled.graph.upstream(keys)
        names = [key.partition(":")[2] for key in sorted(wanted) if key.startswith("seed:")]
        names += [name for name in self.compiled.graph.models if model_key(name) in wanted]
        for name in names:
            if name not in self.ready:
                self.make(name, often)
                self.ready.add(name)

    def make(self, name: str, often: bool) -> None:
        """Make one relation; `often` says that it may be read many times."""
        model = self.compiled.graph.models.get(name)
        if model is not None and model.config.kind in EVALUATED:
            return
        if model is None or model.config.kind == "labels" or model.config.materialized in (STORED if often else KEPT):
            self.materializer.build(name)
        else:
            table = table_of(self.compiled.project, name)
            self.engine.create_as("OR REPLACE VIEW", table, self.materializer.text(model))
