"""`featsql build`: build the project, or a part of it, into its target."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from featsql.cli.options import (
    Exclude,
    FailFast,
    FullRefresh,
    Json,
    KnownAt,
    ProjectDir,
    Select,
    Target,
    Threads,
    Variables,
    open_project,
    project_folder,
)
from featsql.cli.output import emit, report, say
from featsql.data import plain

if TYPE_CHECKING:
    from featsql.api import Project
    from featsql.build.results import Run

# Static relations: `featsql compile` tells of them, and the manifest lists them.
QUIET = {"FS610", "FS625"}


def build(
    select: Select = None,
    exclude: Exclude = None,
    full_refresh: FullRefresh = False,
    fail_fast: FailFast = False,
    known_at: KnownAt = None,
    as_json: Json = False,
    project_dir: ProjectDir = None,
    target: Target = None,
    variables: Variables = None,
    threads: Threads = None,
) -> None:
    """Build seeds, models and training sets into the target.

    \b
    Examples:
      featsql build
      featsql build --select +churn_training
      featsql build --select tag:daily --exclude path:models/staging
      featsql build --full-refresh --vars '{days: 30}'
      featsql build --known-at 2024-06-01
    """
    from featsql.build.reuse.unchanged import answer, note, question
    from featsql.cli.progress import progress

    asked = question(root := project_folder(project_dir).resolve(), [select, exclude, target, variables, known_at])
    known = None if full_refresh or as_json else answer(asked, root)
    if known is not None:
        tell(known)
        return
    project = open_project(project_dir, target, variables, threads)
    with progress(sys.stderr if as_json else sys.stdout) as listener:
        build_all = partial(project.build, select or (), exclude or (), on_event=listener, on_wait=waiting)
        run = build_all(full_refresh=full_refresh, fail_fast=fail_fast, known_at=known_at, alone=False)
    note(asked, project.project, run, QUIET)
    emit(as_data(run)) if as_json else conclude(run, project)
    if not run.ok:
        raise typer.Exit(1)


def waiting(holder: str) -> None:
    """Say that another build goes on."""
    say(f"Waiting for {holder} to end", to=sys.stderr)
    sys.stderr.flush()


def tell(run: Run) -> None:
    """That everything stands as it was built."""
    from featsql.build.results import Finished
    from featsql.cli.progress import plain, summary

    for index, result in enumerate(run.results, start=1):
        plain(Finished(result, index, len(run.results)), sys.stdout)
    say(summary(run, ""))


def conclude(run: Run, project: Project) -> None:
    """What was wrong, and the last line."""
    from featsql.cli.progress import summary

    sys.stdout.flush()
    failures = (diagnostic for result in run.results for diagnostic in result.diagnostics)
    warnings = (diagnostic for diagnostic in run.diagnostics if diagnostic.code not in QUIET)
    report((*warnings, *failures), as_json=False)
    say(summary(run, where(project, run.known_at)))


def where(project: Project, known_at: str | None) -> str:
    """The target's database as a person would name it, and the schema of an earlier day."""
    from featsql.build.known_at import beside

    path = Path(project.project.target.path)
    near = str(path.relative_to(project.project.root)) if path.is_relative_to(project.project.root) else str(path)
    return near if known_at is None else f"{near}, schema {beside(project.project, known_at).target.schema}"


def as_data(run: Run) -> dict[str, Any]:
    """A run for a machine."""
    results = [{key: value for key, value in plain(result).items() if key != "sql"} for result in run.results]
    for result in results:
        if result["status"] == "unchanged":  # what stands as it would be built is a success, as in dbt
            result |= {"status": "success", "reason": "unchanged"}
    said = [plain(diagnostic) for diagnostic in run.diagnostics]
    shared = {"ok": run.ok, "started_at": run.started_at, "seconds": run.seconds}
    return {**shared, "results": results, "diagnostics": said}
