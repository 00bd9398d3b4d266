"""Small files, all of whose rows the engine looks at by itself: what their text plainly does not have need not be
searched for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from featsql.sources.files.fit import DIGITS, NAIVE, ZONED

LARGEST = 1 << 20  # bytes
MOST = 20_000  # lines: the engine looks at as many rows and some more
PACKED = (".gz", ".zst", ".bz2")
FINE = re.compile(rb"\.[0-9]{7}")  # more digits than an instant has
LONG = re.compile(rb"[0-9]{16}")  # and than a DOUBLE has
ZONE = re.compile(rb":[0-9]{2}(\.[0-9]+)?\s*[+\-A-Za-z]")
TELLING = frozenset({"sample_size", "encoding", "decimal_separator", "thousands", "all_varchar", "types", "columns"})


def text_of(files: Iterable[str], options: Mapping[str, Any]) -> bytes | None:
    """The text of some files, if they are small and the engine looks at all of it."""
    if TELLING.intersection(options):
        return None
    texts: list[bytes] = []
    for file in files:
        path = Path(file)
        if "://" in file or path.suffix in PACKED or not path.is_file() or path.stat().st_size > LARGEST:
            return None
        texts.append(path.read_bytes())
        if texts[-1].count(b"\n") + texts[-1].count(b"\r") > MOST or sum(map(len, texts)) > LARGEST:
            return None
    return b"\n".join(texts)


def may_lose(kind: str, text: bytes) -> bool:
    """Whether a column of a type that the engine found in all rows of a text may have values that it does not hold as
    they are."""
    if kind == ZONED:
        return True
    if NAIVE.fullmatch(kind) and ZONE.search(text):
        return True
    return bool(FINE.search(text) if kind in DIGITS else kind == "DOUBLE" and LONG.search(text))
