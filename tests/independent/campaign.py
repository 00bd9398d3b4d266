"""Ask featsql of many random models, and print each difference: `python -m independent.campaign --models 10000`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from independent.trial import Trial, trial


def campaign(models: int, seed: int, each: int = 25, seconds: float = float("inf")) -> Trial:
    """Compare so many models, some to a project, from a seed on; differences are told as they are found."""
    total, until = Trial(), time.monotonic() + seconds
    while total.compared < models and time.monotonic() < until:
        with tempfile.TemporaryDirectory() as folder:
            done = trial(seed, Path(folder), min(each, models))
        total.compared += done.compared
        total.cells += done.cells
        total.refused |= {f"{seed} {name}": why for name, why in done.refused.items()}
        total.differences += done.differences
        for difference in done.differences:
            sys.stdout.write(f"{difference}\n\n")
            sys.stdout.flush()
        seed += 1
    return total


def main() -> None:
    """Run a campaign; exit 1 where anything differed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--refusals", action="store_true", help="print what featsql refused, too")
    options = parser.parse_args()
    total = campaign(options.models, options.seed, seconds=options.seconds)
    if options.refusals:
        sys.stdout.writelines(f"refused {name}: {why}\n\n" for name, why in total.refused.items())
    counts = f"{total.compared} models, {total.cells} cells compared, {len(total.refused)} refused"
    sys.stdout.write(f"{counts}, {len(total.differences)} models differ\n")
    sys.exit(bool(total.differences))


if __name__ == "__main__":
    main()
