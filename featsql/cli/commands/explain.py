"""`featsql explain`: what a diagnostic's code means, with a wrong and a right example."""

from __future__ import annotations

from typing import Annotated

import typer

from featsql.cli.output import say
from featsql.errors import Diagnostic, FeatsqlError
from featsql.names import did_you_mean


def explain(
    code: Annotated[str | None, typer.Argument(metavar="CODE", show_default=False, help="Such as FS601.")] = None,
) -> None:
    """Explain a diagnostic's code; without one, list them all.

    \b
    Examples:
      featsql explain FS601
      featsql explain
    """
    from featsql.codes import explanation, titles

    if code is None:
        for each, title in titles().items():
            say(f"{each}  {title}")
        return
    text = explanation(code)
    if text is None:
        hint = did_you_mean(code, titles(), "`featsql explain` lists the codes")
        raise FeatsqlError(Diagnostic("FS903", f"there is no diagnostic `{code}`", hint=hint))
    say(text.rstrip())
