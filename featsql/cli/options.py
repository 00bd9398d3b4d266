"""The options that commands share, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featsql.errors import Diagnostic, FeatsqlError
from featsql.read.config.files import PROJECT_FILE

if TYPE_CHECKING:
    from featsql.api import Project
    from featsql.read.project import Project as Loaded

Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select", "-s", metavar="SELECTOR", help="Only these: name, +name+, tag:x, path:x, kind:x, source:x."
    ),
]
Exclude = Annotated[list[str] | None, typer.Option("--exclude", metavar="SELECTOR", help="All but these.")]
ProjectDir = Annotated[
    Path | None,
    typer.Option("--project-dir", metavar="FOLDER", help="The project's folder (here, or the nearest above)."),
]
Target = Annotated[str | None, typer.Option("--target", "-t", metavar="NAME", help="Which of the project's outputs.")]
Variables = Annotated[
    str | None, typer.Option("--vars", metavar="YAML", help="Values for var(), as YAML or JSON: '{days: 30}'.")
]
Threads = Annotated[int | None, typer.Option("--threads", min=1, metavar="N", help="How many threads DuckDB may use.")]
FullRefresh = Annotated[bool, typer.Option("--full-refresh", help="Rebuild everything, from nothing.")]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Skip everything after the first failure.")]
KnownAt = Annotated[
    str | None,
    typer.Option("--known-at", metavar="INSTANT", help="Build, beside the present, what was known then (in UTC)."),
]
# What NumPy's, Arrow's and Polars' pools of threads are told by.
POOLS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_IO_THREADS", "POLARS_MAX_THREADS")
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and all else on stderr.")]


def open_project(folder: Path | None, target: str | None, variables: str | None, threads: int | None = None) -> Project:
    """Open the project that the options name, to be compiled."""
    from featsql.api import load

    project = load(project_folder(folder), target=target, variables=read_variables(variables), threads=threads)
    hold(threads or project.project.target.threads)
    return project


def hold(threads: int | None) -> None:
    """Let the libraries that are loaded later start no more threads than the engine."""
    import os

    for name in POOLS if threads else ():
        os.environ.setdefault(name, str(threads))


def read_project(folder: Path | None, target: str | None, variables: str | None) -> Loaded:
    """Read the files of the project that the options name, and nothing more."""
    from featsql.read.load import load

    return load(project_folder(folder).resolve(), target=target, variables=read_variables(variables))


def project_folder(given: Path | None) -> Path:
    """The folder given, or else the nearest folder from here upwards that holds a project."""
    here = Path.cwd()
    above = (folder for folder in (here, *here.parents) if (folder / PROJECT_FILE).exists())
    return given or next(above, here)


def read_variables(text: str | None) -> dict[str, Any]:
    """The mapping that `--vars` holds. Raises FeatsqlError FS901 for anything else."""
    from featsql.read.config.document import VARIABLES, read_document
    from featsql.read.project import File

    document, found = read_document(File("--vars", text or "{}"), str, VARIABLES)
    if found:
        raise FeatsqlError(bad_variables(f"`--vars` cannot be read: {found[0].message}", found[0].hint))
    value = document.value
    if not isinstance(value, dict):
        raise FeatsqlError(bad_variables(f"`--vars` is not a mapping but `{value}`"))
    unnamed = next((key for key in value if not key.strip("0123456789.-")), None)
    if unnamed is not None:
        raise FeatsqlError(bad_variables(f"`--vars` has a key that is no name: `{unnamed}`"))
    return value


def bad_variables(message: str, hint: str | None = None) -> Diagnostic:
    """What is wrong with `--vars`."""
    usual = "write it like --vars '{days: 30, region: north}', with a space after each colon"
    return Diagnostic("FS901", message, hint=hint or usual)
