"""The readings of relations in one bound tree, and when the rows of each lie that its conditions let act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from featsql.resolve.aggregates import is_aggregate
from featsql.resolve.lineage.flow import Act, Flow, Output
from featsql.resolve.lineage.lineage import ROWS
from featsql.resolve.lineage.lookback import Final, final_aggregate, groups_by, is_unknown
from featsql.resolve.lineage.moments import is_as_of, restrictions
from featsql.resolve.lineage.operands import meet_by_instant, picked
from featsql.resolve.lineage.reach import Span, hull
from featsql.resolve.lineage.timing import Timing
from featsql.resolve.qualify import Resolved
from featsql.resolve.scope import conjuncts, output, select_around

Scope = Mapping[str, Flow]


class Readings:
    """One bound tree; `readings` gives the scan of every reading."""

    def __init__(self, model: Resolved, known: Timing) -> None:
        self.model = model
        self.known = known
        self.readings: dict[int, int] = {}
        self.final = self.final_of() if model.tree is not None else None
        # All columns of scans that the tree names, and whether there is a node of which not all is known.
        self.seen: set[tuple[int, str]] = set()
        self.plain = True

    def final_of(self) -> Final | None:
        """The aggregate in which a features model ends, if it has one row for each value of its keys: that a
        row is missing then says no more than that its aggregates are those over no rows."""
        keys = self.known.keys
        final = final_aggregate(self.model.tree, self.model.aggregates) if keys is not None else None
        return final if final is not None and groups_by(final, set(keys or ()), self.model.aggregates) else None

    def is_now(self, node: exp.Expr) -> bool:
        """Whether a node is the model's instant: `as_of()`, or the column that a label model gives as such."""
        if is_as_of(node):
            return True
        root = self.model.tree
        if self.known.now is None or not isinstance(node, exp.Column) or not isinstance(root, exp.Select):
            return False
        if not meet_by_instant(root):
            return False
        instant = output(root, self.known.now)
        if not isinstance(instant, exp.Column) or node.name.casefold() != instant.name.casefold():
            return False
        return node.table.casefold() == instant.table.casefold() and select_around(node, node.table.casefold()) is root

    def scan(self, number: int) -> Flow:
        """A new reading of a relation."""
        reading = len(self.readings)
        self.readings[reading] = number
        info, span = self.model.scans[number], self.known.spans[number]
        outputs = {name.casefold(): Output({(reading, name): Act(("identity",), span)}) for name in info.names}
        clock = self.known.clocks.get(number)
        clocks = {clock: frozenset({reading})} if clock is not None else {}
        return Flow(outputs, {(reading, ROWS): Act(("rows",), span)}, clocks)

    def again(self, flow: Flow) -> Flow:
        """A CTE read once more: its readings are others than those of the last time."""
        numbers: dict[int, int] = {}
        for old in sorted(flow.readings):
            numbers[old] = len(self.readings)
            self.readings[numbers[old]] = self.readings[old]
        return flow.under(numbers)

    def spans(self, scope: Scope, terms: Sequence[exp.Expr]) -> dict[int, Span]:
        """For each reading whose clock some terms are about: when a row of it lies for which all are true."""
        found: dict[int, Span] = {}
        for (alias, column), span in restrictions(terms, self.is_now).items():
            for number in scope.get(alias, Flow()).clocks.get(column, ()):
                lower = self.readings[number] in self.known.lower
                limit = Span(span.lower, float("inf"), span.opened) if lower else span
                found[number] = limit.intersect(found[number]) if number in found else limit
        return found

    def filtered(self, value: exp.Expr, scope: Scope) -> dict[int, Span] | None:
        """When rows lie that can change an expression of aggregates, each of which picks its rows; None where
        something else makes a group of rows differ from no rows."""
        found: list[dict[int, Span]] = []
        for node in value.walk(prune=lambda n: isinstance(n, exp.Filter) or picked(n) is not None):
            condition = self.condition(node)
            if condition is not None:
                found.append(self.spans(scope, conjuncts(condition)))
            elif is_aggregate(node, self.model.aggregates) or is_unknown(node):
                return None
        if not found:
            return None
        common = set(found[0]).intersection(*found[1:])
        return {number: hull(each[number] for each in found) for number in common}

    def condition(self, value: exp.Expr) -> exp.Expr | None:
        """What an aggregate demands of a row before it counts."""
        if isinstance(value, exp.Filter) and is_aggregate(value, self.model.aggregates):
            condition: exp.Expr = value.expression.this
            return condition
        return picked(value)

    def columns(self) -> dict[str, set[str]]:
        """The folded columns of each relation, by its key, that the tree names."""
        found: dict[str, set[str]] = {}
        for reading, name in self.seen:
            found.setdefault(self.model.scans[self.readings[reading]].key, set()).add(name.casefold())
        return found
