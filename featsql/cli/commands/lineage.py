"""`featsql lineage`: which columns come from which, for people, for other tools, and for a reviewer of a change."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featsql.cli.options import Exclude, Json, ProjectDir, Select, Target, Variables, open_project, read_variables
from featsql.cli.output import emit, say

if TYPE_CHECKING:
    from featsql.compiler import Compiled
    from featsql.export.diff.impact import Impact
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
Diff = Annotated[
    str | None,
    typer.Option("--diff", metavar="REVISION|FILE", help="What a change since then touches."),
]


def lineage(
    select: Select = None,
    exclude: Exclude = None,
    column: Column = None,
    upstream: Upstream = False,
    downstream: Downstream = False,
    format_: Annotated[FormatName, typer.Option("--format", help="How to write it.")] = FormatName.json,
    output: Output = None,
    diff: Diff = None,
    as_json: Json = False,
    project_dir: ProjectDir = None,
    target: Target = None,
    variables: Variables = None,
) -> None:
    """Write tables, columns and the edges between them, or what a change touches.

    With --diff it says which columns a change reaches, and what must be built again.

    \b
    Examples:
      featsql lineage --format html --output lineage.html
      featsql lineage --select +churn_training > lineage.json
      featsql lineage --column customer_spend.spend_30d --format mermaid
      featsql lineage --format dbt --output target/dbt
      featsql lineage --diff main
    """
    from featsql.export.excerpt import Wish

    wish = Wish(select or (), exclude or (), column, upstream, downstream)
    if diff is not None and (column or upstream or downstream or output or format_ is not FormatName.json):
        raise typer.BadParameter("--diff goes with --select, --exclude and --json, and with no other format")
    if as_json and format_ is not FormatName.json:
        raise typer.BadParameter(f"--json and --format {format_} are two formats")
    if output is None and format_ is FormatName.dbt:
        raise typer.BadParameter("dbt's artefacts are several files: give --output FOLDER")
    compiled = open_project(project_dir, target, variables).compile()
    if diff is None:
        write(compiled, wish, format_, output)
    else:
        report(impact_of(compiled, diff, wish, target, variables), as_json=as_json)


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


def impact_of(compiled: Compiled, diff: str, wish: Wish, target: str | None, variables: str | None) -> Impact:
    """What a change touches, of what is selected."""
    from featsql.export.diff.compare import compare, limited
    from featsql.resolve.selectors.select import select_keys

    keys = select_keys(compiled.graph, wish.include, wish.exclude) if wish.include or wish.exclude else None
    found = compare(compiled, diff, target, read_variables(variables))
    return found if keys is None else limited(found, keys)


def report(found: Impact, *, as_json: bool) -> None:
    """Print what a change touches, for a machine or for people."""
    from featsql.export.diff.compare import as_data, as_text

    if as_json:
        emit(as_data(found))
    else:
        say(as_text(found))
