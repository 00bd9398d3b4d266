"""Every format that lineage can be written in, and putting it where it was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from featsql.build.publish import put_text
from featsql.errors import Diagnostic, FeatsqlError
from featsql.export import dbt, dot, html, json, mermaid, openlineage
from featsql.export.excerpt import Excerpt
from featsql.secrets import redact


class Format(Struct, frozen=True):
    """What writes an excerpt as named texts, and whether these are several, which need a folder."""

    write: Callable[[Excerpt], Iterator[tuple[str, str]]]
    folder: bool = False


FORMATS: Mapping[str, Format] = {
    "json": Format(json.write),
    "openlineage": Format(openlineage.write),
    "dot": Format(dot.write),
    "mermaid": Format(mermaid.write),
    "dbt": Format(dbt.write, folder=True),
    "html": Format(html.write),
}


def text_of(excerpt: Excerpt, name: str) -> str:
    """An excerpt in a format of one file, without secrets."""
    ((_, text),) = FORMATS[name].write(excerpt)
    return text if name == "html" else redact(text, excerpt.compiled.project.secrets)


def save(excerpt: Excerpt, name: str, path: Path) -> tuple[Path, ...]:
    """Write an excerpt to a file, or into a folder where the format has several; gives the files written.

    Each file is put in place whole. Raises FeatsqlError FS731 where that cannot be done.
    """
    chosen = FORMATS[name]
    texts = [(path / file if chosen.folder else path, text) for file, text in chosen.write(excerpt)]
    try:
        for target, text in texts:
            put_text(target, text if name == "html" else redact(text, excerpt.compiled.project.secrets))
    except OSError as error:
        message = f"cannot write `{path}`: {error.strerror or error}"
        hint = "name a folder" if chosen.folder else "name a file"
        raise FeatsqlError(Diagnostic("FS731", message, hint=f"{hint} that you may write")) from error
    return tuple(target for target, _ in texts)
