"""`featsql verify`: the three laws, put to the project's own training sets and data."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featsql.cli.options import Exclude, Json, ProjectDir, Target, Threads, Variables, open_project
from featsql.cli.output import emit, say

if TYPE_CHECKING:
    from featsql.prove.verdict import FeatureVerdict, Verdict

SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h)?")
TOO_LITTLE = 3  # the exit code where nothing is found, but too few rows were verified
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
AtLeast = Annotated[
    int | None,
    typer.Option(
        "--at-least", min=1, metavar="N", show_default=False, help="So many rows are enough (else all of them)."
    ),
]
LEGEND = (
    "proved: the compiled query reads nothing for it but visible rows, and the checker warns of nothing;\n"
    "  that the values are right is not proved.\n"
    "verified: equal to the reference, and the same whatever comes later, on so many rows."
)


def read_span(text: str) -> float:
    """`60s`, `5m` or `1h` in seconds."""
    match = SPAN.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(f"`{text}` is no span of time: write it like 60s, 5m or 1h")
    return float(match[1]) * SECONDS[match[2] or "s"]


def verify(
    select: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SELECTOR]...", show_default=False, help="Which training sets (all, if not given)."),
    ] = None,
    exclude: Exclude = None,
    span: Annotated[str, typer.Option("--for", metavar="SPAN", help="Stop after so long: 60s, 5m, 1h.")] = "60s",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Which rows chance takes.")] = 0,
    sample: Annotated[int, typer.Option("--sample", min=1, metavar="N", help="At most so many rows of each.")] = 200,
    at_least: AtLeast = None,
    as_json: Json = False,
    project_dir: ProjectDir = None,
    target: Target = None,
    variables: Variables = None,
    threads: Threads = None,
) -> None:
    """Verify training sets against the definition, on your own data.

    Rows of every kind are taken and asked again of the reference, which runs the models' own SQL at one instant
    after the other; what was not known at a row's instant is left out, then made up, and must change
    nothing; and every label has one row. What was verified is kept, and the next run goes on from there. However short
    the time, 20 rows of each are verified. The exit code is 1 where a counter-example is found, and 3 where none is,
    but too few rows were verified: not all of the sample, or fewer than `--at-least` says.

    \b
    Examples:
      featsql verify
      featsql verify churn_training --for 5m --sample 1000
      featsql verify tag:daily --seed 7 --json
      featsql verify --for 10s --at-least 50
    """
    project = open_project(project_dir, target, variables, threads)
    verdicts = project.verify(
        select or (), exclude or (), seconds=read_span(span), seed=seed, sample=sample, at_least=at_least
    )
    show(verdicts, as_json)
    if any(verdict.broken for verdict in verdicts):
        raise typer.Exit(1)
    if not all(verdict.enough for verdict in verdicts):
        raise typer.Exit(TOO_LITTLE)


def show(verdicts: Sequence[Verdict], as_json: bool) -> None:
    """All verdicts, and in the last line which share was reached."""
    if as_json:
        emit(as_data(verdicts))
        return
    for verdict in verdicts:
        show_verdict(verdict)
    say(f"{LEGEND}\n\n{share(verdicts)}")


def as_data(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The verdicts for a machine."""
    return {
        "ok": all(verdict.ok for verdict in verdicts),
        "enough": all(verdict.enough for verdict in verdicts),
        "training_sets": [each.as_data() for each in verdicts],
    }


def share(verdicts: Sequence[Verdict]) -> str:
    """The last line: which share of the rows was reached, and what was found."""
    verified, sample = (sum(counts) for counts in zip(*((v.verified, v.sample) for v in verdicts), strict=True))
    of = f" of {len(verdicts)} training sets" if len(verdicts) > 1 else ""
    line = f"verified {verified:,} of {sample:,} sampled rows{of} ({100 * verified // max(sample, 1)} %)"
    broken = sum(len(verdict.counterexamples) for verdict in verdicts)
    if broken:
        line += f"; counter-examples for {broken} feature{'s' if broken > 1 else ''}"
    if any(not verdict.sample for verdict in verdicts):
        line += "; where there are no labels there is nothing to verify"
    if any(not verdict.finished for verdict in verdicts):
        line += "; time was up: run it again to go on"
    return line


def show_verdict(verdict: Verdict) -> None:
    """One training set for a person."""
    from featsql.cli.table import table

    say(headline(verdict))
    rows = [line_of(each) for each in verdict.features]
    if rows:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        say(table(["feature", "proved", "verified"], rows, width))
    for each in verdict.counterexamples:
        say(f"\n{each.story}\nMore: featsql why {verdict.name}.{each.column} --row {each.number}")
    for tie in verdict.ties:
        say(f"\n{tie.story}")
    objections = dict.fromkeys(each for feature in verdict.features for each in feature.objections)
    listed("Not proved, because of:", list(objections))
    listed("Taken at its word:", list(verdict.trusted))
    listed("Noted:", list(verdict.notes))
    say(f"\nReport: {', '.join(verdict.report)}\n")


def headline(verdict: Verdict) -> str:
    """How much was seen, and whether every label has its row."""
    seen = f"{verdict.verified:,} of {verdict.sample:,} sampled rows verified (seed {verdict.seed})"
    if verdict.resumed:
        seen += f", {verdict.resumed:,} of them by an earlier run"
    if not verdict.finished:
        seen += "; time was up: run it again to go on"
    counted = f"{verdict.spine_rows:,} labels, rows not counted"
    if verdict.rows is not None:
        counted = f"{verdict.rows:,} rows for {verdict.spine_rows:,} labels"
    return f"{verdict.name}: {seen}; {counted}; the built table: {verdict.table}"


def line_of(each: FeatureVerdict) -> tuple[str, str, str]:
    """One feature as a row of the table."""
    if each.counterexample is not None:
        outcome = f"COUNTER-EXAMPLE: {each.counterexample.law}"
    elif each.tie is not None:
        outcome = f"{each.rows:,} rows, but for a tie: nothing settles its value"
    else:
        outcome = each.skipped or f"{each.rows:,} rows"
    return each.column, "yes" if each.proved else "no", outcome


def listed(head: str, lines: list[str]) -> None:
    """Lines under a head, if there are any."""
    if lines:
        say("\n".join(["", head, *(f"  {line}" for line in lines)]))
