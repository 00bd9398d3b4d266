"""featsql in Python: load a project, then ask it for training sets, features and single relations."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from featsql.build import build as builder
from featsql.build.failure import explained
from featsql.build.known_at import beside, read_instant
from featsql.build.lock import PATIENCE, building
from featsql.build.results import Listener, Options, Run, silent
from featsql.build.reuse.facts import inquire
from featsql.build.reuse.source_fingerprints import SourceFingerprints
from featsql.build.review import review
from featsql.build.target import attach_target, open_engine, published_tables
from featsql.build.workspace import Workspace
from featsql.compiler import Compiled, compile_project
from featsql.engine import Engine
from featsql.errors import Diagnostic, FeatsqlError
from featsql.names import did_you_mean
from featsql.plan.plan import Plan
from featsql.read.load import load as load_folder
from featsql.read.project import Project as LoadedProject
from featsql.resolve.graph import model_key
from featsql.resolve.selectors.select import select
from featsql.result import Result
from featsql.secrets import redact, redacted

# What only some of its methods need is imported by them: a build does without.
if TYPE_CHECKING:
    from featsql.prove.verdict import Verdict
    from featsql.prove.why.explanation import Explanation

__all__ = ["Project", "Result", "load"]


def load(
    path: str | os.PathLike[str] = ".",
    *,
    target: str | None = None,
    variables: Mapping[str, Any] | None = None,
    frames: Mapping[str, Any] | None = None,
    threads: int | None = None,
) -> Project:
    """Load the project in a folder.

    `target` names one of the project's outputs, `variables` override its `vars`. `frames` gives
    Polars, Arrow or pandas data in place of sources: `{"shop.payments": frame}`. Raises
    FeatsqlError with every diagnostic that was found.
    """
    project = load_folder(Path(path).resolve(), target=target, variables=variables)
    return Project(project, frames=frames, threads=threads)


class Project:
    """A loaded project. It is compiled when it is first asked for something, and then kept."""

    def __init__(
        self, project: LoadedProject, *, frames: Mapping[str, Any] | None = None, threads: int | None = None
    ) -> None:
        self.project = project
        self.frames = dict(frames or {})
        self.threads = threads
        self._compiled: Compiled | None = None
        self._workspace: Workspace | None = None

    def compile(self) -> Compiled:
        """Read, resolve, check and plan everything; raises FeatsqlError with all that is wrong."""
        if self._compiled is None:
            self._engine = open_engine(self.project, threads=self.threads)
            self._compiled = compile_project(self.project, self._engine, frames=self.frames)
        return self._compiled

    def check(self) -> Compiled:
        """What `compile` finds, for whoever only wants to know whether anything is wrong: what was not changed since
        it was last compiled is not looked at again, and no source is opened. Raises FeatsqlError alike."""
        return self.compile() if self.frames else review(self.project, threads=self.threads)

    @property
    def workspace(self) -> Workspace:
        """The session in which results are computed."""
        if self._workspace is None:
            self._workspace = Workspace(self.compile(), self._engine, datetime.now(UTC).isoformat())
        return self._workspace

    def build(
        self,
        select_: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        full_refresh: bool = False,
        fail_fast: bool = False,
        known_at: str | date | None = None,
        on_event: Listener = silent,
        alone: bool = True,
        wait: float = PATIENCE,
        on_wait: Callable[[str], None] = lambda _: None,
    ) -> Run:
        """Build what dbt-like selectors choose (everything by default) into the project's target.

        `known_at` ('2024-06-01', in UTC unless it has a zone) builds what would have been built then: rows
        that became available later are not there, and labels that had not matured are unknown. Relations
        without a clock are as they are now. It has a schema, a folder under the target path and published paths of its
        own, all named `known_at_20240601`: the present stays as it is.
        Unless it is to be done `alone`, this process may double itself to compile many models, which a library does not
        do to the program that uses it.
        Another build of the project is waited for, at most `wait` seconds, after `on_wait` was told which. Raises
        FeatsqlError where the project does not compile, or the other build does not end (FS815); what fails later is
        in the run's results.
        """
        options = Options(full_refresh, fail_fast, read_instant(str(known_at)) if known_at is not None else None)
        with building(self.project, wait, on_wait):
            return self.build_now(select_, exclude, options, on_event, alone)

    def build_now(
        self, select_: Sequence[str], exclude: Sequence[str], options: Options, on_event: Listener, alone: bool
    ) -> Run:
        """Build, while no other does."""
        project = self.project if options.known_at is None else beside(self.project, options.known_at)
        source_fingerprints = SourceFingerprints(project, alone=alone)
        engine = open_engine(project, threads=self.threads)
        try:
            attach_target(engine, project)
            compiled = compile_project(
                project,
                engine,
                frames=self.frames,
                published=published_tables(engine, project),
                full_refresh=options.full_refresh or options.known_at is not None,
                alone=alone,
                inquire=inquire,
            )
            names = select(compiled.graph, select_, exclude)
            return builder.build(compiled, engine, names, options, on_event, source_fingerprints=source_fingerprints)
        finally:
            source_fingerprints.close()
            engine.close()

    def training_set(self, name: str) -> Result:
        """A training set, computed from the sources as they are now: one row for each label."""
        plan = self.compile().plans.get(name)
        if not isinstance(plan, Plan):
            known = [n for n, p in self.compile().plans.items() if isinstance(p, Plan)]
            raise FeatsqlError(
                Diagnostic("FS721", f"there is no training set `{name}`", hint=did_you_mean(name, known))
            )
        self.workspace.prepare([model_key(name)])
        return Result(plan, self._engine.cursor(), self.compile())

    def features(self, spine: Any, features: Sequence[str], *, as_of: str = "as_of") -> Result:
        """Historical features for any frame with entity keys and an instant.

        `spine` is a Polars, Arrow or pandas frame; `as_of` names its column of instants (zoned where
        the sources' clocks are); `features` names features models, or single features of one
        ('merchant_risk:chargeback_rate'). Gives the spine's columns and the features, one row for
        each row of the spine.
        """
        from featsql.spine import plan_frame

        compiled = self.compile()
        session = self._engine.cursor()
        plan = plan_frame(spine, features, as_of, compiled, session)
        self.workspace.prepare([model_key(attach.features.name) for attach in plan.attachments])
        return Result(plan, session, compiled)

    def verify(
        self,
        select_: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        seconds: float = 60.0,
        seed: int = 0,
        sample: int = 200,
        at_least: int | None = None,
    ) -> tuple[Verdict, ...]:
        """Put the three laws to the training sets that selectors choose (all by default), on their own data.

        `seconds` of wall time are shared by the training sets, for at most `sample` rows of each; the same seed takes
        the same rows. However short the time, 20 rows of each are verified. A verdict is `ok` where rows were verified
        and nothing was found against any; they are `enough` if they are all of the sample, or `at_least` so many.
        Reports are written under the target path. Raises FeatsqlError FS751 where no training set is chosen.
        """
        from featsql.prove.verify import Terms, verify

        compiled = self.compile()
        names = select(compiled.graph, select_, exclude)
        plans = [plan for name in names if isinstance(plan := compiled.plans.get(name), Plan)]
        if not plans:
            known = [n for n, p in compiled.plans.items() if isinstance(p, Plan)]
            hint = f"the project has {', '.join(known)}" if known else "it has none"
            raise FeatsqlError(Diagnostic("FS751", "no training set is chosen: there is nothing to verify", hint=hint))
        deadline, verdicts = time.monotonic() + seconds, []
        for number, plan in enumerate(plans):
            self.workspace.prepare([model_key(plan.name)])
            share = max(0.0, deadline - time.monotonic()) / (len(plans) - number)
            with explained(compiled, self._engine):
                verdicts.append(verify(plan, compiled, self._engine.cursor(), Terms(share, seed, sample, at_least)))
        return tuple(verdicts)

    def why(
        self,
        cell: str,
        *,
        row: int | None = None,
        keys: Mapping[str, Any] | None = None,
        as_of: str | date | None = None,
        limit: int = 10,
    ) -> Explanation:
        """The source rows that made one value, and those that were held back because they were not known yet.

        `cell` is 'training_set.column' or 'features_model.feature'. The row is the `row`-th (from 1, in the
        order of the instant, then of the labels' other columns), or the one with these `keys` (any columns
        of the labels) and this `as_of`; a feature is
        asked for all keys of its entity at `as_of` (now, if not given). At most `limit` rows of each part
        are shown. Raises FeatsqlError FS752 and FS753 for a cell that there is not.
        """
        from featsql.prove.why.given import text_of
        from featsql.prove.why.why import why as explain_cell
        from featsql.show import plan_of_cell

        compiled = self.compile()
        plan, meant = plan_of_cell(cell, compiled, row, keys or {}, text_of(as_of))
        self.workspace.prepare([model_key(plan.name)])
        with explained(compiled, self._engine):
            return explain_cell(plan, compiled, self._engine.cursor(), meant, limit)

    def show(
        self,
        name_or_sql: str,
        *,
        as_of: str | date | None = None,
        entities: Sequence[Mapping[str, Any]] | None = None,
        limit: int | None = None,
    ) -> Result:
        """Rows of any model, source or seed, or of a SELECT with ref() and source().

        A features model is shown at `as_of` (text or a datetime; now, if not given), for `entities` given as mappings
        of keys, or for whichever it has rows for. `limit` keeps that many rows. Where it has several rows of one
        entity, whoever asks for rows gets FeatsqlError FS801.
        """
        from featsql.prove.why.given import text_of
        from featsql.show import several_rows, show_name, show_sql

        compiled, is_sql, as_of = self.compile(), " " in name_or_sql.strip() or "\n" in name_or_sql, text_of(as_of)
        if is_sql:
            if entities:
                hint = "name the features model to be shown, or say whose in a WHERE"
                raise FeatsqlError(Diagnostic("FS724", "a SELECT has no entities to be shown for", hint=hint))
            query = show_sql(name_or_sql, self.project, compiled, self.workspace, as_of)
        else:
            query = show_name(name_or_sql, compiled, self.workspace, as_of, entities, limit)
        if limit is not None:
            query = exp.select("*").from_(query.subquery("shown")).limit(limit)
        if is_sql or entities:  # the query itself holds given entities to one row each
            return self.result(query)
        return self.result(query, lambda engine: several_rows(name_or_sql, compiled, engine, as_of))

    def stage(self, name: str, stage: str) -> str:
        """A model after one stage of the compiler, as text."""
        from featsql.stages import stage_text

        return redact(stage_text(self.compile(), name, stage), self.compile().project.secrets)

    def lineage(self, select_: Sequence[str] = (), exclude: Sequence[str] = ()) -> dict[str, Any]:
        """Tables, columns and the edges between them, as JSON-like data (`featsql/export/lineage.schema.json`)."""
        from featsql.export.excerpt import Wish, excerpt
        from featsql.export.json import document

        found: dict[str, Any] = redacted(document(excerpt(self.compile(), Wish(select_, exclude))))
        return found

    def result(self, query: exp.Query, refused: Callable[[Engine], Diagnostic | None] = lambda _: None) -> Result:
        """A query in a session of its own cursor, of which no rows are given where they are `refused`."""
        return Result(query.sql("duckdb"), self._engine.cursor(), self.compile(), refused)

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the session, as the end of a `with` does."""
        if self._compiled is not None:
            self._engine.close()
            self._compiled.scratch.close()

    _engine: Engine
