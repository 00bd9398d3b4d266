"""The walls of the house: which part may import which, who may know what, and how large a room may be."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from featsql.engines.duckdb.columnar.questions import GROUP, LINE
from featsql.engines.duckdb.lower.over import LAST
from featsql.plan import names

PACKAGE = Path(__file__).parent.parent / "featsql"
FILES = sorted(PACKAGE.rglob("*.py"))
STOREYS: tuple[tuple[str, ...], ...] = (
    ("cli",),
    ("api",),
    ("export", "show", "spine", "stages"),
    ("result",),
    ("prove",),
    ("build",),
    ("compiler",),
    ("engines",),
    ("plan",),
    ("sources",),
    ("resolve",),
    ("read",),
    ("engine", "temporal"),
    ("errors", "refusal"),
    ("codes", "data", "display", "names", "secrets"),
)
LEVEL = {part: level for level, parts in enumerate(STOREYS) for part in parts}
OWNERS = {
    "duckdb": ("engine.py",),
    "jinja2": ("read/template/",),
    "yaml": ("read/config/", "cli/options.py"),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "numpy": ("engines/duckdb/arrays/", "engines/duckdb/columnar/"),
    "sqlite3": ("sources/databases/sqlite.py",),
}
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "core", "context", "misc"}
LONGEST_FILE, LONGEST_FUNCTION = 300, 40
OBVIOUS = 2
FOLDERS = ("read", "resolve", "sources", "plan", "engines", "build", "prove")
# How many files a folder may hold beside its sub-folders; a list (one rule, one command a file) may grow.
MOST_FILES = 16
LISTS = {"resolve/rules", "cli/commands"}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def part_of(path: Path) -> str:
    """The part of the house that a file belongs to: its folder, or itself."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imports(path: Path) -> set[str]:
    """The modules that a file imports when it runs, anywhere in it."""
    found: set[str] = set()
    for node in running(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} if node.module != "featsql" else {f"featsql.{alias.name}" for alias in node.names}
    return found


def running(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that are there for the type checker alone."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield from running(child)


def inner(path: Path) -> set[str]:
    """The parts of the house that a file imports."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("featsql.")} - {"__version__"}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def public(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """What others may call: the functions and classes of a module, and such of their methods as their name alone cannot
    explain."""
    found: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = []
    for node in tree_of(path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            found.append(node)
        if isinstance(node, ast.ClassDef):
            methods = [
                each
                for each in node.body
                if isinstance(each, ast.FunctionDef) and not each.name.startswith(("_", "visit_"))
            ]
            found += [each for each in methods if len(each.body) > OBVIOUS]
    return found


def test_every_part_has_its_storey() -> None:
    parts = {part_of(path) for path in FILES} - {"__init__", "__main__"}
    assert parts == set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_only_run_down(path: Path) -> None:
    part = part_of(path)
    if part in {"__init__", "__main__"}:
        return
    above = {other for other in inner(path) - {part} if LEVEL[other] <= LEVEL[part]}
    assert above == set()


def test_the_reference_knows_nothing_of_plans() -> None:
    """What says what is right must not be wrong in the same way as what is held against it."""
    paths = {f"featsql.{name_of(path)[:-3].replace('/', '.').removesuffix('.__init__')}": path for path in FILES}
    seen: set[str] = set()
    new = {"featsql.prove.reference"}
    while new:
        seen |= new
        new = {each for name in new for each in imports(paths[name]) if each in paths} - seen
    assert "featsql.temporal" in seen
    assert {name for name in seen if name.startswith("featsql.plan")} == set()


def test_no_part_imports_in_a_circle() -> None:
    """Within a folder, too, a module never leads back to itself: not by what it imports later, nor for its types."""
    names = {module_of(path): path for path in FILES if path != PACKAGE / "__init__.py"}
    edges = {name: {each for each in every_import(path) if each in names} for name, path in names.items()}
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for each in edges[name]:
                walk(each, (*trail, name))
            done.add(name)

    for name in edges:
        walk(name, ())


def module_of(path: Path) -> str:
    return f"featsql.{name_of(path)[:-3].replace('/', '.').removesuffix('.__init__')}".removesuffix(".__init__")


def every_import(path: Path) -> set[str]:
    """The modules that a file imports anywhere in it, those for the type checker too."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return found


def test_folders_are_not_crowded() -> None:
    counts = Counter(path.parent.relative_to(PACKAGE).as_posix() for path in FILES if path.name != "__init__.py")
    assert {name: count for name, count in counts.items() if count > MOST_FILES and name not in LISTS} == {}


def test_every_folder_says_what_it_is_for() -> None:
    silent = [path for path in FILES if path.name == "__init__.py" and not ast.get_docstring(tree_of(path))]
    assert silent == []


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_known_in_one_place(library: str) -> None:
    users = {
        name_of(path)
        for path in FILES
        if any(name == library or name.startswith(f"{library}.") for name in imports(path))
    }
    assert users, f"nobody imports {library}"
    assert {name for name in users if not name.startswith(OWNERS[library])} == set()


def test_rooms_are_named_for_what_they_hold() -> None:
    assert {path.stem for path in FILES} & EMPTY_NAMES == set()
    assert {path.name for path in PACKAGE.rglob("*") if path.is_dir()} & EMPTY_NAMES == set()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_rooms_are_small(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_FILE
    long = {each.name: (each.end_lineno or 0) - each.lineno + 1 for each in functions(path)}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_what_others_call_says_what_it_does(path: Path) -> None:
    docstring = ast.get_docstring(tree_of(path))
    assert docstring or not tree_of(path).body
    assert [each.name for each in public(path) if not ast.get_docstring(each)] == []


def test_the_plan_of_the_house_is_the_one_that_is_drawn() -> None:
    """The line in ARCHITECTURE.md names the storeys in this order."""
    text = (PACKAGE / "ARCHITECTURE.md").read_text("utf-8")
    (line,) = re.findall(r"^cli → [^`]*?$(?=\n```)", text, flags=re.MULTILINE | re.DOTALL)
    drawn = [LEVEL[part] for part in re.findall(r"\w+", line)]
    assert all(upper <= lower for upper, lower in pairwise(drawn))
    assert set(FOLDERS) <= set(re.findall(r"\w+", line))


def test_files_that_the_architecture_names_exist() -> None:
    text = (PACKAGE / "ARCHITECTURE.md").read_text("utf-8")
    modules = {path.relative_to(PACKAGE).with_suffix("").as_posix() for path in FILES}
    parts = "|".join(FOLDERS)
    for name in re.findall(rf"`((?:{parts})(?:\.\w+)+)`", text):
        ways = {name.replace(".", "/"), name.rpartition(".")[0].replace(".", "/")}
        assert ways & modules or (PACKAGE / name.replace(".", "/")).is_dir(), name
    for name in re.findall(rf"`((?:{parts})(?:/[a-z_]+)*(?:/|\.py))`", text):
        assert (PACKAGE / name).exists(), name


def test_no_column_of_a_relation_has_the_name_of_a_numbered_one() -> None:
    texts = [path.read_text("utf-8") for part in ("plan", "engines") for path in (PACKAGE / part).rglob("*.py")]
    kinds = {kind for text in texts for kind in re.findall(r'\bnames\.part\("(\w+)"', text)}
    assert {"argument", "value"} < kinds
    assert all(map(names.taken, [*(names.part(kind, 0) for kind in kinds), GROUP, LINE, LAST]))
    assert not any(names.taken(name) for name in ("__op", "__source_ts_ms", "__v1", "__index_level_0__"))
