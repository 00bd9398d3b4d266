"""What every command has in common: dbt's way to list selectors, and how errors become exit codes."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import typer
from typer.core import TyperCommand

from featsql.cli.interrupt import INTERRUPTED
from featsql.cli.output import abandon_stdout, report
from featsql.errors import FeatsqlError
from featsql.secrets import redact

USER_ERROR, INTERNAL_ERROR, BROKEN_PIPE = 1, 70, 141
REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
SEVERAL = {"--select", "-s", "--exclude"}


class Command(TyperCommand):
    """A command that never shows a traceback unless it is asked to."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let `--select a b` mean what it means to dbt."""
        return super().parse_args(ctx, list(spread(args)))

    def invoke(self, ctx: Any) -> Any:
        """Run, and end with the exit code that fits what happened."""
        with exit_codes(as_json=bool(ctx.params.get("as_json"))):
            super().invoke(ctx)
            sys.stdout.flush()


def spread(args: Sequence[str]) -> Iterator[str]:
    """`--select a b` as `--select a --select b`."""
    option = None
    for index, arg in enumerate(args):
        if option and not arg.startswith("-") and args[index - 1] not in SEVERAL:
            yield option
        elif arg.startswith("-"):
            option = arg if arg in SEVERAL else None
        yield arg


@contextmanager
def exit_codes(*, as_json: bool) -> Iterator[None]:
    """1 for what the user can mend, 70 for a bug, 130 after Ctrl-C, 141 when nobody reads on."""
    try:
        yield
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except FeatsqlError as error:
        report(error.diagnostics, as_json=as_json)
        raise typer.Exit(USER_ERROR) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error
    except BrokenPipeError as error:
        abandon_stdout()
        raise typer.Exit(BROKEN_PIPE) from error
    except OSError as error:
        raise typer.Exit(refused(error)) from error
    except Exception as error:  # the last resort: any other exception is a bug of featsql
        raise typer.Exit(unexpected(error)) from error


def refused(error: OSError) -> int:
    """Say what the system refuses: room or rights are the user's to mend, anything else is a bug; gives the exit
    code."""
    if error.errno not in REFUSALS:
        return unexpected(error)
    what = f"`{error.filename}`" if error.filename else "the output cannot be written"
    with suppress(OSError):  # it may be no file at all
        abandon_stdout()  # what is left to be written would fail once more at the end
    typer.echo(redact(f"error: {what}: {error.strerror}"), err=True)
    return USER_ERROR


def unexpected(error: Exception) -> int:
    """Say one line about an exception that nobody meant to let through; gives the exit code."""
    if str(error) == "Query interrupted":  # how DuckDB says that Ctrl-C came while it ran
        return INTERRUPTED
    if os.environ.get("FEATSQL_TRACEBACK"):
        typer.echo(redact("".join(traceback.format_exception(error))), err=True, nl=False)
    first = (str(error).splitlines() or [""])[0]
    line = f"internal error: {type(error).__name__}: {first}"
    typer.echo(f"{redact(line)} (a bug in featsql; FEATSQL_TRACEBACK=1 shows where)", err=True)
    return INTERNAL_ERROR
