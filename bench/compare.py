"""Run featsql and its peers side by side on the same data, check that all agree, and write medians and ratios.

    python bench/compare.py [--events 1000000] [--spine 100000] [--keys 10000] [--skew even|zipf] [--workloads W1,W2]
                            [--peers featsql,duckdb,polars] [--repeat 3] [--out target/bench]

Every run is a process of its own, from start to a written Parquet file; its time is wall time, its memory the peak of
that process. Runs of different systems take turns, so that a busy moment of the machine hits all alike, and before each
memory is touched, so that none has to wait for it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import make_data
import numpy as np
import polars as pl
from options import count, several_of
from workloads import WORKLOADS, Workload

HERE = Path(__file__).parent
PEERS = ("floor", "featsql", "duckdb", "polars", "numpy", "pandas", "chdb", "pyspark", "feast")
BY_HAND = "duckdb"
TOLERANCE = 1e-9
WARM = 4 << 30  # bytes
CANNOT = 3  # the exit code of a peer that does not do a workload, or is not installed


def main() -> None:
    """Parse the command line, make the data, run, compare, and write."""
    options = parsed()
    data = make_data.make(options.out, options.events, options.spine, options.keys, options.skew)
    results: list[dict[str, Any]] = []
    for name in options.workloads:
        results += compared(WORKLOADS[name], options.peers, data, options)
    sizes = {key: getattr(options, key) for key in ("events", "spine", "keys", "skew", "repeat")}
    (options.out / "results.json").write_text(json.dumps({"sizes": sizes, "results": results}, indent=2))
    table = markdown(results, sizes)
    (options.out / "results.md").write_text(table)
    print(table)
    if any(result["answer"] == "DIFFERS" for result in results):
        sys.exit(1)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=count, default=1_000_000)
    parser.add_argument("--spine", type=count, default=100_000)
    parser.add_argument("--keys", type=count, default=10_000)
    parser.add_argument("--skew", choices=("even", "zipf"), default="even")
    parser.add_argument("--workloads", type=several_of(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--peers", type=several_of(PEERS), default=list(PEERS))
    parser.add_argument("--repeat", type=count, default=3)
    parser.add_argument("--timeout", type=float, default=600)
    parser.add_argument("--out", type=Path, default=Path("target/bench"))
    return parser.parse_args()


def compared(workload: Workload, peers: list[str], data: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """One workload: every peer in turn, several times over, and its answer against featsql's."""
    runs: dict[str, list[tuple[float, int]]] = {}
    left = list(peers)
    for _ in range(options.repeat):
        for peer in list(left):
            ended = run(peer, workload, data, options.timeout)
            if ended is None:
                left.remove(peer)
            else:
                runs.setdefault(peer, []).append(ended)
    expected = answer(data, "featsql", workload) if "featsql" in runs else None
    found = []
    for peer, times in runs.items():
        seconds = median(each for each, _ in times)
        memory = max(each for _, each in times)
        same = (
            "" if peer in {"floor", "featsql"} or expected is None else agrees(expected, answer(data, peer, workload))
        )
        found.append({"workload": workload.name, "peer": peer, "seconds": seconds, "megabytes": memory, "answer": same})
    return found


def run(peer: str, workload: Workload, data: Path, timeout: float) -> tuple[float, int] | None:
    """Wall seconds and peak megabytes of one run; None where the peer cannot do it."""
    command = [sys.executable, str(HERE / "peers" / f"{peer}_peer.py"), workload.name, str(data)]
    # a checkout is as compiled as an installation
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = inherited | {"TZ": "UTC", "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])}
    launcher = [sys.executable, str(HERE / "measured.py"), str(timeout)]
    touch(WARM)
    launched = subprocess.run([*launcher, *command], env=environment, stdout=subprocess.PIPE, check=True, text=True)
    ended = json.loads(launched.stdout)
    match ended["code"]:
        case 0:
            print(f"{workload.name} {peer}: {ended['seconds']:.2f} s", file=sys.stderr)
            return ended["seconds"], ended["megabytes"]
        case None:
            reason = f"more than {timeout:.0f} s"
        case code:
            reason = "not installed, or does not do this" if code == CANNOT else "failed"
    print(f"{workload.name} {peer}: {reason}", file=sys.stderr)
    return None


def touch(size: int) -> None:
    """Have the machine give out so much memory, and take it back: a virtual one that lends what is free to others takes
    seconds to get it again, which would fall to whoever happens to run."""
    np.ones(size, dtype=np.uint8)


def answer(data: Path, peer: str, workload: Workload) -> pl.DataFrame:
    """What a peer wrote, in the order of the spine's rows."""
    frame = pl.read_parquet(data / f"answer_{workload.name}_{peer}.parquet")
    return frame.select("row", *workload.columns).sort("row")


def agrees(expected: pl.DataFrame, found: pl.DataFrame) -> str:
    """Whether two answers are the same, but for the last digits of sums of floats."""
    if expected.height != found.height:
        return f"{found.height:,} of {expected.height:,} rows"
    for name in expected.columns:
        mine, theirs = expected[name], found[name]
        if mine.dtype == pl.List:
            same = (
                mine.cast(pl.List(pl.Float64)).fill_null([]).to_list()
                == theirs.cast(pl.List(pl.Float64)).fill_null([]).to_list()
            )
        elif mine.dtype.is_numeric():
            a, b = mine.cast(pl.Float64), theirs.cast(pl.Float64)
            close = ((a - b).abs() <= TOLERANCE * (1 + a.abs())) | (a.is_null() & b.is_null())
            same = bool(close.fill_null(False).all())
        else:
            same = mine.equals(theirs)
        if not same:
            print(f"{name} differs", file=sys.stderr)
            return "DIFFERS"
    return "same"


def markdown(results: list[dict[str, Any]], sizes: dict[str, Any]) -> str:
    """The results as a table: each time also as a multiple of featsql's."""
    head = ", ".join(f"{value:,} {key}" if isinstance(value, int) else f"{key} {value}" for key, value in sizes.items())
    lines = [
        f"{head}; {os.cpu_count()} cores",
        "",
        "| workload | system | seconds | x featsql | MB | answer |",
        "|---|---|---|---|---|---|",
    ]
    own = {r["workload"]: r["seconds"] for r in results if r["peer"] == "featsql"}
    for each in results:
        ratio = f"{each['seconds'] / own[each['workload']]:.2f}" if each["workload"] in own else ""
        cells = [
            each["workload"],
            each["peer"],
            f"{each['seconds']:.2f}",
            ratio,
            f"{each['megabytes']:,}",
            each["answer"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
