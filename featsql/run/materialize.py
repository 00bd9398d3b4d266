"""How each kind of model becomes a relation of the target: every one of them whole, or not at all."""

from __future__ import annotations

from functools import cached_property, partial

from msgspec import Struct
from sqlglot import exp

from featsql.compiler import Compiled
from featsql.engine import Engine
from featsql.errors import Diagnostic, FeatsqlError
from featsql.plan.plan import Plan
from featsql.read.model import Model
from featsql.read.roundtrip import same_meaning
from featsql.resolve.describe import ephemeral_name, make_schema, three_part
from featsql.resolve.graph import model_key
from featsql.resolve.sources import scan
from featsql.run.extend import Before
from featsql.run.knowledge import Knowledge
from featsql.run.mature import hide, is_immature
from featsql.run.stores import FileStore, TableStore
from featsql.run.target import relations, table_of
from featsql.run.training import answered, training_rows


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
        source = self.compiled.graph.sources[f"seed:{name}"]
        return self.replace(name, self.known(scan(source, self.project.root), f"seed:{name}"))

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
                text = self.text(model) if self.knowledge is None else self.standalone(model)
                self.engine.create_as("OR REPLACE VIEW", ephemeral_name(model.name), text)
                return Built()
            case _:
                return self.incremental(model)

    @cached_property
    def ephemeral(self) -> dict[str, str]:
        """The names that ephemeral models have in this session, by those that their readers know them by."""
        return {
            table_of(self.project, name).sql("duckdb"): ephemeral_name(name).sql("duckdb")
            for name, model in self.compiled.graph.models.items()
            if model.config.kind == "plain" and model.config.materialized == "ephemeral"
        }

    def text(self, model: Model) -> str:
        """The author's text with ephemeral models under the names that they have in this session."""
        text = model.rendered.text
        for known, name in self.ephemeral.items():
            text = text.replace(known, name)
        return text

    def view(self, model: Model) -> Built:
        """A view that reads its sources by itself, so that it works wherever the target is opened."""
        table = table_of(self.project, model.name)
        standalone = self.standalone(model)
        with self.engine.transaction():
            self.drop_other(model.name, "VIEW")
            self.engine.create_as("OR REPLACE VIEW", table, standalone)
        return Built()

    def standalone(self, model: Model) -> str:
        """A model's SQL with scans of files in place of source views, where its tree means the same to
        the engine as its text; else the text."""
        if self.knowledge is not None:
            return self.known(self.inlined(model.tree), model_key(model.name)).sql("duckdb")
        if same_meaning(model.rendered.text, model.tree, self.engine) is not None:
            return self.text(model)
        return self.inlined(model.tree).sql("duckdb")

    def inlined(self, tree: exp.Query) -> exp.Query:
        """A copy of a tree with sources and ephemeral models in place of their names."""
        tree = tree.copy()
        for table in [t for t in tree.find_all(exp.Table) if "relation" in t.meta]:
            kind, _, name = table.meta["relation"].partition(":")
            model = self.compiled.graph.models.get(name) if kind == "model" else None
            inner: exp.Query | None = None
            source = self.compiled.graph.sources.get(table.meta["relation"])
            if kind == "source" and source is not None and source.format not in {"frame", "table"}:
                inner = self.known(scan(source, self.project.root), table.meta["relation"])
            elif model is not None and model.config.kind == "plain" and model.config.materialized == "ephemeral":
                inner = self.known(self.inlined(model.tree), table.meta["relation"])
            if inner is not None:
                alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
                table.replace(
                    exp.Subquery(this=inner, alias=alias, **{p: table.args.get(p) for p in ("pivots", "sample")})
                )
        return tree

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
        """New rows only: those of the same key are replaced, or everything from the first new instant on."""
        if self.full_refresh or self.standing.get(model.name) != "TABLE":
            return self.replace_by_text(model)
        table, fresh = table_of(self.project, model.name), three_part("temp", "main", f"__new_{model.name}")
        added = self.engine.create_as("OR REPLACE TEMP TABLE", fresh, self.text(model))
        self.refuse_other_columns(model, table, fresh)
        columns = [exp.column(c.name, quoted=True) for c in self.engine.columns(select_all(fresh))]
        stale = stale_rows(model, table, fresh)
        with self.engine.transaction():
            if stale is not None:
                self.engine.execute(exp.Delete(this=table, where=exp.Where(this=stale)).sql("duckdb"))
            target = exp.Schema(this=table.copy(), expressions=[column.this for column in columns])
            rows = exp.select(*columns).from_(fresh)
            self.engine.execute(exp.Insert(this=target, expression=rows).sql("duckdb"))
        self.engine.execute(exp.Drop(tables=[fresh], kind="TABLE").sql("duckdb"))
        return Built(self.engine.count(table), (f"{added:,} new rows",))

    def refuse_other_columns(self, model: Model, table: exp.Table, fresh: exp.Table) -> None:
        """The new rows must have the columns that the table has."""
        old = {column.name for column in self.engine.columns(select_all(table))}
        new = {column.name for column in self.engine.columns(select_all(fresh))}
        if old != new:
            changed = ", ".join(sorted(old ^ new))
            message = f"the columns of `{model.name}` are no longer those of its table: {changed}"
            raise FeatsqlError(
                Diagnostic("FS804", message, model.rendered.file.place(1), "build it with --full-refresh")
            )

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

        with made.desk:
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


def quoted(name: str) -> exp.Column:
    """A column by its name as written."""
    return exp.column(name, quoted=True)


def select_all(table: exp.Table) -> str:
    """The text of a query of everything in a table."""
    return exp.select("*").from_(table.copy()).sql("duckdb")


def stale_rows(model: Model, table: exp.Table, fresh: exp.Table) -> exp.Expr | None:
    """Which rows of an incremental model's table the new ones replace."""
    config = model.config
    if config.unique_key:
        same = [
            exp.EQ(
                this=exp.column(k, table="__new", quoted=True), expression=exp.column(k, table=table.name, quoted=True)
            )
            for k in config.unique_key
        ]
        new = exp.select("1").from_(exp.alias_(fresh.copy(), "__new", table=True)).where(*same)
        return exp.Exists(this=new)
    if config.incremental_time:
        first = exp.select(exp.Min(this=quoted(config.incremental_time))).from_(fresh.copy())
        return exp.GTE(this=quoted(config.incremental_time), expression=first.subquery())
    return None
