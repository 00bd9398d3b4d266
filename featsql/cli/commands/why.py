"""`featsql why`: the source rows behind one value, and those that were held back."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featsql.cli.options import Json, ProjectDir, Target, Threads, Variables, open_project
from featsql.cli.output import emit, say
from featsql.errors import Diagnostic, FeatsqlError

if TYPE_CHECKING:
    from featsql.prove.why.explanation import Evidence, Explanation

# Parts of which the number says enough.
COUNTED = {"later": "happened only later", "before the window": "from before the window, where nothing matters"}
MARKS = {"made": "*", "together": "*", "idle": "o", "untried": "o", "held back": "h"}
MEANINGS = [("*", "made the value"), ("o", "could have"), ("h", "held back"), ("k", "known"), ("|", "asked")]


Cell = Annotated[
    str, typer.Argument(metavar="MODEL.COLUMN", show_default=False, help="A column of a training set, or a feature.")
]
Row = Annotated[
    int | None, typer.Option("--row", min=1, metavar="N", help="Which row, from 1, in the order of the instants.")
]
Key = Annotated[
    list[str] | None,
    typer.Option("--key", "-k", metavar="KEY=VALUE", help="The row with this value; may be given several times."),
]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="INSTANT", help="The row of this instant; when a feature is asked.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=0, help="At most so many source rows of each part.")]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write it as a web page that needs nothing else.")
]


def why(
    cell: Cell,
    row: Row = None,
    key: Key = None,
    as_of: AsOf = None,
    limit: Limit = 10,
    html: Html = None,
    as_json: Json = False,
    project_dir: ProjectDir = None,
    target: Target = None,
    variables: Variables = None,
    threads: Threads = None,
) -> None:
    """Show the source rows that made one value, when each happened and was first known, and those held back.

    The value is computed from the sources as they are now, and again without the rows that were visible: what
    changes it has made it. Rows are numbered by the instant, and then by the labels' other columns from left to
    right.

    \b
    Examples:
      featsql why churn_training.spend_30d --row 12
      featsql why churn_training.spend_30d --key customer_id=7 --as-of '2024-03-01'
      featsql why customer_spend.last_amount --key customer_id=7 --as-of '2024-03-01 12:00' --json
      featsql why churn_training.spend_30d --row 12 --html why.html
    """
    project = open_project(project_dir, target, variables, threads)
    found = project.why(cell, row=row, keys=read_keys(key or []), as_of=as_of, limit=limit)
    if html is not None:
        from featsql.export.why import save

        save(found, project.project.secrets, html)
    if as_json:
        emit(found.as_data())
    elif html is not None:
        say(f"Wrote {html}")
    else:
        show_explanation(found)


def read_keys(texts: list[str]) -> dict[str, str]:
    """`--key a=1 --key b=2` as a mapping. Raises FeatsqlError FS902."""
    keys: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            message = f"`--key {text}` does not name a key and its value"
            raise FeatsqlError(Diagnostic("FS902", message, hint="write it like --key customer_id=7"))
        keys[name.strip()] = value
    return keys


def show_explanation(found: Explanation) -> None:
    """An explanation for a person."""
    from featsql.cli.table import cell

    who = ", ".join(f"{name}={cell(value)}" for name, value in found.row.items())
    say(f"{found.model}.{found.column} is {cell(found.value)}")
    say(f"  of {who or 'everything'}, asked at {cell(found.instant)}")
    if found.steps:
        say("\nIt came through:")
    for step in found.steps:
        say("\n".join([f"  {step.place}", *(f"    {line}" for line in step.sql.splitlines())]))
    for evidence in found.evidence:
        show_evidence(evidence, found.instant)
    for note in found.notes:
        say(f"\nNote: {note}")


def show_evidence(evidence: Evidence, instant: str | None) -> None:
    """What one relation had to say."""
    from featsql.cli.table import cell, table
    from featsql.prove.why.explanation import MEANINGS as PARTS

    head = f"\n{evidence.relation.replace(':', ' ')} ({evidence.kind})"
    keys = ", ".join(f"{name} = {cell(value)}" for name, value in evidence.keys.items())
    head += f", where {keys}" if keys else ", rows of every key"
    head += f", since {evidence.since}" if evidence.since else ", however old" if evidence.kind == "events" else ""
    say(head + (f"; made of {', '.join(evidence.upstream)}" if evidence.upstream else ""))
    draw(evidence, instant)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for part, meaning in PARTS.items():
        facts = [fact for fact in evidence.facts if fact.part == part]
        count = evidence.counts.get(part, 0)
        if not count or part in COUNTED:
            continue
        say(f"\n  {meaning}: {count:,}")
        if facts:
            rows = [(fact.happened, fact.known, *fact.row.values()) for fact in facts]
            say(indented(table(["happened", "known", *facts[0].row], rows, width)))
        if count > len(facts):
            say(f"  and {count - len(facts):,} more")
    rest = [f"{evidence.counts[part]:,} {said}" for part, said in COUNTED.items() if evidence.counts.get(part)]
    if rest:
        say(f"\n  Beside these: {', '.join(rest)}")
    if not evidence.counts:
        say("\n  no row at all")


def draw(evidence: Evidence, instant: str | None) -> None:
    """The rows shown, on a line of time."""
    from featsql.prove.why.timeline import legend, timeline

    marks = [
        (MARKS[fact.part], fact.happened) for fact in evidence.facts if fact.part in MARKS and fact.happened is not None
    ]
    marks += [("k", fact.known) for fact in evidence.facts if fact.part == "held back" and fact.known is not None]
    lines = timeline(evidence.since, instant, marks) if instant is not None else []
    if lines:
        say(indented("\n".join(["", *lines, legend([*(mark for mark, _ in marks), "|"], MEANINGS)])))


def indented(text: str) -> str:
    """Lines, a little to the right."""
    return "\n".join(f"  {line}" if line else "" for line in text.splitlines())
