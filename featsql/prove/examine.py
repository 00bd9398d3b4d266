"""The laws put to rows of one training set, instant by instant, until all are seen or time is up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from msgspec.structs import replace
from sqlglot import exp

from featsql.build.failure import failure
from featsql.compiler import Compiled
from featsql.engine import Engine, EngineError
from featsql.engines.duckdb.columnar.chosen import arranged
from featsql.engines.duckdb.narrow import fitted
from featsql.errors import FeatsqlError
from featsql.plan.plan import Plan
from featsql.prove.answers import NUMBER, Answers, RepeatedRowError, differences, same
from featsql.prove.asked import Asked
from featsql.prove.culprit import Search
from featsql.prove.expected import asked_of, windowed
from featsql.prove.findings import DOUBT, ENDLESS, Findings, Limit
from featsql.prove.perturbation import past, perturbed
from featsql.prove.reference import Reference
from featsql.prove.sample import Sample
from featsql.prove.scratch import Scratch, sampled
from featsql.prove.strata import FIRST, Pick, chunks, is_told
from featsql.prove.ties import Ties
from featsql.prove.verdict import Counterexample, Law, Tie
from featsql.prove.worlds.together import Together
from featsql.temporal import column, reached

# So many rows are asked for in one query, of as many worlds; so many counter-examples are traced to their row.
TOGETHER, TRACED = 96, 8
# From so many instants on it pays to look at their worlds at once.
FEW = 3


class Examination:
    """One training set under examination."""

    def __init__(self, plan: Plan, compiled: Compiled, scratch: Scratch, spine: exp.Table, seed: int) -> None:
        self.plan = plan
        self.compiled = compiled
        self.scratch = scratch
        self.spine = spine
        self.seed = seed
        self.reference = Reference(compiled.checked, scratch.engine, plan.boundary, plan.spine.as_of_type)
        self.ties = Ties(plan, self.reference, scratch)
        apart = windowed(plan)
        outputs = [value.alias_or_name for value in plan.select.expressions]
        self.columns = [name for name in outputs if name not in apart]
        self.features = asked_of(plan)
        entities = compiled.project.entities.values()
        self.keys = {key.casefold() for entity in entities for key in entity.keys}
        self.findings = Findings()
        self.doubts: dict[str, int] = {}

    @property
    def engine(self) -> Engine:
        return self.scratch.engine

    @cached_property
    def built(self) -> Plan:
        """The plan by the methods that a build chooses for all of the rows."""
        return fitted(arranged(self.plan, self.engine), self.engine.rows)

    @cached_property
    def together(self) -> Together:
        """The rows, where they look at the worlds of many instants at once."""
        return Together(self.built, self.columns, self.scratch, self.keys, self.seed)

    def examine(self, picks: Sequence[Pick], limit: Limit, remember: Callable[[], None]) -> Findings:
        """Put the laws to rows until the limit is reached; `remember` is called when more is known.

        Raises FeatsqlError where the training set's own query fails.
        """
        if not picks:
            self.findings.finished = True
            return self.findings
        try:
            self.asked = Asked(
                self.plan, self.reference, self.rows([pick.number for pick in picks]), self.engine.cursor()
            )
            for together in chunks(picks, FIRST if self.together.asks is None else TOGETHER):
                if limit.reached:
                    return self.findings
                self.try_laws(together, limit)
                remember()
        except EngineError as error:
            if limit.reached:
                return self.findings
            raise FeatsqlError(failure(self.plan.name, error, self.compiled, self.engine)) from error
        self.findings.finished = True
        return self.findings

    def try_laws(self, together: Sequence[Sequence[Pick]], limit: Limit) -> None:
        """All laws for the rows of a few instants."""
        numbers = [pick.number for at_once in together for pick in at_once]
        asked = sampled(self.built, self.rows(numbers).subquery("asked"), self.columns)
        got = self.once_each(Sample(asked, self.engine), numbers)
        redirected = Sample(asked, self.engine, self.scratch.redirected)
        if got is None:
            return
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(self.expectations, together, limit)
            alone = self.alone(together, got)
            late = self.look_alone(redirected, got, alone, limit)
            if not late:
                self.tell_doubts(got)
        expectations = asking.result()
        for at_once in together:
            if at_once[0].instant in expectations and at_once[0].instant not in late:
                self.all_of_the_past(got, at_once, expectations[at_once[0].instant])
                self.findings.seen += [pick.number for pick in at_once]

    def expectations(
        self, together: Sequence[Sequence[Pick]], limit: Limit
    ) -> Mapping[str | None, Answers | RepeatedRowError]:
        """What the reference says at each instant, or which row it has several of; without those for which it was too
        late. Meanwhile the rows are asked in other worlds."""
        found: dict[str | None, Answers | RepeatedRowError] = {}
        for at_once in together:
            if limit.reached:
                break
            try:
                found[at_once[0].instant] = self.asked.answers(at_once[0].instant, [pick.number for pick in at_once])
            except RepeatedRowError as error:
                found[at_once[0].instant] = error
        return found

    def look_alone(self, sample: Sample, got: Answers, instants: Sequence[str], limit: Limit) -> Sequence[str]:
        """Look at the worlds of instants, one after the other. Gives those for which it was too late."""
        for place, instant in enumerate(instants):
            try:
                if not limit.reached:
                    self.nothing_from_the_future(sample, got, instant)
            except EngineError:
                if not limit.reached:
                    raise
            if limit.reached:
                return instants[place:]
        return []

    def alone(self, together: Sequence[Sequence[Pick]], got: Answers) -> list[str]:
        """The instants whose world is to be looked at alone. Where each row is the same in a world of its own, all of
        which are asked at once, two are, by the very query of a build: one in the middle, and
        the last, by which every row is asked."""
        instants = [instant for at_once in together if is_told(instant := at_once[0].instant)]
        if len(instants) < FEW or self.together.asks is None:
            return instants
        numbers = [pick.number for at_once in together for pick in at_once if is_told(pick.instant)]
        if self.same_in_worlds(numbers, got):
            return [sorted(instants)[len(instants) // 2], max(instants)]
        return instants

    def same_in_worlds(self, numbers: Sequence[int], got: Answers) -> bool:
        """Whether rows are what they were where each looks at what was known at its own instant, and at what is made up
        beside. A cell that is not is in doubt until it is looked at alone."""
        differing = self.together.differing(self.rows(numbers), {number: got[number] for number in numbers})
        for number, name in differing or ():
            self.doubts.setdefault(name, number)
        return differing == []

    def tell_doubts(self, got: Answers) -> None:
        """Note what differs where many worlds are looked at at once, and in none that is looked at alone, unless it is
        a tie."""
        for name, number in self.doubts.items():
            if name in self.findings.counterexamples or name in self.findings.ties:
                continue
            if not self.is_tie("nothing from the future", number, name, got[number][name]):
                self.findings.notes[f"{name}: {DOUBT}"] = None
        self.doubts.clear()

    def rows(self, numbers: Sequence[int]) -> exp.Select:
        """Rows of the spine by their numbers."""
        listed = [exp.Literal.number(number) for number in numbers]
        return exp.select("*").from_(self.spine.copy()).where(exp.In(this=column(NUMBER), expressions=listed))

    def once_each(self, sample: Sample, numbers: Sequence[int]) -> Answers | None:
        """Law 3: what a build gives, if it gives each row once."""
        try:
            got = sample.answers()
        except RepeatedRowError as error:
            self.found("the spine is sacred", error.number, self.columns[0], "there several times", "once", None)
            return None
        lost = sorted(set(numbers) - got.keys())
        if lost:
            self.found("the spine is sacred", lost[0], self.columns[0], "not there", "once", None)
            return None
        return got

    def all_of_the_past(self, got: Answers, at_once: Sequence[Pick], should: Answers | RepeatedRowError) -> None:
        """Law 2: the rows of one instant are what the reference says."""
        if isinstance(should, RepeatedRowError):
            note = "by the reference a relation or a model has several rows for it"
            self.found("all of the past", should.number, self.columns[0], "one row", "several rows", note)
            return
        self.compare("all of the past", {pick.number: got[pick.number] for pick in at_once}, should)

    def nothing_from_the_future(self, sample: Sample, got: Answers, instant: str | None) -> None:
        """Law 1: what a relation did not show by an instant is left out, then made up; no row asked until then
        changes."""
        if not is_told(instant):
            return
        at = self.reference.instant(instant)
        early = self.asked_until(at, list(got))
        mine = {number: got[number] for number in early}
        for made_up in (False, True):
            self.go_on(at, made_up=made_up)
            try:
                after = sample.answers(early)
            except EngineError as error:
                if not made_up or "INTERRUPT" in error.message:
                    raise
                self.findings.notes[f"made-up rows stop the query: {error.message.splitlines()[0]}"] = None
                continue
            self.compare("nothing from the future", mine, after, at if made_up else None)

    def go_on(self, at: exp.Expr, *, made_up: bool) -> None:
        """Let every relation be as it was known at an instant, with what came later left out or made up."""
        boundary = self.plan.boundary
        for copy in self.scratch.copies.values():
            world = perturbed(copy, at, boundary, self.keys, self.seed) if made_up else past(copy, at, boundary)
            self.scratch.stand(copy, world)

    def asked_until(self, at: exp.Expr, numbers: Sequence[int]) -> list[int]:
        """Which rows are asked at an instant or before."""
        rows = self.rows(numbers).subquery("asked")
        until = reached(column(self.plan.spine.as_of), at, "inclusive")
        query = exp.select(column(NUMBER)).from_(rows).where(until)
        return sorted(int(number) for (number,) in self.engine.rows(query.sql("duckdb")))

    def compare(self, law: Law, got: Answers, should: Answers, made_up: exp.Expr | None = None) -> None:
        """Keep the first counter-example of each column; one that needs `made_up` rows, told from that instant
        on, gives way to one that does not."""
        for number, name in differences(got, should, self.columns):
            known = self.findings.counterexamples.get(name)
            if known is not None and (made_up is not None or not known.made_up):
                continue
            if number in got and number in should and self.is_tie(law, number, name, got[number][name]):
                continue
            mine, theirs = (side[number][name] if number in side else "no row" for side in (got, should))
            if made_up is None:
                self.found(law, number, name, mine, theirs, None)
            else:
                culprit = self.search(number, name).relation_made_up(made_up, self.keys, self.seed)
                self.keep(Counterexample(law, number, *self.who(number), name, mine, theirs, culprit, made_up=True))

    def is_tie(self, law: Law, number: int, name: str, got: Any) -> bool:
        """Whether a cell is one of several values that nothing settles; the first of each column is kept. It must
        be one that the reference gives; where it has changed with what comes later, it must do so without, too."""
        row, instant = self.who(number)
        rows = self.rows([number])
        values = self.ties.alternatives(number, name, got, instant, rows)
        if values and not any(same(got, value) for value in values):
            if law != "all of the past":
                values = values if self.ties.reads_no_more(self.search(number, name), got, values) else ()
            elif self.ties.excludes(number, name, got, instant, rows):
                values = ()
            elif name in self.ties.endless:
                self.findings.notes[f"{name}: {ENDLESS}"] = None
        if values:
            self.findings.ties.setdefault(name, Tie(number, row, instant, name, got, values))
        return bool(values)

    def found(self, law: Law, number: int, name: str, got: Any, should: Any, note: str | None) -> None:
        """A counter-example, traced to the source row that got in where that is possible."""
        row, instant = self.who(number)
        traceable = law != "the spine is sacred" and is_told(instant)
        found = Counterexample(law, number, row, instant, name, got, should, None, note)
        self.keep(found)
        if traceable and self.may_trace():
            self.keep(replace(found, culprit=self.search(number, name).culprit()))

    def keep(self, counterexample: Counterexample) -> None:
        """Keep a counter-example."""
        self.findings.counterexamples[counterexample.column] = counterexample

    def search(self, number: int, name: str) -> Search:
        """A search for what made a cell what it is."""
        _, instant = self.who(number)
        return Search(self.built, self.scratch, self.spine, number, name, self.reference.instant(instant))

    def may_trace(self) -> bool:
        """Whether there is patience for another trace."""
        traced = [each for each in self.findings.counterexamples.values() if each.culprit and each.culprit.row]
        return len(traced) < TRACED

    def who(self, number: int) -> tuple[Mapping[str, Any], str | None]:
        """The keys of a row of the spine, and its instant."""
        spine = self.plan.spine
        names = [n for n in spine.columns if n.casefold() in self.keys and n.casefold() != spine.as_of.casefold()]
        names = names or [n for n in spine.columns if n.casefold() != spine.as_of.casefold()]
        cells = [exp.cast(column(name), "varchar") for name in (*names, spine.as_of)]
        query = exp.select(*cells).from_(self.spine.copy()).where(exp.column(NUMBER).eq(number))
        (found,) = self.engine.rows(query.sql("duckdb"))
        return dict(zip(names, found, strict=False)), found[-1]
