"""`featsql clean`: remove what builds have written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from featsql.cli.options import ProjectDir, Target, Variables, read_project
from featsql.cli.output import say
from featsql.errors import Diagnostic, FeatsqlError

if TYPE_CHECKING:
    from featsql.read.project import Project


def clean(project_dir: ProjectDir = None, target: Target = None, variables: Variables = None) -> None:
    """Remove what builds have written.

    That is the project's target path: tables, manifests, compiled SQL. Nothing outside the project is ever
    removed, nor a folder that holds what you wrote.

    \b
    Example:
      featsql clean && featsql build
    """
    project = read_project(project_dir, target, variables)
    folder = project.root / project.target_path
    refuse_unsafe(folder, project)
    if not folder.is_symlink() and not folder.exists():
        say(f"There is no {project.target_path} to remove")
        return
    from featsql.build.lock import PATIENCE, PROJECT, lock_of_project, locked

    with locked(lock_of_project(project), PROJECT, PATIENCE, lambda holder: say(f"Waiting for {holder} to end")):
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder)
    say(f"Removed {project.target_path}")


def refuse_unsafe(folder: Path, project: Project) -> None:
    """Raise FeatsqlError FS904 where `folder` is not surely a folder of results of this project."""
    root, real = project.root.resolve(), folder.resolve()
    written = [*project.models, *project.macros]
    mine = [root / "featsql_project.yml", *(root / file.path for file in written)]
    mine += [root / seed.location for seed in project.seeds]
    if not real.is_relative_to(root):
        reason = "it is outside the project"
    elif inside := next((path for path in mine if path.resolve().is_relative_to(real)), None):
        reason = f"it holds {inside.relative_to(root)}"
    elif (real / ".git").exists():
        reason = "it is a repository"
    elif real.is_file():
        reason = "it is a file"
    else:
        return
    message = f"`{project.target_path}` is not removed: {reason}"
    raise FeatsqlError(Diagnostic("FS904", message, hint="let `target-path` be a folder of its own, such as `target`"))
