"""README and the pages of docs/, and the code blocks in them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a language, in order."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def files(page: Path) -> dict[str, str]:
    """The code blocks that begin with the path of a file, and are that file."""
    shown = [block.split("\n", 1) for language in ("csv", "yaml", "sql") for block in blocks(page, language)]
    named = [(re.fullmatch(r"(?:#|--) (\S+\.\w+)", first), rest) for first, rest in shown]
    return {found[1]: rest for found, rest in named if found}


def commands(page: Path) -> list[list[str]]:
    """The commands of featsql in each block of a shell that has some."""
    lines = [[line for line in block.splitlines() if line.startswith("featsql ")] for block in blocks(page, "sh")]
    return [each for each in lines if each]


def run(command: list[str], folder: Path) -> str:
    """Run a command of this Python; it must succeed. Gives what it printed."""
    environment = os.environ | {"COLUMNS": "120", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout
