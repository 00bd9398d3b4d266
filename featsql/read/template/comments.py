"""Text that a template puts into a comment of SQL, where its author does not see it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from featsql.read.template.fault import TemplateError
from featsql.read.template.traced import Frame, Origin, Traced, plain

# What a comment's marks mean nothing in, and the marks.
WORD = re.compile(
    r"(?<![A-Za-z0-9_])[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\""
    r"|(?<![A-Za-z0-9_$])\$(?P<tag>[A-Za-z0-9_]*)\$.*?\$(?P=tag)\$|(?P<line>--)|(?P<block>/\*)",
    re.DOTALL,
)
MARK = re.compile(r"/\*|\*/")
LINE = "--"
SHOWN = 40  # characters


def check_comments(text: Traced) -> None:
    """Refuse a rendered text in which a comment holds what was not written in it. Raises TemplateError FS215."""
    if len(text.pieces) > 1 and (LINE in text or "/*" in text):
        comments = Comments(text)
        for start, end, line in comments.found():
            comments.check_line(start, end) if line else comments.check_block(start, end)


class Comments:
    """A rendered text, by the pieces that it is made of."""

    def __init__(self, text: Traced) -> None:
        self.text = plain(text)
        self.pieces = [(piece, origin) for piece, origin in text.pieces if piece]
        self.starts = [0, *accumulate(len(piece) for piece, _ in self.pieces)]

    def found(self) -> Iterator[tuple[int, int, bool]]:
        """Where each comment begins and ends, and whether it is one to the end of a line."""
        position = 0
        while word := WORD.search(self.text, position):
            position = word.end()
            if word.group("line"):
                end = self.text.find("\n", position)
                position = len(self.text) if end < 0 else end
                yield word.start(), position, True
            elif word.group("block"):
                position = self.closed(position)
                yield word.start(), position, False

    def closed(self, position: int) -> int:
        """Where a comment ends that has been opened before a position; comments stand within comments."""
        depth = 1
        while depth and (mark := MARK.search(self.text, position)):
            depth += 1 if mark.group() == "/*" else -1
            position = mark.end()
        return len(self.text) if depth else position

    def way(self, offset: int) -> tuple[Origin | None, tuple[Frame, ...]]:
        """Where a character was written, and the expressions that printed it, outermost first."""
        index = bisect_right(self.starts, offset) - 1
        piece, origin = self.pieces[index]
        if origin is None:
            return None, ()
        there = origin.after(piece[: offset - self.starts[index]])
        return there, (*reversed(there.printed), there.frame)

    def check_line(self, start: int, end: int) -> None:
        """What stands behind `--` was written behind it."""
        origin, own = self.way(start)
        first = bisect_right(self.starts, start)
        if self.text[start : self.starts[first]].strip() == LINE and len(own) > 1:
            own = own[:-1]  # a macro or an expression gives the mark alone, for what follows
        for begin in self.starts[first:-1]:
            behind = self.text[begin : min(end, self.starts[bisect_right(self.starts, begin)])]
            if begin >= end:
                return
            offset = begin + len(behind) - len(behind.lstrip())
            there, frames = self.way(min(offset, end - 1))
            if behind.strip() and there and origin and strange(frames, own):
                if not behind.lstrip().startswith(LINE):
                    self.refuse(origin, there, self.text[offset:end])
                origin, own = there, frames  # a comment in a comment: nothing is lost

    def check_block(self, start: int, end: int) -> None:
        """What ends a comment was written where it begins."""
        origin, first = self.way(start)
        there, last = self.way(end - 1)
        if origin and there and [path for path, *_ in first] != [path for path, *_ in last]:
            self.refuse(origin, there, self.text[start:end], closed=True)

    def refuse(self, origin: Origin, there: Origin, text: str, *, closed: bool = False) -> None:
        """Say that a comment holds what it should not."""
        where = f"line {there.line}" + ("" if there.file.path == origin.file.path else f" of {there.file.path}")
        shown = " ".join(text.split())
        shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN].rstrip()}..."
        if closed:
            message = f"this comment ends in {where}, in text that comes from elsewhere: `{shown}`"
            hint = "close it where it is opened, or write it as `{# ... #}`"
        else:
            message = f"this comment takes in `{shown}` of {where}: no line ends between them"
            hint = "`{%-` and `-%}` take line ends away: leave the `-` out there, or write the comment as `{# ... #}`"
        found = TemplateError("FS215", message, hint, origin)
        found.trail = origin.trail
        raise found


def strange(frames: tuple[Frame, ...], own: tuple[Frame, ...]) -> bool:
    """Whether a text was written somewhere else than behind a comment's mark, in its line."""
    if len(frames) < len(own) or frames[: len(own) - 1] != own[:-1]:
        return True
    (path, line, column), (own_path, own_line, own_column) = frames[len(own) - 1], own[-1]
    return (path, line) != (own_path, own_line) or column < own_column
