"""`featsql init`: a small project that works, to be changed into one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from featsql.cli.output import say
from featsql.errors import Diagnostic, FeatsqlError

# The name under which a file is shipped, where it would mean something in featsql's own repository.
RENAMED = {"gitignore": ".gitignore"}


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", show_default=False, help="Where (here, if not given).")
    ] = Path(),
) -> None:
    """Write a small project that works.

    The folder must be new or empty; hidden files may be there.

    \b
    Examples:
      featsql init
      featsql init churn && cd churn && featsql build
    """
    refuse_full(folder)
    name = project_name(folder.resolve().name)
    for path, content in starter():
        write_file(folder / path, content.replace("name: starter\n", f"name: {name}\n"))
    steps = "" if folder.resolve() == Path.cwd() else f"  cd {folder}\n"
    say(f"Wrote the project `{name}`. Next:\n\n{steps}  featsql build\n  featsql show churn_training")
    say("\nmodels/shop.yml says when each row could first be known: begin there with data of your own.")


def refuse_full(folder: Path) -> None:
    """Raise FeatsqlError FS905 for a folder that holds anything but hidden files, such as .git and .venv."""
    if folder.is_dir():
        there = sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
        problem = f"`{folder}` is not empty: it holds `{there[0]}`" if there else None
    else:
        problem = f"`{folder}` is a file" if folder.exists() else None
    if problem:
        raise FeatsqlError(Diagnostic("FS905", problem, hint="name an empty or a new folder: featsql init my_project"))


def starter(folder: Traversable | None = None, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The starter project's files: path and text of each."""
    for each in sorted((folder or files("featsql.cli") / "starter").iterdir(), key=lambda found: found.name):
        path = prefix + RENAMED.get(each.name, each.name)
        if each.is_dir():
            yield from starter(each, f"{path}/")
        else:
            yield path, each.read_text(encoding="utf-8")


def write_file(path: Path, content: str) -> None:
    """Write one file; one that is there already is kept. Raises FeatsqlError FS905 where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(content, encoding="utf-8", newline="\n")
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise FeatsqlError(Diagnostic("FS905", message, hint="name a folder that you may write to")) from error


def project_name(folder: str) -> str:
    """A folder's name as the name of a project: letters, digits and underscores."""
    name = re.sub(r"[^a-z0-9_]+", "_", folder.lower()).strip("_")
    return name if re.match(r"[a-z_]", name) else f"project_{name}".rstrip("_")
