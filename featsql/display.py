"""How many columns text takes where it is shown, as terminals and DuckDB's carets count them."""

from __future__ import annotations

from itertools import accumulate
from unicodedata import category, combining, east_asian_width

JOINER = "\u200d"
NOTHING = frozenset({"Mn", "Me", "Mc", "Cc", "Cf", "Zl", "Zp"})  # what stands on, or behind, the character before
PREPENDED = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
JOINED = frozenset("\uff9e\uff9f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")  # sounds and tones of skin
FLAGS = ("\U0001f1e6", "\U0001f1ff")  # letters, of which two make a flag
LINK = 9  # the class of what links two consonants
LINKED = (
    ("\u0900", "\u09ff"),
    ("\u0a80", "\u0b7f"),
    ("\u0c00", "\u0c7f"),
    ("\u0d00", "\u0d7f"),
)  # the scripts in which it does
SYLLABLES = ("\uac00", "\ud7a3")
# Parts of Korean syllables: what goes on with each of them.
GOES_ON = {"L": ("L", "V", "LV", "LVT"), "LV": ("V", "T"), "V": ("V", "T"), "LVT": ("T",), "T": ("T",)}


def widths(text: str) -> list[int]:
    """The columns that each character of a text takes: none where it is one sign with that before it."""
    if text.isascii():
        return [int(character >= " ") for character in text]
    found: list[int] = []
    base, before, half = "", "", False
    for character in text:
        flag = FLAGS[0] <= character <= FLAGS[1]
        joined = (flag and half) or goes_on(base, before, character)
        half = flag and not half
        found.append(0 if joined else width(character))
        base = character if found[-1] or part(character) or character < " " else base
        before = character
    return found


def goes_on(base: str, before: str, character: str) -> bool:
    """Whether a character is one sign with those before it: `base`, by which the sign begins, and the last of them."""
    if before == JOINER:
        return bool(base) and category(base) == category(character) == "So" and east_asian_width(character) in "WN"
    if before and combining(before) == LINK and category(character) == "Lo":
        return any(first <= character <= last for first, last in LINKED)
    return part(character) in GOES_ON.get(part(before), ())


def part(character: str) -> str:
    """Which part of a Korean syllable a character is."""
    if SYLLABLES[0] <= character <= SYLLABLES[1]:
        return "LV" if (ord(character) - ord(SYLLABLES[0])) % 28 == 0 else "LVT"
    ends = {"L": "\u115f", "V": "\u11a7", "T": "\u11ff"}
    return next((each for each, end in ends.items() if "\u1100" <= character <= end), "")


def width(character: str) -> int:
    """The columns that a character takes by itself."""
    if character in JOINED:
        return 0
    if category(character) in NOTHING:
        return int(character in PREPENDED)
    return 2 if east_asian_width(character) in "WF" else 1


def index_at(text: str, column: int) -> int:
    """Which character of a text begins at a column, both counted from 0."""
    starts = [0, *accumulate(widths(text))]
    last = max(index for index, start in enumerate(starts) if start <= max(0, column))
    return last if last < len(text) or starts[-1] == column else len(text) + column - starts[-1]


def columns(text: str) -> int:
    """The columns that a text takes."""
    return sum(widths(text))
