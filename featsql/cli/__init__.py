"""The command line. Importing it is cheap: each command imports what it needs when it runs."""

from __future__ import annotations


def main() -> None:
    """The program `featsql`."""
    from featsql.cli.app import app
    from featsql.cli.output import forgive_encodings

    forgive_encodings()
    app(prog_name="featsql")
