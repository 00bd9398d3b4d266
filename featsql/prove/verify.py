"""`verify`: the three laws on a project's own training sets and data, with a report beside each."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from featsql.build.kept import read_kept
from featsql.build.manifest import unique_id
from featsql.build.publish import write_json
from featsql.build.reuse.fingerprint import Fingerprints
from featsql.compiler import Compiled
from featsql.engine import Engine, EngineError
from featsql.engines.duckdb.lower.lower import lower
from featsql.plan.plan import Plan, Scan
from featsql.prove.examine import Examination
from featsql.prove.expected import windowed
from featsql.prove.findings import Findings, Limit
from featsql.prove.proof.proof import objections, trusted, unrestricted
from featsql.prove.resume import Progress, folder
from featsql.prove.scratch import Scratch, clocked
from featsql.prove.strata import Pick, number_spine, pick
from featsql.prove.verdict import FeatureVerdict, Verdict
from featsql.resolve.graph import model_key

# Seconds between two attempts to stop.
PATIENCE = 0.05
# So many rows are verified however long it takes: they are of all strata in turn.
FLOOR = 20
TIED = "ties: nothing settles which value it takes"
WINDOWED = "it looks at other rows of the training set, which a sample has not"


class About(Struct):
    """What featsql says of a node in the manifest, as far as it is read back."""

    fingerprint: str | None = None


class Node(Struct):
    """A node in the manifest."""

    featsql: About


class Manifest(Struct):
    """The manifest of the last build."""

    nodes: dict[str, Node]


class Terms(Struct, frozen=True):
    """How to verify: for so many seconds of wall time, with a seed, at most so many rows, of which so many are enough
    (None: all of them). Whatever the time, `FLOOR` rows are verified."""

    seconds: float = 60.0
    seed: int = 0
    sample: int = 200
    at_least: int | None = None

    def wanted(self, there: int) -> int:
        """How many rows are enough of so many that there are to be seen."""
        return there if self.at_least is None else min(self.at_least, there)


def verify(plan: Plan, compiled: Compiled, engine: Engine, terms: Terms) -> Verdict:
    """Put the laws to a sample of a training set's rows, and write a report under the target path and beside the
    Parquet copy, if there is one.

    `engine` can read the training set's relations. Rows that were seen by an earlier run of the same code, inputs,
    seed and size are not seen again. Raises FeatsqlError where the training set's own query fails.
    """
    started = time.monotonic()
    scratch = Scratch(clocked(plan), compiled, engine)
    picks = pick(plan, spine := number_spine(plan, scratch), scratch, terms.sample, terms.seed)
    progress = Progress(plan, compiled, terms.seed, terms.sample)
    before = progress.load() & {each.number for each in picks}
    examination = Examination(plan, compiled, scratch, spine, terms.seed)
    limit = Limit(started + terms.seconds, min(FLOOR, len(picks)) - len(before), examination.findings)
    with stopping(engine, limit):
        left = [each for each in picks if each.number not in before]
        findings = examination.examine(left, limit, lambda: progress.save([*before, *examination.findings.seen]))
        rows = None if limit.reached else count(lower(plan), engine)
    if findings.counterexamples:
        progress.forget()
    seen = {*before, *findings.seen}
    verdict = Verdict(
        name=plan.name,
        features=features(plan, compiled, examination, len(seen)),
        seed=terms.seed,
        sample=len(picks),
        verified=len(seen),
        wanted=terms.wanted(len(picks)),
        resumed=len(before),
        finished=findings.finished,
        seconds=time.monotonic() - started,
        spine_rows=engine.count(spine),
        rows=rows,
        strata=strata(picks, seen),
        trusted=tuple(trusted(read_by(plan), compiled)),
        notes=tuple(findings.notes),
        fingerprint=Fingerprints(compiled).of(plan.name),
        table=table_of(plan, compiled),
    )
    return report(verdict, compiled)


@contextmanager
def stopping(engine: Engine, limit: Limit) -> Iterator[None]:
    """Stop the statement that still runs when time is up and enough was seen, and those that come in its place."""
    ended = threading.Event()

    def interrupt() -> None:
        ended.wait(max(limit.deadline - time.monotonic(), 0.0))
        while not ended.wait(PATIENCE):
            if limit.reached:
                engine.interrupt()

    timer = threading.Thread(target=interrupt, daemon=True)
    timer.start()
    try:
        yield
    finally:
        ended.set()
        timer.join()


def count(query: exp.Query, engine: Engine) -> int | None:
    """The number of a query's rows; None where the engine was stopped."""
    try:
        counted = exp.select(exp.Count(this=exp.Star())).from_(query.subquery("counted"))
        return int(engine.rows(counted.sql("duckdb"))[0][0])
    except EngineError as error:
        if error.kind.startswith("INTERRUPT"):
            return None
        raise


