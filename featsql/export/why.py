"""One answer of `why` as a web page that needs nothing else: the value, its rows on lines of time, and the SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from featsql.build.publish import write_text
from featsql.errors import Diagnostic, FeatsqlError
from featsql.prove.why.explanation import MEANINGS, Evidence, Explanation, Fact
from featsql.prove.why.timeline import read, share, shown
from featsql.secrets import redact

# How the rows of each part are drawn; others would only crowd the picture.
DRAWN = {"made": "made", "together": "made", "idle": "idle", "untried": "idle", "held back": "held"}
LEGEND = {"made": "made the value", "idle": "could have", "held": "held back: happened, but not yet known"}
WIDTH, LANE, MARGIN = 1000, 16, 20


def page(found: Explanation, secrets: Collection[str]) -> str:
    """The whole page, without secrets. What people wrote is in it as text only, and no script may run."""
    body = redact("\n".join(parts(found)), {*secrets, *(escape(secret) for secret in secrets)})
    title = escape(f"{found.model}.{found.column}")
    return asset("why.html") % {"title": title, "style": asset("why.css"), "body": body}


def save(found: Explanation, secrets: Collection[str], path: Path) -> None:
    """Write the page to a file, put in place whole. Raises FeatsqlError FS731 where that cannot be done."""
    try:
        write_text(path, page(found, secrets), ())
    except OSError as error:
        message = f"cannot write `{path}`: {error.strerror or error}"
        raise FeatsqlError(Diagnostic("FS731", message, hint="name a file that you may write")) from error


def asset(name: str) -> str:
    """A part of the page."""
    return files("featsql.export").joinpath("page", name).read_text("utf-8")


def parts(found: Explanation) -> Iterator[str]:
    """The page from its head to its notes."""
    who = ", ".join(f"{name} = {text_of(value)}" for name, value in found.row.items())
    yield f"<h1>{text(found.model)}.{text(found.column)} is {text(found.value)}</h1>"
    yield f'<p class="quiet">of {text(who or "everything")}, asked at {text(found.instant)}</p>'
    for evidence in found.evidence:
        yield from section(evidence, found.instant)
    if found.steps:
        yield "<h2>The SQL that it came through</h2>"
    for step in found.steps:
        yield f'<p class="quiet">{text(step.place)}</p><pre>{text(step.sql)}</pre>'
    for note in found.notes:
        yield f"<p>Note: {text(note)}</p>"


def section(evidence: Evidence, instant: str | None) -> Iterator[str]:
    """What one relation had to say."""
    yield f"<h2>{text(evidence.relation.replace(':', ' '))}</h2>"
    keys = ", ".join(f"{name} = {text_of(value)}" for name, value in evidence.keys.items())
    said = [evidence.kind, f"where {keys}" if keys else "rows of every key"]
    said += [f"since {evidence.since}"] if evidence.since else []
    said += [f"made of {', '.join(evidence.upstream)}"] if evidence.upstream else []
    yield f'<p class="quiet">{text("; ".join(said))}</p>'
    yield from drawing(evidence, instant)
    for part, meaning in MEANINGS.items():
        if count := evidence.counts.get(part, 0):
            yield f"<h3>{text(meaning)}: {count:,}</h3>"
            yield from rows([fact for fact in evidence.facts if fact.part == part], count)
    if not evidence.counts:
        yield "<p>no row at all</p>"


def rows(facts: Sequence[Fact], count: int) -> Iterator[str]:
    """Some rows as a table, and how many there are beside them."""
    if not facts:
        return
    names = ["happened", "known", *facts[0].row]
    head = "".join(f"<th>{text(name)}</th>" for name in names)
    yield f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>'
    for fact in facts:
        cells = "".join(f"<td>{text(value)}</td>" for value in (fact.happened, fact.known, *fact.row.values()))
        yield f"<tr>{cells}</tr>"
    yield "</tbody></table></div>"
    if count > len(facts):
        yield f'<p class="quiet">and {count - len(facts):,} more</p>'


def drawing(evidence: Evidence, instant: str | None) -> Iterator[str]:
    """The rows on lines of time: a dot where each happened, a bar where it was known, behind them the window,
    across them the instant that was asked about. Nothing where no row has an instant to draw."""
    asked = read(instant) if instant is not None else None
    lanes = [(fact, read(fact.happened or "")) for fact in evidence.facts if fact.part in DRAWN]
    happened = [moment for _, moment in lanes if moment is not None]
    if asked is None or not happened:
        return
    learnt = [moment for fact, _ in lanes if (moment := read(fact.known or "")) is not None]
    since = read(evidence.since) if evidence.since else None
    begin, end = min([asked, *happened, *([since] if since else [])]), max([asked, *happened, *learnt])

    def x(moment: Any) -> float:
        return round(MARGIN + share(moment, begin, end) * (WIDTH - 2 * MARGIN), 1)

    height = LANE * (len(lanes) + 2)
    yield f'<figure><svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="The rows on a line of time">'
    left = x(since) if since else 0.0
    yield f'<rect class="window" x="{left}" y="0" width="{round(x(asked) - left, 1)}" height="{height - LANE}"/>'
    for number, (fact, moment) in enumerate(lanes, start=1):
        if moment is not None:
            yield lane(fact, number * LANE, x(moment), x(known) if (known := read(fact.known or "")) else None)
    yield f'<line class="asked" x1="{x(asked)}" x2="{x(asked)}" y1="0" y2="{height - LANE}"/>'
    yield f'<text x="{MARGIN}" y="{height - 3}">{text(shown(begin))}</text>'
    yield f'<text x="{WIDTH - MARGIN}" y="{height - 3}" text-anchor="end">{text(shown(end))}</text></svg>'
    styles = dict.fromkeys(DRAWN[fact.part] for fact, _ in lanes)
    legend = "".join(f'<span><svg class="{each}" {DOT} {LEGEND[each]}</span>' for each in styles)
    marks = f"<span>dot: happened; bar: known; line: asked at {text(instant)}</span>"
    yield f"<figcaption>{legend}{marks}</figcaption></figure>"


DOT = 'style="display:inline;width:10px" viewBox="0 0 10 10"><circle cx="5" cy="5" r="4"/></svg>'


def lane(fact: Fact, y: int, happened: float, known: float | None) -> str:
    """One row: from where it happened to where it was known."""
    style = DRAWN[fact.part]
    until = known if known is not None else happened
    title = f"<title>{text(', '.join(f'{name} = {text_of(value)}' for name, value in fact.row.items()))}</title>"
    line = f'<line x1="{happened}" x2="{until}" y1="{y}" y2="{y}"/>'
    bar = f'<line x1="{until}" x2="{until}" y1="{y - 5}" y2="{y + 5}"/>' if known is not None else ""
    return f'<g class="{style}">{title}{line}{bar}<circle cx="{happened}" cy="{y}" r="4"/></g>'


def text_of(value: Any) -> str:
    """A value as people read it."""
    return "NULL" if value is None else str(value)


def text(value: Any) -> str:
    """A value as text of a page."""
    return escape(text_of(value))
