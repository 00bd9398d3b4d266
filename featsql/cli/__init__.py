"""The command line. Importing it is cheap: each command imports what it needs when it runs."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress

# Trees of many nodes live as long as the program: looking through them for garbage again and again takes a
# quarter of a large project's compilation.
RARELY = (100_000, 50, 100)


def main() -> None:
    """The program `featsql`."""
    gc.set_threshold(*RARELY)
    hears = signal.getsignal(signal.SIGINT) == signal.default_int_handler  # in the background of a script it may not
    if hears:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # while it loads nothing has begun
    from featsql.cli.app import app
    from featsql.cli.command import refused
    from featsql.cli.interrupt import INTERRUPTED, end_on_interrupt, leave
    from featsql.cli.output import forgive_encodings, open_streams

    open_streams()
    forgive_encodings()
    end_on_interrupt()
    if hears:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        app(prog_name="featsql")
    except OSError as error:  # help is written before any command runs
        sys.exit(refused(error))
    except SystemExit as end:
        if end.code == INTERRUPTED:
            with suppress(OSError):
                sys.stdout.flush()
            leave()
        raise
    finally:
        gc.freeze()  # it ends here: nothing is looked through once more