def features(plan: Plan, compiled: Compiled, examination: Examination, rows: int) -> tuple[FeatureVerdict, ...]:
    """What was found of each column that is not the labels' own."""
    leaks, apart = unrestricted(plan, compiled), windowed(plan)
    findings: Findings = examination.findings
    by_alias = {attach.alias.casefold(): objections(attach.features, compiled, leaks) for attach in plan.attachments}
    by_alias |= {read.alias.casefold(): against(read.scan, leaks) for read in plan.readings}
    by_alias |= {scan.relation.key: against(scan, leaks) for scan in plan.scans.values()}
    asked = {**dict.fromkeys((*findings.counterexamples, *findings.ties), ()), **examination.features}
    verdicts = []
    for name, aliases in asked.items():
        found_against = tuple(dict.fromkeys(each for alias in aliases for each in by_alias[alias]))
        found = findings.counterexamples.get(name)
        skipped, tie = WINDOWED if name in apart else None, findings.ties.get(name)
        found_against += (TIED,) if tie else ()
        seen = 0 if skipped else rows
        verdicts.append(FeatureVerdict(name, not found_against, seen, found_against, found, skipped, tie))
    return tuple(verdicts)


def against(scan: Scan, leaks: dict[str, str]) -> list[str]:
    """Why a relation that a training set reads by itself is not proved."""
    key = scan.relation.key
    return [f"{key}: {leaks[key]}"] if key in leaks else []


def strata(picks: Sequence[Pick], seen: set[int]) -> dict[str, int]:
    """How many of the rows seen are of each stratum."""
    return dict(Counter(why for each in picks if each.number in seen for why in each.why))


def read_by(plan: Plan) -> list[str]:
    """The relations behind the features of a training set."""
    names = [model_key(attach.features.name) for attach in plan.attachments]
    return [*names, *(read.scan.relation.key for read in plan.readings), *(s.relation.key for s in plan.scans.values())]


def table_of(plan: Plan, compiled: Compiled) -> str:
    """Whether the table of the last build is of this code and these inputs, by the fingerprint in its manifest."""
    manifest = read_kept(compiled.project.root / compiled.project.target_path / "manifest.json", Manifest)
    node = manifest.nodes.get(unique_id(model_key(plan.name), compiled)) if manifest is not None else None
    if node is None:
        return "not built"
    built = node.featsql.fingerprint
    if built is None:
        return "not built by the last build"
    return (
        "of this code and these inputs" if built == Fingerprints(compiled).of(plan.name) else "of other code or inputs"
    )


def report(verdict: Verdict, compiled: Compiled) -> Verdict:
    """Write what was found, and say where."""
    root = compiled.project.root
    paths = [folder(compiled) / f"{verdict.name}.json"]
    published = compiled.graph.models[verdict.name].config.publish
    if published is not None and (root / published.path).exists():
        paths.append(beside(root / published.path))
    told = replace(
        verdict,
        report=tuple(path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path) for path in paths),
    )
    for path in paths:
        write_json(path, told.as_data(), compiled.project.secrets, indent=2)
    return told


def beside(path: Path) -> Path:
    """The report's place beside a Parquet copy: `training.parquet` has `training.verify.json`."""
    return path.with_name(f"{path.name.removesuffix('.parquet')}.verify.json")
