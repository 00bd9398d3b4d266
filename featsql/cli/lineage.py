"""`featsql lineage`: which columns come from which, for people, for other tools, and for a reviewer of a change."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featsql.cli.options import Exclude, ProjectDir, Select, Target, Variables, open_project
from featsql.cli.output import say

if TYPE_CHECKING:
    from featsql.compiler import Compiled
    from featsql.export.excerpt import Wish


class FormatName(StrEnum):
    """What `--format` takes."""

    json = "json"
    openlineage = "openlineage"
    dot = "dot"
    mermaid = "mermaid"
    dbt = "dbt"
    html = "html"


Column = Annotated[
    str | None, typer.Option("--column", metavar="MODEL.COLUMN", help="Only what this column comes from and goes to.")
]
Upstream = Annotated[bool, typer.Option("--upstream", help="Also everything that it comes from.")]
Downstream = Annotated[bool, typer.Option("--downstream", help="Also everything that comes from it.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="PATH", help="A file, or for dbt a folder, in place of stdout.")
]


def lineage(
    select: Select = None,
    exclude: Exclude = None,
    column: Column = None,
    upstream: Upstream = False,
    downstream: Downstream = False,
    format_: Annotated[FormatName, typer.Option("--format", help="How to write it.")] = FormatName.json,
    output: Output = None,
    project_dir: ProjectDir = None,
    target: Target = None,
    variables: Variables = None,
) -> None:
    """Write tables, columns and the edges between them.

    \b
    Examples:
      featsql lineage --format html --output lineage.html
      featsql lineage --select +churn_training > lineage.json
      featsql lineage --column customer_spend.spend_30d --format mermaid
      featsql lineage --format dbt --output target/dbt
    """
    from featsql.export.excerpt import Wish

    wish = Wish(select or (), exclude or (), column, upstream, downstream)
    if output is None and format_ is FormatName.dbt:
        raise typer.BadParameter("dbt's artefacts are several files: give --output FOLDER")
    write(open_project(project_dir, target, variables).compile(), wish, format_, output)


def write(compiled: Compiled, wish: Wish, format_: FormatName, output: Path | None) -> None:
    """Print the lineage, or save it and say where."""
    from featsql.export.excerpt import excerpt
    from featsql.export.formats import save, text_of

    found = excerpt(compiled, wish)
    if output is None:
        say(text_of(found, format_).removesuffix("\n"))
        return
    for path in save(found, format_, output):
        say(f"Wrote {path}")
