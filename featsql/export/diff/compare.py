"""A compiled project against what it was: a git revision, a saved lineage document, or a build's manifest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from featsql.compiler import Compiled
from featsql.data import plain
from featsql.export.diff.impact import Change, Impact, Reach, Rebuild, Touched, impact
from featsql.export.diff.revision import lineage_at
from featsql.export.diff.snapshot import of_document, read_snapshot
from featsql.export.excerpt import excerpt
from featsql.export.json import document
from featsql.resolve.lineage.reach import ANY, NOW

VERSION = 2


def compare(compiled: Compiled, against: str, target: str | None, variables: Mapping[str, Any]) -> Impact:
    """What has changed in a project since `against`: a file that was saved, or else a git revision.

    `target` and `variables` are those that the project itself was loaded with. Raises FeatsqlError FS732 to FS734
    where there is nothing to compare with.
    """
    saved = Path(against)
    if saved.is_file():
        old = read_snapshot(saved)
    else:
        old = of_document(lineage_at(compiled.project.root, against, target, variables))
    return impact(old, of_document(document(excerpt(compiled))))


def limited(found: Impact, keys: Collection[str]) -> Impact:
    """The part of an impact that is about some relations."""
    names = {key.partition(":")[2] for key in keys if not key.startswith("source:")}
    return Impact(
        tuple(each for each in found.changes if each.key in keys),
        tuple(each for each in found.reaches if each.key in keys),
        tuple(each for each in found.touched if each.key in keys),
        tuple(each for each in found.rebuild if each.name in names),
    )


def as_data(found: Impact) -> dict[str, Any]:
    """An impact for a machine: `changes`, `touched`, `rebuild`, and the command that rebuilds."""
    return {"version": VERSION, **plain(found), "command": command(found.rebuild)}


def as_text(found: Impact) -> str:
    """An impact for people."""
    if not found.changes and not found.touched:
        return "Nothing has changed but, perhaps, comments and layout"
    blocks = []
    if found.changes:
        blocks.append("\n".join(["Changed", *(line for each in found.changes for line in change_lines(each, found))]))
    own = {each.key for each in found.changes}
    if below := [each for each in found.touched if each.key not in own]:
        blocks.append("\n".join(["Touched by that", *(touched_line(each) for each in below)]))
    if found.rebuild:
        lines = [f"  {each.name}: {each.why}{', from nothing' if each.refresh else ''}" for each in found.rebuild]
        blocks.append("\n".join(["To be built again", *lines, f"  $ {command(found.rebuild)}"]))
    else:
        blocks.append("Nothing has to be built again")
    return "\n\n".join(blocks)


def change_lines(change: Change, found: Impact) -> list[str]:
    """A changed relation, its columns where these are not simply all of them, and how far it reaches."""
    where = f"  {change.path}" if change.path else ""
    lines = [f"  {change.key.partition(':')[2]}  {change.kind.replace('_', ' ')}, {change.what}{where}"]
    if change.what == "changed":
        lines += ["    which rows it has, or all of its columns"] if change.rows else []
        lines += [f"    {name}: {what}" for name, what in change.columns]
    return lines + [f"    {line}" for each in found.reaches if each.key == change.key for line in reach_lines(each)]


def reach_lines(reach: Reach) -> list[str]:
    """The interval in which a relation acts on changed columns, unless it is simply the same instant or any."""
    was = f" (was {reach.before})" if reach.before not in {None, reach.now} else ""
    said = f"reads {reach.relation.partition(':')[2]} in {reach.now}{was} for {', '.join(reach.columns)}"
    return [said] if reach.now not in {NOW.text, ANY.text} or was else []


def touched_line(touched: Touched) -> str:
    """A relation below a change, with the columns that it reaches."""
    name, kind = touched.key.partition(":")[2], touched.kind.replace("_", " ")
    if touched.columns and len(touched.columns) == touched.total:
        return f"  {name}  {kind}: all columns"
    parts = ([", ".join(touched.columns)] if touched.columns else []) + (["which rows it has"] if touched.rows else [])
    return f"  {name}  {kind}: {'; '.join(parts)}"


def command(rebuild: Collection[Rebuild]) -> str | None:
    """The command that builds again what has to be."""
    if not rebuild:
        return None
    refresh = " --full-refresh" if any(each.refresh for each in rebuild) else ""
    return f"featsql build{refresh} --select {' '.join(each.name for each in rebuild)}"
