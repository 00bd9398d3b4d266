"""Plan a training set: its spine, the features at each row's instant, and the author's projections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace
from sqlglot import exp

from featsql.errors import Diagnostic, FeatsqlError, Place
from featsql.names import did_you_mean
from featsql.plan import names
from featsql.plan.features import plan_features, refuse_reserved, refuse_taken
from featsql.plan.instants import asked_exactly, needs_nanoseconds
from featsql.plan.plan import Attach, Features, Outcome, Plan, Reading, Scan
from featsql.plan.training_set.join_keys import condition, join_keys
from featsql.plan.training_set.joins import Joined, passes_on
from featsql.plan.training_set.stars import Scope, expand
from featsql.read.model import Model
from featsql.resolve.aggregates import has_aggregate
from featsql.resolve.catalog.describe import bound_name, is_instant
from featsql.resolve.checked import Checked
from featsql.resolve.nanoseconds import is_zoned
from featsql.temporal import Boundary

FILTERS = {
    "where": "WHERE",
    "group": "GROUP BY",
    "having": "HAVING",
    "qualify": "QUALIFY",
    "distinct": "DISTINCT",
    "limit": "LIMIT",
    "offset": "OFFSET",
    "sample": "USING SAMPLE",
    "windows": "WINDOW",
    "laterals": "LATERAL",
}
SACRED = "a training set has one row for each row of its labels"


def plan_training(name: str, checked: Checked, *, general: bool = False) -> Plan:
    """The plan of a training set; `general` plans every features model by the general rule.

    Raises FeatsqlError: FS710 a clause that would change the rows, FS711 no labels to start from,
    FS712 a join that is not by an entity's keys, FS713 a name that repeats.
    """
    return Training(checked.graph.models[name], checked, general).plan()


class Training:
    """One training set on its way from the author's SELECT to a plan."""

    def __init__(self, model: Model, checked: Checked, general: bool) -> None:
        self.model = model
        self.checked = checked
        self.general = general
        self.imports: dict[str, str] = {}
        self.scans: dict[int, Scan] = {}

    def plan(self) -> Plan:
        """Everything together; the first thing that is wrong stops it."""
        tree = self.model.tree.copy()
        if not isinstance(tree, exp.Select):
            raise self.error("FS710", "a training set is one SELECT: it cannot combine queries", tree, SACRED)
        self.imports = self.import_names(tree)
        self.refuse_filters(tree)
        spine = self.spine(tree)
        refuse_reserved(self.model, spine.columns)
        if not is_instant(spine.as_of_type):
            message = f"`{spine.as_of}` of the labels is {spine.as_of_type}, not an instant"
            raise self.error("FS714", message, tree.args["from_"], "cast it in the labels model: `x::timestamp`")
        scope = Scope(spine.alias, spine.columns, spine.as_of_type)
        attachments: list[Attach] = []
        readings: list[Reading] = []
        for join in tree.args.get("joins") or ():
            self.add_join(join, scope, attachments, readings)
        select = tree.copy()
        for part in ("from_", "joins", "with_"):
            select.set(part, None)
        self.tag_subqueries(select)
        expanded = expand(select, scope)
        self.refuse_repeats(expanded)
        refuse_reserved(self.model, [value.alias_or_name for value in expanded.expressions])
        return Plan(
            name=self.model.name,
            spine=spine,
            attachments=tuple(self.told(each, expanded, readings) for each in attachments),
            readings=tuple(readings),
            select=expanded,
            scans=self.scans,
            boundary=self.boundary,
        )

    @property
    def boundary(self) -> Boundary:
        """The training set's own edge, or the project's."""
        return self.model.config.boundary or self.checked.graph.project.boundary

    def import_names(self, tree: exp.Select) -> dict[str, str]:
        """CTEs that only give a relation a name, `with x as (select * from {{ ref() }})`, by folded name."""
        found: dict[str, str] = {}
        clause = tree.args.get("with_")
        for cte in clause.expressions if clause else ():
            key = passes_on(cte.this, found)
            if key is None:
                hint = "a training set's CTE may only name a relation: compute features in a features model"
                raise self.error("FS710", f"the CTE `{cte.alias}` computes something", cte, hint)
            found[cte.alias.casefold()] = key
        return found

    def refuse_filters(self, tree: exp.Select) -> None:
        """Nothing may add or remove rows of the spine."""
        for part, clause in FILTERS.items():
            if tree.args.get(part):
                node = tree.args[part]
                shown = node[0] if isinstance(node, list) else node
                hint = f"{SACRED}: choose the rows in the labels model"
                place = shown if first_offset(shown) else tree
                raise self.error("FS710", f"a training set cannot have {clause}", place, hint)
        for value in tree.expressions:
            if value.find(exp.Unnest, exp.Explode) and not value.find(exp.Query):
                raise self.error("FS710", "a training set cannot have unnest()", value, SACRED)
            if has_aggregate(value, self.checked.catalog.aggregates):
                hint = f"{SACRED}: aggregate in a features model"
                raise self.error("FS710", "a training set cannot aggregate rows", value, hint)

    def relation(self, source: exp.Expr | None) -> str | None:
        """The relation key of what stands in a FROM or JOIN."""
        if not isinstance(source, exp.Table) or source.alias_column_names:
            return None
        key = source.meta.get("relation") or (self.imports.get(source.name.casefold()) if not source.db else None)
        return str(key) if key else None

    def kind(self, key: str) -> str:
        """The kind of the model behind a relation key; sources and seeds are plain."""
        name = key.partition(":")[2]
        return self.checked.graph.models[name].config.kind if key.startswith("model:") else "plain"

    def spine(self, tree: exp.Select) -> Outcome:
        """The labels model that a training set starts from."""
        clause = tree.args.get("from_")
        source = clause.this if clause is not None else None
        key = self.relation(source)
        if key is None or self.kind(key) != "labels":
            hint = "write `from {{ ref('<labels model>') }} as l left join {{ ref('<features model>') }} ...`"
            raise self.error("FS711", "a training set starts FROM a labels model", source or tree, hint)
        assert isinstance(source, exp.Table)
        labels = self.checked.graph.models[key.partition(":")[2]]
        info = self.checked.catalog.relations[key]
        as_of = labels.config.as_of or "as_of"
        instant = next((n for n in info.names if n.casefold() == as_of.casefold()), None)
        if instant is None:
            wanted = did_you_mean(as_of, info.names, "say which column holds the instant: config(as_of='...')")
            place = labels.config.place or labels.rendered.file.place(1)
            raise FeatsqlError(Diagnostic("FS711", f"the labels have no column `{as_of}`", place, wanted))
        table = bound_name(key, self.checked.graph)
        return Outcome(table, source.alias_or_name, info.names, instant, info.type_of(instant) or "")

    def add_join(self, join: exp.Join, scope: Scope, attachments: list[Attach], readings: list[Reading]) -> None:
        """Add one join of the author's to what stands beside the spine."""
        key = self.relation(join.this)
        if key is None or self.kind(key) in {"labels", "training_set"}:
            what = "a training set joins features models and relations, each by its own ref() or source()"
            raise self.error("FS712", what, join.this, "give it a model of its own")
        if join.method or join.side not in {"", "LEFT"} or join.kind not in {"", "INNER", "OUTER", "CROSS"}:
            written = " ".join(part for part in (join.method, join.side, join.kind) if part)
            raise self.error("FS712", f"a training set cannot use {written} JOIN", join.this, "use LEFT JOIN")
        joined = Joined(join, join.this.alias_or_name, self.checked.catalog.relations[key])
        if self.kind(key) == "features":
            attachments.append(self.attach(joined, key, scope))
        else:
            readings.append(self.read(joined, key, scope))

    def attach(self, joined: Joined, key: str, scope: Scope) -> Attach:
        """A features model joined by its entity's keys."""
        name, kind = key.partition(":")[2], scope.as_of_type
        features = plan_features(name, self.checked, general=self.general)
        check_instants(features, kind, self.place(joined.join.this))
        if needs_nanoseconds(features.relations, kind, self.boundary):
            features = asked_exactly(features, kind) or plan_features(name, self.checked, general=True)
        keys = join_keys(joined, features.keys, features.match_nulls, scope)
        if isinstance(keys, str):
            hint = f"join it by its keys alone: using ({', '.join(features.keys)})" if features.keys else "on true"
            raise self.error("FS712", keys, joined.join.this, hint)
        order = self.checked.catalog.relations[key].names
        scope.add_features(joined, order, dict(zip((k.casefold() for k in features.keys), keys, strict=True)))
        return Attach(features, keys, joined.alias)

    def told(self, attach: Attach, select: exp.Select, readings: Sequence[Reading]) -> Attach:
        """A features model that also tells whether it has a row, where somebody asks for its keys."""
        asked = [node for each in (select, *(read.on for read in readings)) for node in each.find_all(exp.Column)]
        wanted = attach.alias.casefold()
        if not any(node.name == names.THERE and node.table.casefold() == wanted for node in asked):
            return attach
        features = plan_features(attach.features.name, self.checked, general=self.general, told=True)
        return replace(attach, features=features)

    def read(self, joined: Joined, key: str, scope: Scope) -> Reading:
        """Another relation, joined as it is at each row's instant."""
        if joined.info.clock is None:
            why = joined.info.why_no_clock or "declare `time:` for it"
            raise self.error("FS712", f"{key.replace(':', ' ')} has no clock", joined.join.this, why)
        refuse_taken(self.model, joined.info)
        scan = Scan(joined.info, bound_name(key, self.checked.graph))
        on = condition(joined, scope)
        scope.add_relation(joined)
        return Reading(scan, joined.alias, on, joined.join.side == "LEFT")

    def tag_subqueries(self, select: exp.Select) -> None:
        """Number the relations that are read inside of expressions."""
        for table in list(select.find_all(exp.Table)):
            key = self.relation(table)
            if key is None:
                continue
            info = self.checked.catalog.relations[key]
            if info.clock is None:
                hint = "join a features model by its keys; a relation needs a clock"
                raise self.error("FS712", f"`{table.name}` cannot be read inside an expression", table, hint)
            refuse_taken(self.model, info)
            table.meta["scan"] = len(self.scans)
            self.scans[len(self.scans)] = Scan(info, bound_name(key, self.checked.graph))

    def refuse_repeats(self, select: exp.Select) -> None:
        """Two columns of one name would silently become `x` and `x_1`."""
        seen: set[str] = set()
        for value in select.expressions:
            name = value.alias_or_name.casefold()
            if name in seen:
                hint = f"leave one out: `f.* exclude ({value.alias_or_name})`, or give it an alias"
                raise self.error("FS713", f"two columns are named `{value.alias_or_name}`", value, hint)
            seen.add(name)

    def error(self, code: str, message: str, node: exp.Expr, hint: str | None = None) -> FeatsqlError:
        """A diagnostic at the first identifier of a node that knows its place."""
        place, trail = self.model.rendered.origin(first_offset(node))
        return FeatsqlError(Diagnostic(code, message, place, hint, trail=trail))

    def place(self, node: exp.Expr) -> Place:
        """Where a node was written."""
        return self.model.rendered.origin(first_offset(node))[0]


def check_instants(features: Features, as_of_type: str, place: Place | None) -> None:
    """A spine's instants and the clocks of what it asks for are all zoned, or all naive.

    Raises FeatsqlError FS714.
    """
    for info in features.relations:
        if info.clock is None or not info.clock.instants:
            continue
        kind = info.type_of(info.clock.instants[0]) or ""
        if is_zoned(kind) != is_zoned(as_of_type):
            column = info.clock.instants[0]
            message = f"the instants are {as_of_type}, but `{column}` of {info.key.replace(':', ' ')} is {kind}"
            hint = "make both zoned: `x at time zone '<zone>'` reads a wall clock's time as an instant"
            raise FeatsqlError(Diagnostic("FS714", message, place, hint))


def first_offset(node: exp.Expr) -> int:
    """The smallest offset in the text that a node knows of."""
    starts = [n.meta["start"] for n in node.walk() if "start" in n.meta]
    return min(starts, default=0)


def plan_of(spine: Outcome, attachments: tuple[Attach, ...], select: exp.Select, boundary: Boundary) -> Plan:
    """A plan for a spine that no model describes: a frame of keys and instants."""
    nothing: Mapping[int, Scan] = {}
    return Plan("features", spine, attachments, (), select, nothing, boundary)
