"""The index of findings names every script, and each script pins what it installs."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "findings"
SCRIPTS = sorted(FOLDER.glob("*.sh"))


def test_the_index_names_every_script() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+\.sh)` \|", text, flags=re.MULTILINE) == [script.name for script in SCRIPTS]


def test_every_script_pins_its_packages_and_runs_without_featsql() -> None:
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        (packages,) = re.findall(r"pip install --quiet --disable-pip-version-check (.+)", text)
        assert all(re.fullmatch(r"[\w-]+==[\d.]+", each) for each in packages.split()), script.name
        assert "featsql" not in text, script.name
