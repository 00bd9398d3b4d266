"""How each kind of model becomes a relation of the target: every one of them whole, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.build.known_at import Knowledge
from featsql.build.plain.authored import Instead, around, named, replaced
from featsql.build.plain.incremental import Growing
from featsql.build.reuse.definition import renderings
from featsql.build.reuse.extend import Before
from featsql.build.target import at_home, home, relations, table_of
from featsql.build.training_set.mature import hide, is_immature
from featsql.build.training_set.stores import FileStore, TableStore
from featsql.build.training_set.training import answered, training_rows
from featsql.compiler import Compiled
from featsql.engine import WARY, Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError
from featsql.plan.plan import Plan
from featsql.read.model import Model
from featsql.resolve.catalog.describe import ephemeral_name, make_schema
from featsql.resolve.graph import model_key
from featsql.resolve.reading import Reading
from featsql.sources.locations import given, scan


class ElsewhereError(Exception):
    """A relation that only this session can read; its text names it."""


class Built(Struct, frozen=True):
    """What was made: how many rows (None for a view), what is worth knowing about it, and how the
    features of a training set were found."""

    rows: int | None = None
    notes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()


class Materializer:
    """Builds relations in one open target; `known_at` is the instant that the build counts as now. With
    `knowledge` it is an earlier one, and relations hold what was known then."""

    def __init__(
        self,
        compiled: Compiled,
        engine: Engine,
        known_at: str,
        *,
        full_refresh: bool = False,
        knowledge: Knowledge | None = None,
    ) -> None:
        self.compiled = compiled
        self.project = compiled.project
        self.engine = engine
        self.known_at = known_at
        self.full_refresh = full_refresh
        self.knowledge = knowledge
        # what each training set is made of, as an earlier build left it, and as this one found it
        self.before: dict[str, Before | None] = {}
        self.made: dict[str, Before] = {}

    @cached_property
    def standing(self) -> dict[str, str]:
        """What the target held when the first node was built: each is built once."""
        return relations(self.engine, self.project)

    def build(self, name: str) -> Built:
        """Build one node of the graph."""
        model = self.compiled.graph.models.get(name)
        if model is None:
            return self.seed(name)
        match model.config.kind:
            case "features":
                return Built(notes=("compiled; evaluated wherever a spine asks for it",))
            case "labels":
                return self.labels(model)
            case "training_set":
                return self.training_set(model)
            case _:
                return self.plain(model)

    def seed(self, name: str) -> Built:
        """A CSV file of the project as a table."""
        return self.replace(name, self.known(self.scan(f"seed:{name}"), f"seed:{name}"))

    def scan(self, key: str, options: Mapping[str, Any] = {}) -> exp.Query:
        """All rows of a source or a seed, read as it was compiled, with some options besides."""
        graph = self.compiled.graph
        reading = graph.readings.get(key, Reading())
        return scan(graph.sources[key], self.project.root, replace(reading, options={**options, **reading.options}))

    def known(self, query: exp.Query, key: str) -> exp.Query:
        """A relation's rows as far as this build may know them."""
        return (
            query
            if self.knowledge is None
            else self.knowledge.rows(query, self.compiled.checked.catalog.relations[key])
        )

    def plain(self, model: Model) -> Built:
        """A model as dbt would build it."""
        match model.config.materialized:
            case "table":
                return self.replace_by_text(model)
            case "view":
                return self.view(model)
            case "ephemeral":
                make_schema(self.engine, "sources", ephemeral_name(model.name).db)
                text = self.known_text(model, self.text(model))
                self.engine.create_as("OR REPLACE VIEW", ephemeral_name(model.name), text)
                return Built()
            case _:
                return self.incremental(model)

    def text(self, model: Model) -> str:
        """The author's text with ephemeral models under the names that they have in this session."""
        if ";" in model.rendered.text:
            model.read()  # which leaves the text without one
        if not any(name in model.rendered.text for name in self.ephemeral.values()):
            return model.rendered.text
        names = {key: ephemeral_name(key.partition(":")[2]).sql("duckdb") for key in self.ephemeral}
        return replaced(model, {key: Instead(name, False) for key, name in names.items()})

    @cached_property
    def ephemeral(self) -> dict[str, str]:
        """All models that live in the session alone, by their keys, and how rendered SQL names them."""
        models = self.compiled.graph.models.items()
        names = (name for name, model in models if is_ephemeral(model))
        return {model_key(name): table_of(self.project, name).sql("duckdb") for name in names}

    def from_nothing(self, model: Model) -> str:
        """The text of an incremental model as a build from nothing runs it."""
        return self.text(renderings(model, self.compiled)[0])

    def view(self, model: Model) -> Built:
        """A view that reads its sources by itself, so that it works wherever the target is opened; a table where it
        cannot."""
        table = table_of(self.project, model.name)
        try:
            standalone = self.standalone(model)
            with at_home(self.engine, self.project), self.engine.transaction():
                self.drop_other(model.name, "VIEW")
                self.engine.create_as("OR REPLACE VIEW", table, standalone)
            return Built()
        except ElsewhereError as error:
            why = f"other programs cannot open {error}"
        except EngineError as error:
            why = f"it cannot be a view ({error.message.splitlines()[0]})"
        return replace(self.replace_by_text(model), notes=(f"a table: {why}",))

    def standalone(self, model: Model) -> str:
        """A model's own text with scans of files in place of its sources, and the texts of ephemeral models in place
        of their names; other relations have no database in theirs, which may be opened under another one. Raises
        ElsewhereError where a source is not in files."""
        instead: dict[str, Instead] = {}
        for key in self.compiled.graph.parents[model_key(model.name)]:
            source, parent = self.compiled.graph.sources.get(key), self.compiled.graph.models.get(key.partition(":")[2])
            if key.startswith("source:") and source is not None:
                if source.format in {"frame", "table"} or key in self.given:
                    raise ElsewhereError(f"`{source.name}`")
                wary = {"can_have_nan": True} if WARY and source.format == "parquet" else {}
                instead[key] = Instead(self.known(self.scan(key, wary), key).sql("duckdb"), True)
            elif key.startswith("model:") and parent is not None and is_ephemeral(parent):
                instead[key] = Instead(self.standalone(parent), True)
            else:
                own = exp.Table(this=table_of(self.project, key.partition(":")[2]).this, db=home(self.project).this)
                instead[key] = Instead(own.sql("duckdb"), False)
        return self.known_text(model, replaced(model, instead))

    @cached_property
    def given(self) -> frozenset[str]:
        """The sources that are not read from where the project says."""
        return given(self.engine)

    def known_text(self, model: Model, text: str) -> str:
        """A model's text, of the rows that this build may know."""
        if self.knowledge is None:
            return text
        info = self.compiled.checked.catalog.relations[model_key(model.name)]
        known = self.knowledge.rows(query := named(), info)
        return text if known is query else around(known, text)

    def replace(self, name: str, query: exp.Query) -> Built:
        """A table from a query that featsql made."""
        table = table_of(self.project, name)
        with self.engine.transaction():
            self.drop_other(name, "TABLE")
            create = exp.Create(this=table, kind="TABLE", replace=True, expression=query)
            return Built(self.engine.write(create.sql("duckdb")))

    def is_one_statement(self, name: str) -> bool:
        """Whether a table of the author's own text is made by one statement, which is whole by itself."""
        return self.knowledge is None and self.standing.get(name) != "VIEW"

    def replace_by_text(self, model: Model) -> Built:
        """A table from the author's own text."""
        table = table_of(self.project, model.name)
        if self.is_one_statement(model.name):
            return Built(self.engine.create_as("OR REPLACE TABLE", table, self.text(model)))
        with self.engine.transaction():
            self.drop_other(model.name, "TABLE")
            rows = self.engine.create_as("OR REPLACE TABLE", table, self.text(model))
            if self.knowledge is not None:
                info = self.compiled.checked.catalog.relations[model_key(model.name)]
                for statement in self.knowledge.forget(table, info):
                    self.engine.execute(statement.sql("duckdb"))
                rows = self.engine.count(table)
        return Built(rows)

    def incremental(self, model: Model) -> Built:
        """New rows only, in place of those of the same key, or of everything from the first new instant on."""
        if self.full_refresh or self.standing.get(model.name) != "TABLE":
            return self.replace_by_text(model)
        table, again = table_of(self.project, model.name), partial(self.from_nothing, model)
        added = Growing(self.engine, model, table, self.text(model), again).grow()
        return Built(self.engine.count(table), (f"{added:,} new rows",))

    def labels(self, model: Model) -> Built:
        """The spine with its outcome; a label whose horizon is not past yet is unknown: NULL."""
        table = table_of(self.project, model.name)
        config = model.config
        with self.engine.transaction():
            self.drop_other(model.name, "TABLE")
            rows = self.engine.create_as("OR REPLACE TABLE", table, self.text(model))
            if not config.horizon or not config.label or not config.as_of:
                return Built(rows)
            as_of = self.compiled.checked.catalog.relations[model_key(model.name)].type_of(config.as_of)
            immature = hide(self.engine, table, config.label, is_immature(config, as_of, self.known_at))
        return Built(rows, (f"{immature:,} labels are not mature yet: NULL",) if immature else ())

    def training_set(self, model: Model) -> Built:
        """One query for all rows; what was there stays where it does not have those of the spine."""
        plan = self.compiled.plans[model.name]
        assert isinstance(plan, Plan)
        return answered(plan, partial(self.planned, model))

    def planned(self, model: Model, plan: Plan) -> Built:
        """A training set by a plan."""
        store, before = self.store(model), self.before.get(model.name)
        made = training_rows(plan, self.engine, self.compiled, before, store.earlier if before is not None else None)

        def check(rows: int) -> None:
            wanted = self.engine.count(plan.spine.source)
            if rows != wanted:
                message = f"`{model.name}` has {rows:,} rows for the {wanted:,} of its labels"
                hint = "a join multiplies or drops rows: join relations by a unique key, with LEFT JOIN"
                raise FeatsqlError(Diagnostic("FS805", message, model.rendered.file.place(1), hint))

        with made.temporaries:
            rows = store.write(made, check, lambda kind: self.drop_other(model.name, kind))
        self.made[model.name] = made.made
        return Built(rows, made.notes, made.methods)

    def store(self, model: Model) -> TableStore | FileStore:
        """Where the rows of a training set lie."""
        if not model.config.is_external:
            return TableStore(self.engine, table_of(self.project, model.name))
        columns = self.compiled.checked.catalog.relations[model_key(model.name)].columns
        return FileStore(self.engine, model, self.project, columns)

    def drop_other(self, name: str, kind: str) -> None:
        """Drop a relation of this name that is of the other kind: a view that becomes a table, say."""
        found = self.standing.get(name)
        if found is not None and found != kind:
            self.engine.execute(exp.Drop(tables=[table_of(self.project, name)], kind=found).sql("duckdb"))


def is_ephemeral(model: Model) -> bool:
    """Whether a model has no relation in the target, and what reads it is given its text."""
    return model.config.kind == "plain" and model.config.materialized == "ephemeral"
