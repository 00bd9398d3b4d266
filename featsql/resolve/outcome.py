"""Where the columns of a labels model come from, occurrence by occurrence, and which of them is what."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from sqlglot import exp

from featsql.read.model import Model
from featsql.resolve.lineage.flow import Acts, Flow, MisledError, Output, join
from featsql.resolve.lineage.reach import Span
from featsql.resolve.lineage.timing import timing
from featsql.resolve.lineage.trace import flow_of
from featsql.resolve.qualify import Resolved
from featsql.resolve.scope import leaf, output
from featsql.resolve.subject import Subject

# A column of a source below one reading of it: (the reading, relation key, folded column).
Root = tuple[str, str, str]


class Spine(Struct, frozen=True):
    """The labels model that a training set starts from, and the folded names of its parts."""

    model: Model
    resolved: Resolved
    label: str | None
    as_of: str | None
    keys: frozenset[str]

    @property
    def key(self) -> str:
        return self.resolved.info.key

    def is_given(self, column: str) -> bool:
        """Whether a column is the label, the instant or a key: none of them is a feature."""
        return column.casefold() in {self.label, self.as_of, *self.keys}


def spine_of(subject: Subject) -> Spine | None:
    """The labels that a training set reads; a labels model itself, if that is the subject."""
    names = [subject.model.name] if subject.kind == "labels" else []
    names += [info.key.partition(":")[2] for _, info in subject.reads if subject.kind_of(info.key) == "labels"]
    if not names:
        return None
    model = subject.graph.models[names[0]]
    config, entities = model.config, subject.graph.project.entities
    keys = {key.casefold() for name in config.entity if name in entities for key in entities[name].keys}
    label, as_of = config.label, config.as_of
    resolved = subject.others[names[0]]
    folded = (label.casefold() if label else None, as_of.casefold() if as_of else None)
    return Spine(model, resolved, *folded, frozenset(keys))


def taken(subject: Subject, spine: Spine) -> dict[str, str]:
    """The columns of the spine that a training set's outputs come from, each with one such output."""
    found: dict[str, str] = {}
    for edge in subject.lineage.edges.get(subject.model.name, ()):
        if edge.relation == spine.key and edge.kind == "value" and edge.column != "*":
            found.setdefault(edge.column.casefold(), edge.output)
    return found


def roots(spine: Spine, column: str, subject: Subject) -> frozenset[Root]:
    """The columns of sources that an output of the labels is computed from."""
    values = values_of(spine.resolved.tree, column)
    return frozenset(root for value in values for root in below(value, spine.resolved, subject))


def values_of(query: exp.Expr | None, column: str) -> list[exp.Expr]:
    """The expressions behind an output, one for each branch of a set operation."""
    if isinstance(query, exp.Subquery):
        return values_of(query.this, column)
    if isinstance(query, exp.SetOperation):
        names = [name.casefold() for name in query.named_selects]
        place = names.index(column.casefold()) if column.casefold() in names else len(names)
        other = query.expression.named_selects
        right = values_of(query.expression, other[place]) if place < len(other) else []
        return [*values_of(query.this, column), *right]
    value = output(query, column) if isinstance(query, exp.Select) else None
    return [value] if value is not None else []


def below(value: exp.Expr, model: Resolved, subject: Subject) -> Iterator[Root]:
    """The columns of sources behind an expression."""
    for column in value.find_all(exp.Column):
        select = column.parent_select
        found = leaf(column, select) if isinstance(select, exp.Select) else None
        if found is None:
            yield (f"{id(select)}", column.table.casefold(), column.name.casefold())
            continue
        key, reading = model.scans[found.scan].key, str(found.scan)
        sort, _, name = key.partition(":")
        above = subject.lineage.sources_of(name, found.column) if sort == "model" else frozenset({(key, found.column)})
        leaves = {each for each in above if not each[0].startswith("model:")} or {(key, found.column)}
        yield from ((reading, relation, name.casefold()) for relation, name in leaves)


def reads_label(value: exp.Expr, model: Resolved, spine: Spine) -> bool:
    """Whether an expression reads the label: what is wrong with that has a rule of its own."""
    for column in value.find_all(exp.Column):
        select = column.parent_select
        found = leaf(column, select) if isinstance(select, exp.Select) else None
        if found is not None and model.scans[found.scan].key == spine.key and found.column == spine.label:
            return True
    return False


class Reading(Struct, frozen=True):
    """How one column of a relation acts on a column of the labels, and when its rows lie."""

    relation: str
    column: str
    hows: tuple[str, ...]
    span: Span


def flow_or_none(model: Resolved, subject: Subject) -> Flow | None:
    """The flow of a labels model; None where its tree does not show what it reads."""
    try:
        return flow_of(model, timing(model, subject.graph))
    except MisledError:
        return None


def both(output: Output) -> Acts:
    """All that acts on a column, its values and its influences together."""
    found: Acts = {}
    join(found, [*output.values.items(), *output.influences.items()])
    return found


def readings(model: Resolved, column: str | None, subject: Subject) -> list[Reading]:
    """What acts on one column alone, reading by reading, or (for None) on which rows there are. Lineage holds both
    together, and several readings of a relation as one."""
    flow = subject.once("flow", model.name, lambda: flow_or_none(model, subject))
    if flow is None:
        return []
    acts = flow.influences if column is None else both(flow.output(column))
    counted = column is not None and any(value.find(exp.Column) for value in values_of(model.tree, column))
    if not acts and counted:
        acts = flow.influences  # a count of rows further down: of which, only the rows as a whole can tell
    return [Reading(model.scans[scan].key, name, act.hows, act.span) for (scan, name), act in acts.items()]
