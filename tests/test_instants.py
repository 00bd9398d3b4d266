"""Instants of every type on both sides: what is visible is told to the nanosecond, in every plan, however asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from msgspec import Struct

import featsql
from featsql.engine import VERSION

OLD = VERSION.startswith("1.")
US, MS, S = 10**3, 10**6, 10**9
DAY = 86_400 * S
# How many nanoseconds the least step of a type is.
NAIVE = {"DATE": DAY, "TIMESTAMP_S": S, "TIMESTAMP_MS": MS, "TIMESTAMP": US, "TIMESTAMP_NS": 1}
ZONED = {"TIMESTAMPTZ": US, **({} if OLD else {"TIMESTAMPTZ_NS": 1})}
STEPS = NAIVE | ZONED
# Training sets: the type of the instants that are asked about, and the edge.
SETS = [(kind, "inclusive") for kind in STEPS if kind in NAIVE or len(ZONED) > 1] + [
    ("TIMESTAMP", "exclusive"),
    ("TIMESTAMP_NS", "exclusive"),
]
NEW_YEAR = 1_704_067_200 * S
DECADES_AGO = -86_400 * S * 400
OFFSETS = (0, 1, -1, 400, 500, 999, -999, US, -US, 1500, -1500, MS, -MS, S, -S)
EVER = 253_370_764_800 * S  # the first day of the year 9999


class Row(Struct, frozen=True):
    """A row of a source: what it says, from when until when, and when it became known, in nanoseconds."""

    x: int
    begin: int
    end: int | None
    told: int


def is_fine(kind: str) -> bool:
    return kind.endswith("_NS")


def text(instant: int | None, kind: str) -> str:
    """An instant as a literal of the engine's."""
    if instant is None:
        return f"null::{kind}"
    seconds, rest = divmod(instant, S)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"'{moment:%Y-%m-%d %H:%M:%S}.{rest:09d}{'+00' if kind in ZONED else ''}'::{kind}"


def rows_of(kind: str) -> list[Row]:
    """Rows at the edges of what the spine asks, as far as a type has them."""
    found: list[Row] = []
    step = STEPS[kind]
    for base in (NEW_YEAR, NEW_YEAR - DAY, NEW_YEAR - 3 * DAY, DECADES_AGO):
        for offset in OFFSETS:
            begin = (base + offset) // step * step
            x = len(found) + 1
            told = begin + (0, 2 * step, DAY)[x % 3]
            ends = (None, begin + step, begin + DAY, EVER if not is_fine(kind) else None)
            found.append(Row(x, begin, ends[x % 4], told))
    return found


