"""Files that are replaced whole or not at all: Parquet copies of results, and JSON about them."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import Any

from sqlglot import exp

from featsql.build.parquet import exact, too_large
from featsql.build.target import table_of
from featsql.engine import Column, Engine, EngineError
from featsql.errors import Diagnostic, FeatsqlError
from featsql.read.model import Model
from featsql.read.project import Project, Publish
from featsql.secrets import redact, redacted

# How the names of files end that are not in their place yet.
LEFT = re.compile(r"[0-9a-f]{32}(\.link)?")
# How a Parquet file begins.
PARQUET = b"PAR1"
DAY = 24 * 60 * 60
# How many digits the number of a generation of files has.
DIGITS = 4


def publish(model: Model, project: Project, engine: Engine) -> tuple[str, ...]:
    """Copy a built relation to Parquet where its config asks for it; gives the paths written. What is external lies
    there since it was built. Raises FeatsqlError FS806 where that cannot be written."""
    wanted = model.config.publish
    if wanted is None:
        return ()
    if not model.config.is_external:
        rows = exp.select("*").from_(table_of(project, model.name)).sql("duckdb")
        columns = engine.columns(rows)
        try:
            put(model, project, lambda path: write_rows(engine, exact(rows, columns), wanted, path))
        except EngineError as error:
            raise unfit(model, wanted.path, error, columns) from error
    return (wanted.path,)


def put(model: Model, project: Project, write: Callable[[str], object]) -> None:
    """Put rows that `write` writes to the path that it is given where the model's config wants them.

    A single file is replaced by renaming. A folder is written under a name of its own
    beside its path, and that is a symbolic link that then points to it: readers see the old rows
    or the new ones. Raises FeatsqlError FS806 where that cannot be done, and whatever `write` raises:
    what was there stays then.
    """
    wanted = model.config.publish
    assert wanted is not None
    path = project.root / wanted.path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path)
        if wanted.is_folder:
            put_folder(path, write)
        else:
            put_file(path, write)
    except OSError as error:
        hint = "remove it, or publish to another path" if isinstance(error, FileExistsError) else None
        raise unpublished(model, wanted.path, str(error), hint) from error


def write_rows(engine: Engine, query: str, wanted: Publish, path: str, generation: int = 0) -> int:
    """Write the rows of a query to a file, or to a folder, in which the names of files begin with the number of a
    generation. Gives how many they are."""
    if not wanted.is_folder:
        return engine.write_parquet(query, path)
    Path(path).mkdir()
    name = f"{generation:0{DIGITS}}"
    rows = engine.write_parquet(query, path, wanted.partition_by, name) if wanted.partition_by else 0
    return rows or engine.write_parquet(query, f"{path}/{name}.parquet")  # without rows there are columns


def unfit(model: Model, path: str, error: EngineError, columns: Sequence[Column]) -> FeatsqlError:
    """What is said where the engine refuses to write rows."""
    large = too_large(error, columns)
    hint = "let the model give it as a DOUBLE or a VARCHAR" if large else None
    return unpublished(model, path, large or error.message.splitlines()[0], hint)


def unpublished(model: Model, path: str, message: str, hint: str | None = None) -> FeatsqlError:
    """What is said where rows cannot be published."""
    place = model.config.place or model.rendered.file.place(1)
    return FeatsqlError(Diagnostic("FS806", f"cannot publish `{path}`: {message}", place, hint))


def put_file(path: Path, write: Callable[[str], object]) -> None:
    """Write one Parquet file and put it in place; what is there may only be another one."""
    if path.is_dir():
        raise FileExistsError(f"{path.name} is a folder")
    if path.exists() and not path.is_file():  # as root one could put a file in the place of a device
        raise FileExistsError(f"{path.name} is no file")
    if path.exists() and not is_parquet(path):
        raise FileExistsError(f"{path.name} exists and is no Parquet file")
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        write(str(fresh))
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def is_parquet(path: Path) -> bool:
    """Whether a file begins as those of Parquet do, or is empty."""
    with path.open("rb") as file:
        return file.read(len(PARQUET)) in {PARQUET, b""}


def put_folder(path: Path, write: Callable[[str], object]) -> None:
    """Write a folder and let the link point to it."""
    if path.exists() and not path.is_symlink():
        raise FileExistsError(f"{path.name} exists and is not a folder that featsql published")
    old = path.resolve() if path.is_symlink() else None
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    link = path.with_name(f"{fresh.name}.link")
    try:
        write(str(fresh))
        link.symlink_to(fresh.name, target_is_directory=True)
        os.replace(link, path)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        link.unlink(missing_ok=True)
        raise
    if old is not None and old.parent == fresh.parent.resolve() and old.name.startswith(f".{path.name}."):
        shutil.rmtree(old, ignore_errors=True)


def sweep(path: Path) -> None:
    """Remove what builds that were killed have left beside a path: what is older than a day, and not what a link points
    to."""
    own = path.resolve().name
    for each in path.parent.glob(f".{escape(path.name)}.*"):
        if not LEFT.fullmatch(each.name.removeprefix(f".{path.name}.")) or each.name == own:
            continue
        with suppress(OSError):  # another build may be at it
            if time.time() - each.lstat().st_mtime < DAY:
                continue
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            else:
                each.unlink()


def write_json(path: Path, document: Mapping[str, Any], secrets: Collection[str], indent: int | None = None) -> None:
    """Write a JSON file without secrets, and put it in place. Raises FeatsqlError FS808."""
    clean = redacted(document, secrets)
    place(path, json.dumps(clean, indent=indent, default=str, ensure_ascii=False) + "\n")


def write_record(path: Path, text: str, secrets: Collection[str]) -> None:
    """Write what featsql keeps about a project, and put it in place. Raises FeatsqlError FS808."""
    place(path, redact(text, secrets))


def place(path: Path, text: str) -> None:
    """Put a text that holds no secret in its place. Raises FeatsqlError FS808."""
    try:
        put_text(path, text)
    except OSError as error:
        message = f"cannot write `{path}`: {error.strerror or error}"
        hint = "give the folder back its room and rights, or move what stands in the way"
        raise FeatsqlError(Diagnostic("FS808", message, hint=hint)) from error


def write_text(path: Path, text: str, secrets: Collection[str]) -> None:
    """Write a text file without secrets, and put it in place, unless it is there already. Raises OSError."""
    put_text(path, redact(text, secrets))


def put_text(path: Path, text: str) -> None:
    """Put a text in its place, unless it is there already. Raises OSError."""
    content = text.encode()
    if path.is_file():
        with suppress(OSError):
            if path.read_bytes() == content:
                return
    elif path.exists():
        raise OSError(errno.EEXIST, "a folder or a device has this name")
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        try:
            fresh.write_bytes(content)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(content)
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
