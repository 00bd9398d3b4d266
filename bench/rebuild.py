"""How long it takes to build again: after nothing, after one percent more labels, and after one features model changed.

    python bench/rebuild.py [--events 1000000] [--spine 100000] [--keys 10000] [--workload W4] [--repeat 3]
                            [--out target/bench]

Every figure is the wall time of a whole process, the median of several. What a process needs in any case is shown by
the same build of hardly any rows. What it takes to look once at all facts, any of which new labels may ask for, is
shown by DuckDB, which reads the same columns and adds them up. What stands in the end must be what a build from nothing
gives. Prints a table.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

import make_data
import polars as pl
from compare import agrees
from compile import FEATSQL, measured
from options import count
from workloads import WORKLOADS, Workload

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from featsql_peer import write

# How many of a hundred labels are there at first.
AT_FIRST = 99
# Where the training set lies: new rows come as a file of their own.
FOLDER = "target/answer/"
STEPS = ("from nothing", "hardly any rows", "nothing changed", "1 % more labels", "one features model changed")
ONCE = "DuckDB reads all facts once"
EVENTS = "sum(id), sum(epoch_us(moment)), sum(amount)"
FACTS = {
    "W2": {"events": EVENTS},
    "W4": {"events": f"{EVENTS}, sum(category), sum(merchant)"}
    | {f"changes_{n}": "sum(id), sum(epoch_us(moment)), sum(tier), sum(score)" for n in range(5)},
}


def main() -> None:
    """Make the data, build, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=count, default=1_000_000)
    parser.add_argument("--spine", type=count, default=100_000)
    parser.add_argument("--keys", type=count, default=10_000)
    parser.add_argument("--workload", choices=("W2", "W4"), default="W4")
    parser.add_argument("--repeat", type=count, default=3)
    parser.add_argument("--out", type=Path, default=Path("target/bench"))
    options = parser.parse_args()
    data = make_data.make(options.out, options.events, options.spine, options.keys, "even")
    few = make_data.make(options.out, 1_000, 100, 10, "even")
    workload = WORKLOADS[options.workload]
    runs = [built(workload, data, few) for _ in range(options.repeat)]
    times = {step: median(run[step] for run in runs) for step in (*STEPS, ONCE)}
    print(f"{workload.name}: {options.events:,} events, {options.spine:,} labels\n")
    print("| build | seconds | % of the first | % without the start |\n|---|---|---|---|")
    whole, start = times["from nothing"], times["hardly any rows"]
    for step, seconds in times.items():
        print(f"| {step} | {seconds:.2f} | {100 * seconds / whole:.0f} | {100 * (seconds - start) / whole:.0f} |")


def built(workload: Workload, data: Path, few: Path) -> dict[str, float]:
    """The seconds of each build. Raises SystemExit where the last does not give what one from nothing gives."""
    folder, spine = data / f"rebuild_{workload.name}", data / f"rebuild_{workload.name}.parquet"
    labels = pl.read_parquet(data / "spine.parquet")
    windows = folder / "models/windows.sql"

    def more() -> None:
        labels.write_parquet(spine)

    def change() -> None:
        windows.write_text(windows.read_text().replace("1 hour", "2 hours"))

    labels.head(len(labels) * AT_FIRST // 100).write_parquet(spine)
    write(folder, data, workload.name, spine, "l.*", FOLDER)
    found = {"from nothing": build(folder)}
    write(small := few / folder.name, few, workload.name, few / "spine.parquet", "l.*", FOLDER)
    found["hardly any rows"] = build(small)
    for step, prepare in zip(STEPS[2:], (nothing, more, change), strict=True):
        found[step] = after(prepare, folder)
    given = answer(folder)
    found[ONCE] = measured((sys.executable, "-c", reading(workload, data)))[0]
    shutil.rmtree(folder / "target")
    build(folder)
    if agrees(answer(folder), given) != "same":
        raise SystemExit("what was built again is not what is built from nothing")
    return found


def reading(workload: Workload, data: Path) -> str:
    """A program that reads the columns of a workload's facts."""
    queries = [f"select {sums} from '{data / name}.parquet'" for name, sums in FACTS[workload.name].items()]
    return f"import duckdb\nfor query in {queries!r}: duckdb.sql(query).fetchall()"


def nothing() -> None:
    """Leave everything as it is."""


def after(prepare: Callable[[], None], folder: Path) -> float:
    """The seconds of a build after a change."""
    prepare()
    return build(folder)


def build(folder: Path) -> float:
    """The seconds of a build."""
    return measured((*FEATSQL, "build", "--project-dir", str(folder)))[0]


def answer(folder: Path) -> pl.DataFrame:
    """What was built, in the order of the spine's rows."""
    return pl.read_parquet(folder / FOLDER).sort("row")


if __name__ == "__main__":
    main()
