"""What a query gives, column by column: what flows into it, what only influences it, and when that lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from msgspec import Struct

from featsql.resolve.lineage.lineage import Influence, Transformation
from featsql.resolve.lineage.reach import Span

# A column of one reading of a relation; a relation that is read twice has two readings.
Origin = tuple[int, str]
RANK: Mapping[str, int] = {"identity": 0, "expression": 1, "aggregation": 2, "window": 3}


class MisledError(Exception):
    """Why a tree does not show what flows where."""


class Act(Struct, frozen=True):
    """What becomes of an origin, or all that it acts through; and when the rows lie that can act."""

    hows: tuple[str, ...]
    span: Span


Acts = dict[Origin, Act]


class Output(Struct):
    """One column. `complete` says that what influences all rows does not influence it otherwise than its
    own influences say."""

    values: Acts = {}
    influences: Acts = {}
    complete: bool = False

    def take(self, other: Output, step: Transformation) -> None:
        """Add what an operand comes from, and what the step makes of it."""
        if other.influences:
            join(self.influences, other.influences.items())
        if other.values:
            join(self.values, other.values.items(), step)

    def decide(self, acts: Acts, how: Influence) -> None:
        """Add all that it comes from as influences."""
        influence(acts, self.values, how)
        influence(acts, self.influences, how)


class Flow(Struct):
    """The columns of a query by folded name, what influences all of its rows, and for each column that
    is the clock of a reading, of which: a row comes of no rows of that reading but those whose clock it shows."""

    outputs: dict[str, Output] = {}
    influences: Acts = {}
    clocks: dict[str, frozenset[int]] = {}

    def output(self, name: str) -> Output:
        """One column by its name; an empty one where there is none."""
        return self.outputs.get(name.casefold(), Output())

    def named(self, names: Sequence[str]) -> Flow:
        """The same under other column names, as far as they go."""
        if not names:
            return self
        old = list(self.outputs)
        new = dict(zip(old, [*(name.casefold() for name in names), *old[len(names) :]], strict=False))
        outputs = {new[name]: each for name, each in self.outputs.items()}
        return Flow(outputs, self.influences, {new[name]: each for name, each in self.clocks.items()})

    def narrowed(self, spans: Mapping[int, Span]) -> Flow:
        """The same, where of some readings only rows within a span can act."""
        if not spans:
            return self
        outputs = {
            name: Output(narrow(o.values, spans), narrow(o.influences, spans), o.complete)
            for name, o in self.outputs.items()
        }
        return Flow(outputs, narrow(self.influences, spans), self.clocks)

    def under(self, numbers: Mapping[int, int]) -> Flow:
        """The same, its readings under other numbers."""
        outputs = {
            n: Output(moved(o.values, numbers), moved(o.influences, numbers), o.complete)
            for n, o in self.outputs.items()
        }
        clocks = {
            name: frozenset(numbers[each] for each in found if each in numbers) for name, found in self.clocks.items()
        }
        return Flow(outputs, moved(self.influences, numbers), clocks)

    @property
    def readings(self) -> set[int]:
        """The readings that it comes of."""
        acts = [self.influences, *(acts for o in self.outputs.values() for acts in (o.values, o.influences))]
        return {number for each in acts for number, _ in each}


def moved(acts: Acts, numbers: Mapping[int, int]) -> Acts:
    """Acts, their readings under other numbers."""
    found: Acts = {}
    join(found, (((numbers[number], column), act) for (number, column), act in acts.items()))
    return found


def join(acts: Acts, others: Iterable[tuple[Origin, Act]], step: Transformation | None = None) -> None:
    """Add acts, perhaps with a step more: the farthest transformation, or all that they act through, and the hull of
    the spans."""
    for origin, act in others:
        known = acts.get(origin)
        if known is None:
            acts[origin] = act if step is None else Act(together(act.hows, (step,)), act.span)
        elif step is not None or (known is not act and known != act):
            hows = together(known.hows, act.hows if step is None else (*act.hows, step))
            acts[origin] = Act(hows, known.span.hull(act.span))


@cache
def together(some: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """What an origin acts through in two ways: of transformations the farthest."""
    hows = tuple(dict.fromkeys((*some, *more)))
    return (max(hows, key=RANK.__getitem__),) if RANK.keys() >= set(hows) else hows


def influence(acts: Acts, others: Acts, how: Influence) -> None:
    """Add acts as influences; one that is an influence already also remains what it was."""
    join(acts, ((origin, Act(decisive(act.hows, how), act.span)) for origin, act in others.items()))


@cache
def decisive(hows: tuple[str, ...], how: Influence) -> tuple[str, ...]:
    """How an origin influences that acted in some ways, and now decides."""
    return together(tuple(each for each in hows if each not in RANK), (how,))


def narrow(acts: Acts, spans: Mapping[int, Span]) -> Acts:
    """Acts, where of some readings only rows within a span can act."""
    cut: dict[tuple[int, int], Span] = {}  # few spans are those of many acts
    found: Acts = {}
    for origin, act in acts.items():
        span = spans.get(origin[0])
        if span is not None:
            key = (origin[0], id(act.span))
            if key not in cut:
                cut[key] = act.span.intersect(span)
            act = Act(act.hows, cut[key])
        found[origin] = act
    return found


def paired(left: Flow, right: Flow, by_name: bool) -> dict[str, list[tuple[tuple[Flow, str], Output]]]:
    """For each output of a set operation the columns of its branches, by place or by name. Raises
    MisledError where they cannot be told."""
    if by_name:
        names = dict.fromkeys([*left.outputs, *right.outputs])
        sides = (left, right)
        return {name: [((s, name), s.outputs[name]) for s in sides if name in s.outputs] for name in names}
    if len(left.outputs) != len(right.outputs):
        raise MisledError("the branches of a set operation have columns of one name")
    pairs = zip(left.outputs.items(), right.outputs.items(), strict=True)
    return {name: [((left, name), one), ((right, other), two)] for (name, one), (other, two) in pairs}
