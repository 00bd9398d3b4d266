"""`featsql show`: a few rows of any relation, or any stage of a model's compilation."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from featsql.cli.options import Json, ProjectDir, Target, Threads, Variables, open_project
from featsql.cli.output import emit, say
from featsql.errors import Diagnostic, FeatsqlError
from featsql.secrets import redact

if TYPE_CHECKING:
    from featsql.api import Project

AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="INSTANT", help="The instant at which to evaluate features.")
]
Entity = Annotated[
    list[str] | None,
    typer.Option(
        "--entity", "-e", metavar="KEY=VALUE", help="Whose features; a key given again begins the next entity."
    ),
]
Stage = Annotated[
    str | None,
    typer.Option(
        "--stage", metavar="STAGE", help="text, tree, config, relations, lineage, plan or sql, in place of rows."
    ),
]


def show(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", show_default=False, help="A model, seed or source.")
    ] = None,
    inline: Annotated[
        str | None, typer.Option("--inline", metavar="SQL", help="A SELECT with ref() and source().")
    ] = None,
    as_of: AsOf = None,
    entity: Entity = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="At most so many rows.")] = 10,
    stage: Stage = None,
    as_json: Json = False,
    project_dir: ProjectDir = None,
    target: Target = None,
    variables: Variables = None,
    threads: Threads = None,
) -> None:
    """Show rows of a model, seed or source, or of a SELECT.

    Rows are computed from the sources as they are now; nothing need be built.

    \b
    Examples:
      featsql show churn_training --limit 3
      featsql show customer_spend --as-of '2024-03-31 18:00' --entity customer_id=7
      featsql show --inline "select count(*) from {{ ref('churn') }}"
      featsql show churn_training --stage sql
    """
    if (name is None) == (inline is None):
        raise typer.BadParameter("give either a NAME or --inline SQL")
    if stage is not None and name is None:
        raise typer.BadParameter("--stage needs the NAME of a model")
    project = open_project(project_dir, target, variables, threads)
    if name is not None and stage is not None:
        show_stage(project, name, stage, as_json=as_json)
    else:
        # the line end tells the project that this is SQL, whatever it looks like
        columns, rows = rows_of(project, name or f"{inline}\n", as_of, read_entities(entity or ()), limit)
        print_rows(columns, rows, as_json=as_json)
        refuse_several(project, name if not entity else None, as_of)


def show_stage(project: Project, name: str, stage: str, *, as_json: bool) -> None:
    """Print one stage of a model."""
    shown = project.stage(name, stage)
    if as_json:
        emit({"name": name, "stage": stage, "text": shown})
    else:
        say(shown)


def rows_of(
    project: Project, query: str, as_of: str | None, entities: list[dict[str, str]], limit: int
) -> tuple[list[str], list[tuple[object, ...]]]:
    """The columns and rows that were asked for."""
    from featsql.build.failure import explained
    from featsql.cli.rows import exact_rows

    with explained(project.compile(), project.workspace.engine):
        result = project.show(query, as_of=as_of, entities=entities or None, limit=limit)
        return exact_rows(result.sql, result.engine)


def refuse_several(project: Project, name: str | None, as_of: str | None) -> None:
    """Say whose rows are too many, of all that a features model has. Raises FeatsqlError FS801."""
    from featsql.show import several_rows

    found = several_rows(name, project.compile(), project.workspace.engine, as_of) if name is not None else None
    if found is not None:
        raise FeatsqlError(found)


def print_rows(columns: list[str], rows: list[tuple[object, ...]], *, as_json: bool) -> None:
    """Print rows for a person or for a machine."""
    from featsql.cli.table import table

    clean = [redact(column) for column in columns]
    columns = clean if len(set(clean)) == len(columns) else columns
    if as_json:
        emit({"columns": columns, "rows": [dict(zip(columns, row, strict=True)) for row in rows]}, rows=True)
        return
    say(table(columns, rows, shutil.get_terminal_size().columns if sys.stdout.isatty() else None), rows=True)
    if not rows:
        say("(no rows)")


def read_entities(texts: list[str] | tuple[str, ...]) -> list[dict[str, str]]:
    """`--entity a=1 --entity b=2 --entity a=3 --entity b=4` as two entities. Raises FS902."""
    entities: list[dict[str, str]] = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            message = f"`--entity {text}` does not name a key and its value"
            raise FeatsqlError(Diagnostic("FS902", message, hint="write it like --entity customer_id=7"))
        if not entities or key.strip() in entities[-1]:
            entities.append({})
        entities[-1][key.strip()] = value
    return entities
