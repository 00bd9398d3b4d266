"""The program's commands, in the order in which a person meets them."""

from __future__ import annotations

from typing import Annotated

import typer

from featsql import __version__
from featsql.cli.command import Command
from featsql.cli.commands.build import build
from featsql.cli.commands.clean import clean
from featsql.cli.commands.compile import compile_
from featsql.cli.commands.explain import explain
from featsql.cli.commands.init import init
from featsql.cli.commands.lineage import lineage
from featsql.cli.commands.ls import ls
from featsql.cli.commands.show import show
from featsql.cli.commands.verify import verify
from featsql.cli.commands.why import why

HELP = """Write SQL for now; featsql runs it for every moment.

\b
  featsql init shop && cd shop    a project that works
  featsql build                   build everything
  featsql show churn_training     look at it
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(wanted: bool) -> None:
    """Answer `--version`."""
    if wanted:
        typer.echo(f"featsql {__version__}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[  # its callback has answered before this runs
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What every command shares: nothing but `--version`."""


app.command(cls=Command)(init)
app.command(cls=Command)(build)
app.command("compile", cls=Command)(compile_)
app.command(cls=Command)(show)
app.command(cls=Command)(ls)
app.command(cls=Command)(lineage)
app.command(cls=Command)(verify)
app.command(cls=Command)(why)
app.command(cls=Command)(explain)
app.command(cls=Command)(clean)
