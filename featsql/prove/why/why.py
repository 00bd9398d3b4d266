"""`why`: the source rows behind one cell of a training set, found by asking again without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlglot import exp

from featsql.compiler import Compiled
from featsql.engine import Engine
from featsql.engines.duckdb.lower.lower import lower
from featsql.errors import Diagnostic, FeatsqlError
from featsql.names import did_you_mean
from featsql.plan.plan import Plan
from featsql.prove.answers import NUMBER, Question, answers
from featsql.prove.expected import windowed
from featsql.prove.proof.proof import trusted, warnings
from featsql.prove.scratch import ID, Copy, Scratch, numbered, sampled, table
from featsql.prove.why.evidence import GONE, VISIBLE, counts, facts, numbers_of, parted
from featsql.prove.why.explanation import Evidence, Explanation, Fact
from featsql.prove.why.given import misfit, refuse_instant
from featsql.prove.why.influence import Trials
from featsql.prove.why.uses import Use, narrowed, steps_of, uses_of
from featsql.resolve.nanoseconds import literal
from featsql.temporal import column

ASKED = "asked"
TELLING = ("made", "together")
# So many rows are left out by turns; so often is the value computed again, and for so long, in seconds.
TRIED, TRIALS, PATIENCE = 500, 400, 10.0


class Cell(Struct, frozen=True):
    """Which cell: a column, and which row of the spine: its number (from 1, in the order of the instant
    and then of the other columns), or values of its columns as text."""

    column: str
    row: int | None = None
    values: Mapping[str, str] | None = None


def why(plan: Plan, compiled: Compiled, engine: Engine, cell: Cell, limit: int = 10) -> Explanation:
    """Explain one cell of a training set (or of a features model, planned for one row).

    At most `limit` rows of each part are shown, all are counted. `engine` is a session in which the
    plan's relations can be read. Raises FeatsqlError FS752 for a column that there is not, FS753
    where not just one row is meant.
    """
    return Inquiry(plan, compiled, engine, cell, limit).answer()


class Inquiry:
    """One cell under inquiry; only what its expression reads is evaluated."""

    def __init__(self, plan: Plan, compiled: Compiled, engine: Engine, cell: Cell, limit: int) -> None:
        self.expression = column_of(plan, cell.column)
        self.name = self.expression.alias_or_name
        self.plan = narrowed(plan, self.expression)
        self.compiled = compiled
        self.engine = engine
        self.limit = limit
        Scratch((), compiled, engine).create(table(ASKED), self.meant(cell))
        self.one = exp.select("*").from_(table(ASKED)).limit(1)
        self.row = self.only_row()
        self.instant = self.row.pop(plan.spine.as_of)
        self.at = literal(self.instant, plan.spine.as_of_type)

    def meant(self, cell: Cell) -> exp.Select:
        """The rows of the spine that the cell may mean, with their places; two are enough to see that several are."""
        rows = exp.select("*").from_(numbered(self.plan).subquery("placed"))
        types = {each.name: each.type for each in self.engine.columns(rows.sql("duckdb"))} if cell.values else {}
        if cell.row is not None:
            rows = rows.where(exp.column(NUMBER).eq(cell.row))
        for name, value in (cell.values or {}).items():
            mine = column(self.spine_column(name))
            self.refuse(mine.name, value, types[mine.name])
            wanted = exp.Anonymous(this="cast_to_type", expressions=[exp.Literal.string(value), mine.copy()])
            rows = rows.where(exp.EQ(this=mine, expression=wanted))
        return rows.order_by(exp.column(NUMBER)).limit(2)

    def refuse(self, name: str, value: str, kind: str) -> None:
        """Raises FeatsqlError FS725 or FS753 for a value that is none of its column's type."""
        if name == self.plan.spine.as_of:
            refuse_instant(value, kind, self.engine)
        elif misfit([value], kind, self.engine) is not None:
            raise FeatsqlError(Diagnostic("FS753", f"`{name}` is {kind}: `{value}` is none"))

    def spine_column(self, name: str) -> str:
        """A column of the spine by its name. Raises FeatsqlError FS753."""
        columns = self.plan.spine.columns
        found = next((each for each in columns if each.casefold() == name.casefold()), None)
        if found is None:
            hint = did_you_mean(name, columns, f"its columns are {', '.join(columns)}")
            raise FeatsqlError(Diagnostic("FS753", f"the rows have no column `{name}`", hint=hint))
        return found

    def only_row(self) -> dict[str, Any]:
        """The row's own columns as text. Raises FeatsqlError FS753 unless just one is meant; copies of one row are."""
        columns = self.plan.spine.columns
        cells = [exp.cast(column(name), "varchar") for name in columns]
        rows = self.engine.rows(exp.select(*cells).from_(table(ASKED)).sql("duckdb"))
        if not rows:
            hint = "rows are numbered from 1, in the order of their instants; keys and the instant are to be exact"
            raise FeatsqlError(Diagnostic("FS753", f"`{self.plan.name}` has no such row", hint=hint))
        if len(rows) > 1 and rows[0] != rows[1]:
            message = f"several rows of `{self.plan.name}` are meant"
            hint = f"say more with --key and --as-of: rows have {', '.join(columns)}"
            raise FeatsqlError(Diagnostic("FS753", message, hint=hint))
        return dict(zip(columns, rows[0], strict=True))

    def answer(self) -> Explanation:
        """Everything together."""
        query = lower(sampled(self.plan, self.one.subquery("one"), [self.name]))
        (values,) = answers(query, self.engine).values()
        uses = uses_of(self.plan, self.expression, self.one, self.compiled.checked)
        only = {key: list(conditions(each).values()) for key, each in uses.items()}
        scratch = Scratch(list(uses), self.compiled, self.engine, only)
        again = Question(scratch.redirected(query), self.engine)
        found = [self.evidence(copy, uses[key], scratch, again) for key, copy in scratch.copies.items()]
        return Explanation(
            model=self.plan.name,
            column=self.name,
            row=self.row,
            instant=self.instant,
            value=values[self.name],
            steps=tuple(steps_of(self.plan, self.expression, self.compiled)),
            evidence=tuple(found),
            notes=tuple(self.notes(uses)),
        )

    def evidence(self, copy: Copy, uses: Sequence[Use], scratch: Scratch, again: Question) -> Evidence:
        """What one relation had to say: its rows by part, those that were visible tried by leaving them out."""
        since = self.since(uses)
        rows = parted(copy, self.at, self.plan.boundary, since)
        tally = counts(rows, self.engine)
        trials = self.trials(copy, scratch, again)
        parts = trials.run(numbers_of(rows, VISIBLE, self.engine, TRIED))
        untried = tally.pop(VISIBLE, 0) - len(parts)
        # what is gone can matter, too: without its deletion a key would have an older version
        gone = trials.run(numbers_of(rows, GONE, self.engine, TRIED))
        parts |= {number: part if part in TELLING else GONE for number, part in gone.items()}
        scratch.stand(copy, scratch.everything(copy))
        by_part: dict[str, list[int]] = {}
        for number, part in parts.items():
            by_part.setdefault(part, []).append(number)
        tally |= {part: len(numbers) for part, numbers in by_part.items() if part != GONE}
        tally[GONE] = tally.get(GONE, 0) - sum(part in TELLING for part in gone.values())
        tally["untried"] = tally.get("untried", 0) + untried
        tally = {part: count for part, count in tally.items() if count}
        found: list[Fact] = []
        for part in tally:
            found += facts(rows, copy, self.engine, part, by_part.get(part), self.limit)
        return Evidence(
            relation=copy.info.key,
            kind=copy.info.clock.kind if copy.info.clock else "",
            keys=self.shown_keys(uses),
            since=self.text(since) if since is not None else None,
            facts=tuple(found),
            counts=tally,
            tried=trials.count,
            upstream=tuple(sorted(self.compiled.graph.upstream([copy.info.key]) - {copy.info.key})),
        )

    def trials(self, copy: Copy, scratch: Scratch, again: Question) -> Trials:
        """The cell without some rows of a relation, while the others are whole."""

        def without(numbers: Sequence[int]) -> Any:
            rows = scratch.everything(copy)
            if numbers:
                listed = [exp.Literal.number(number) for number in numbers]
                rows = rows.where(exp.not_(exp.In(this=column(ID), expressions=listed)))
            scratch.stand(copy, rows)
            (values,) = again.answers().values()
            return values[self.name]

        return Trials(without, TRIALS, PATIENCE)

    def since(self, uses: Sequence[Use]) -> exp.Expr | None:
        """The start of the window, where all readings of a relation have the same."""
        lookbacks = {use.lookback.sql("duckdb") if use.lookback else None: use.lookback for use in uses}
        (lookback, *others) = lookbacks.values()
        if others or lookback is None or self.instant is None:
            return None
        return exp.Sub(this=self.at.copy(), expression=lookback.copy())

    def shown_keys(self, uses: Sequence[Use]) -> dict[str, str]:
        """The keys by which rows were found, with their values."""
        return {name: self.text(condition.expression) for name, condition in conditions(uses).items()}

    def text(self, value: exp.Expr) -> str:
        """A value as text."""
        ((found,),) = self.engine.rows(exp.select(exp.cast(value.copy(), "varchar")).sql("duckdb"))
        return str(found)

    def notes(self, uses: Mapping[str, Sequence[Use]]) -> list[str]:
        """What the answer leaves open."""
        found = [each for attach in self.plan.attachments for each in warnings(attach.features, self.compiled)]
        read = [f"model:{attach.features.name}" for attach in self.plan.attachments]
        read += [each.scan.relation.key for each in self.plan.readings]
        found += [each for each in trusted([*read, *uses], self.compiled) if " is static: " in each]
        if self.name in windowed(self.plan):
            found.append("it looks at other rows of the training set: the value is that of this row alone")
        if not uses and not self.plan.attachments:
            found.append("it comes from the labels alone, which may look past the instant")
        return list(dict.fromkeys(found))


def column_of(plan: Plan, name: str) -> exp.Expr:
    """The expression of a column. Raises FeatsqlError FS752."""
    by_name: dict[str, exp.Expr] = {value.alias_or_name.casefold(): value for value in plan.select.expressions}
    if name.casefold() not in by_name:
        hint = did_you_mean(name, [value.alias_or_name for value in plan.select.expressions])
        raise FeatsqlError(Diagnostic("FS752", f"`{plan.name}` has no column `{name}`", hint=hint))
    return by_name[name.casefold()]


def conditions(uses: Sequence[Use]) -> Mapping[str, exp.Expr]:
    """The conditions that all readings of a relation share; none, where they differ."""
    same = len({use.signature for use in uses}) == 1
    return uses[0].keys if same else {}