def spine_of(kind: str) -> list[int]:
    """The instants that are asked about."""
    step = STEPS[kind]
    bases = (NEW_YEAR, NEW_YEAR + DAY, DECADES_AGO)
    return sorted({(base + offset) // step * step for base in bases for offset in OFFSETS})


FEATURES = {
    "over": """select k, count(*) as n, sum(x) as s, max(x) as most,
  count(*) filter (where begin_at > as_of() - interval 1 day) as open_1d,
  sum(x) filter (where begin_at >= as_of() - interval 1 day) as closed_1d, date_trunc('day', as_of()) as today
from {{ source('d', 'e_KIND') }} group by k""",
    "late": """select k, count(*) as n, sum(x) filter (where begin_at > as_of() - interval 1 day) as open_1d
from {{ source('d', 'l_KIND') }} group by k""",
    "general": """select k, count(*) as n, sum(x) as s from (select * from {{ source('d', 'l_KIND') }}
qualify row_number() over (partition by x order by begin_at, x) = 1) group by k""",
    "recent": """select k, count(*) as n from {{ source('d', 'e_KIND') }}
where begin_at > as_of() - interval 1 day group by k""",
    "state": "select k, x from {{ source('d', 's_KIND') }}",
    "told": "select k, x from {{ source('d', 't_KIND') }}",
    "periods": """select k, count(*) as n, sum(x) as s, count(end_at) as ended
from {{ source('d', 'p_KIND') }} group by k""",
}
CLOCKS = {
    "e": "{kind: events, event_time: begin_at, delay: 0 seconds}",
    "l": "{kind: events, event_time: begin_at, available_at: told_at}",
    "s": "{kind: state, unique_key: k, event_time: begin_at, delay: 0 seconds, tie_break: x}",
    "t": "{kind: state, unique_key: k, event_time: begin_at, available_at: told_at, tie_break: x}",
    "p": "{kind: periods, valid_from: begin_at, valid_to: end_at, delay: 0 seconds}",
}


def write(folder: Path) -> None:
    """The project: a source of each clock and type, a model of each plan over it, a training set for each type."""
    with duckdb.connect(str(folder / "data.duckdb")) as database:
        database.execute("set timezone = 'UTC'")
        for kind in STEPS:
            values = ", ".join(
                f"(1, {r.x}, {text(r.begin, kind)}, {text(r.end, kind)}, {text(r.told, kind)})" for r in rows_of(kind)
            )
            database.execute(f"create table r_{kind} as from (values {values}) v(k, x, begin_at, end_at, told_at)")
            asked = ", ".join(f"(1, {text(each, kind)})" for each in spine_of(kind))
            database.execute(f"create table a_{kind} as from (values {asked}) v(k, asked_at)")
    tables = [
        f"{{name: {c}_{kind}, location: d.main.r_{kind}, config: {{time: {CLOCKS[c]}}}}}"
        for c in CLOCKS
        for kind in STEPS
    ]
    tables += [
        f"{{name: a_{kind}, location: d.main.a_{kind}, config: {{time: {{static: true, why: asked}}}}}}"
        for kind in STEPS
    ]
    sources = "".join(f"      - {each}\n" for each in tables)
    files = {
        "featsql_project.yml": "name: p\nentities: [{name: e, keys: [k]}]\n"
        "outputs: {dev: {path: target/p.duckdb, attach: [{path: data.duckdb, alias: d}]}}\n",
        "models/sources.yml": f"sources:\n  - name: d\n    tables:\n{sources}",
    }
    for kind in STEPS:
        for name, sql in FEATURES.items():
            files[f"models/{name}_{kind}.sql"] = "{{ config(kind='features', entity='e') }}\n" + sql.replace(
                "KIND", kind
            )
        files[f"models/lab_{kind}.sql"] = (
            "{{ config(kind='labels', entity='e', as_of='asked_at') }}\n"
            f"select k, asked_at from {{{{ source('d', 'a_{kind}') }}}}"
        )
    for kind, boundary in SETS:
        files[f"models/{boundary}_{kind}.sql"] = training(kind, boundary)
    for path, content in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")


def beside(kind: str) -> list[str]:
    """The types of rows that a spine's type is tried with: what neither has, the laws try."""
    alike = NAIVE if kind in NAIVE else ZONED
    return [other for other in alike if is_fine(kind) or is_fine(other) or (kind, other) == ("DATE", "TIMESTAMP")]


def training(kind: str, boundary: str) -> str:
    """The training set of all models for a spine."""
    names = [f"{name}_{other}" for other in beside(kind) for name in FEATURES]
    columns = {
        "over": ("n", "s", "most", "open_1d", "closed_1d", "today"),
        "late": ("n", "open_1d"),
        "general": ("n", "s"),
        "recent": ("n",),
    }
    columns |= {"state": ("x",), "told": ("x",), "periods": ("n", "s", "ended")}
    outputs = [f"{name}.{c} as {name}_{c}" for name in names for c in columns[name.partition("_")[0]]]
    joins = "\n".join(f"left join {{{{ ref('{name}') }}}} as {name} using (k)" for name in names)
    head = f"{{{{ config(kind='training_set', boundary='{boundary}') }}}}\n"
    return f"{head}select l.asked_at, {', '.join(outputs)}\nfrom {{{{ ref('lab_{kind}') }}}} as l\n{joins}"


def answer(at: int, asked: str, kind: str, boundary: str) -> Iterator[Any]:
    """What a training set says of the rows of a type at an instant."""
    exact = is_fine(asked) and (is_fine(kind) or boundary == "exclusive")
    now = at if exact else at // US * US
    rows, day_ago = rows_of(kind), now - DAY
    if OLD:  # which cuts off nanoseconds, towards 1970, where it takes an interval from an instant
        day_ago = abs(day_ago) // US * US * (1 if day_ago > 0 else -1)

    def reached(instant: int) -> bool:
        return instant <= at if boundary == "inclusive" else instant < at

    seen = [r for r in rows if reached(r.begin)]
    told = [r for r in seen if reached(r.told)]
    held = [r for r in seen if r.end is None or not reached(r.end)]
    yield len(seen)
    yield sum(r.x for r in seen) or None
    yield max((r.x for r in seen), default=None)
    yield sum(r.begin > day_ago for r in seen)
    yield sum(r.x for r in seen if r.begin >= day_ago) or None
    yield at // DAY
    yield len(told)
    yield sum(r.x for r in told if r.begin > day_ago) or None
    yield len(told)
    yield sum(r.x for r in told) or None
    yield sum(r.begin > day_ago for r in seen)
    for some in (seen, told):
        yield max(some, key=lambda r: (r.begin, r.told if some is told else 0, r.x)).x if some else None
    yield len(held)
    yield sum(r.x for r in held) or None
    yield 0


def number(value: Any) -> Any:
    """A value as it is compared: days are counted, and nothing is nought."""
    return (value - datetime(1970, 1, 1, tzinfo=value.tzinfo)).days if isinstance(value, datetime) else value or 0


def differences(rows: list[tuple[Any, ...]], kind: str, boundary: str) -> list[str]:
    """Where rows of a training set are not what they should be."""
    names = [part.strip() for part in training(kind, boundary).partition("\n")[2].partition("\nfrom")[0].split(" as ")]
    columns = [name.partition(",")[0] for name in names[1:]]
    found: list[str] = []
    for at, row in zip(spine_of(kind), rows, strict=True):
        wanted = [value or 0 for other in beside(kind) for value in answer(at, kind, other, boundary)]
        for column, got, should in zip(columns, map(number, row[1:]), wanted, strict=True):
            nobody = column.endswith("_today") and got == 0  # what the instant is to one without rows
            if got != should and not nobody:
                found.append(f"{column} at {text(at, kind)}, {boundary}: {got}, not {should}")
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("instants")
    write(found)
    return found


def test_what_is_visible_is_told_to_the_nanosecond(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with featsql.load(folder) as project:
        monkeypatch.setattr("featsql.engines.duckdb.columnar.chosen.LEAST", 0)
        run = project.build(full_refresh=True)
        assert {result.status for result in run.results} == {"success"}
        found = [
            each for kind, boundary in SETS for each in differences(table(folder, f"{boundary}_{kind}"), kind, boundary)
        ]
        assert found[:20] == []
        monkeypatch.undo()
        asked = [project.training_set(f"{boundary}_{kind}").rows() for kind, boundary in SETS]
    again = [
        each for rows, (kind, boundary) in zip(asked, SETS, strict=True) for each in differences(rows, kind, boundary)
    ]
    assert again[:20] == []


def table(folder: Path, name: str) -> list[tuple[Any, ...]]:
    """The rows of a table that a build has left."""
    with duckdb.connect(str(folder / "target/p.duckdb"), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(f"from {name}").fetchall()
