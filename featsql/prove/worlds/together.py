"""Rows that look each at the world of its own instant, many at once: which are not what they were."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

from sqlglot import exp

from featsql.engine import EngineError
from featsql.plan.plan import Plan
from featsql.prove.answers import Answers, RepeatedRowError, differences
from featsql.prove.sample import Sample
from featsql.prove.scratch import Scratch, sampled
from featsql.prove.worlds.keyed import each_its_own
from featsql.prove.worlds.made import ManyWorlds, tables


class Together:
    """The columns of a plan, asked in as many worlds as there are instants; `keep` are the columns whose values nothing
    makes up."""

    def __init__(self, plan: Plan, columns: Sequence[str], scratch: Scratch, keep: Collection[str], seed: int) -> None:
        self.plan = plan
        self.columns = columns
        self.scratch = scratch
        self.keep = keep
        self.seed = seed
        self.asks = each_its_own(plan, columns, tables(scratch))

    @cached_property
    def worlds(self) -> ManyWorlds:
        """The worlds of the plan's relations."""
        return ManyWorlds(self.plan, self.scratch, self.keep, self.seed)

    def differing(self, rows: exp.Select, mine: Answers) -> list[tuple[int, str]] | None:
        """The cells of numbered rows of the spine that are not what they were, `mine`, where what was known at their
        own instant is all there is, or else where something is made up beside. None where that cannot be asked."""
        if self.asks is None:
            return None
        asked = sampled(self.asks, rows.subquery("asked"), self.columns)
        for made_up in (False, True):
            try:
                self.worlds.make(rows, made_up=made_up)
                found = differences(mine, Sample(asked, self.scratch.engine).answers(), self.columns)
            except RepeatedRowError:
                return None
            except EngineError as error:
                if "INTERRUPT" in error.message:
                    raise
                return None
            if found:
                return found
        return []
