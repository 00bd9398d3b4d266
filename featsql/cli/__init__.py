"""The command line. Importing it is cheap: each command imports what it needs when it runs."""

from __future__ import annotations


def main() -> None:
    """The program `featsql`."""
    from featsql.cli.app import app
    from featsql.cli.interrupt import end_on_interrupt
    from featsql.cli.output import forgive_encodings

    forgive_encodings()
    end_on_interrupt()
    app(prog_name="featsql")
