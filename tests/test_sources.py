"""Sources of every kind, read for real: files, frames, and tables of attached databases."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import numpy
import pandas
import polars
import pyarrow
import pytest

from featsql.engine import Engine
from featsql.errors import Diagnostic, FeatsqlError, Place
from featsql.read.project import Attachment, Project, Source, Target
from featsql.sources.attach import attach
from featsql.sources.locations import open_sources, scan

PLACE = Place("models/shop.yml", 5, 9, "      - name: payments", 4)
READ = 'FROM "sources"."shop"."payments"'


@pytest.fixture
def engine() -> Iterator[Engine]:
    opened = Engine.memory()
    yield opened
    opened.close()


def source(location: str = "", kind: Any = "parquet", table: str = "payments", **options: Any) -> Source:
    return Source("shop", table, location, format=kind, options=options, place=PLACE)


def project(
    root: Path, *sources: Source, attached: Sequence[Attachment] = (), secrets: frozenset[str] = frozenset()
) -> Project:
    return Project(
        root=root,
        name="shop",
        version="1",
        target=Target("dev", ":memory:", "shop", attach=tuple(attached)),
        target_path="target",
        variables={},
        boundary="inclusive",
        default_delay=None,
        entities={},
        sources={each.name: each for each in sources},
        seeds=(),
        models=(),
        macros=(),
        properties={},
        secrets=secrets,
    )


def opened(engine: Engine, root: Path, *sources: Source, **more: Any) -> list[tuple[Any, ...]]:
    """The rows of the first source once all are open."""
    open_sources(engine, project(root, *sources, **more), {})
    return engine.rows(f"{READ} SELECT * ORDER BY ALL")


def refused(engine: Engine, root: Path, *sources: Source, **more: Any) -> tuple[Diagnostic, ...]:
    with pytest.raises(FeatsqlError) as caught:
        open_sources(engine, project(root, *sources, **more), {})
    return caught.value.diagnostics


def write_parquet(path: Path, **columns: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    polars.DataFrame(columns).write_parquet(path)


# Files


def test_a_parquet_file(engine: Engine, tmp_path: Path) -> None:
    write_parquet(tmp_path / "data/a.parquet", id=[1, 2])
    assert opened(engine, tmp_path, source("data/a.parquet")) == [(1,), (2,)]
    assert opened(engine, tmp_path, source(str(tmp_path / "data/a.parquet"))) == [(1,), (2,)]


def test_a_folder(engine: Engine, tmp_path: Path) -> None:
    write_parquet(tmp_path / "data/year=2024/a.parquet", id=[1])
    assert opened(engine, tmp_path, source("data")) == [(1, 2024)]


def test_a_pattern_of_partitions(engine: Engine, tmp_path: Path) -> None:
    write_parquet(tmp_path / "data/year=2023/a.parquet", id=[1])
    write_parquet(tmp_path / "data/year=2024/a.parquet", id=[2])
    assert opened(engine, tmp_path, source("data/*/*.parquet")) == [(1, 2023), (2, 2024)]
    assert opened(engine, tmp_path, source("data/**/*.parquet", hive_partitioning=False)) == [(1,), (2,)]
    assert opened(engine, tmp_path, source("data/*/*.parquet", hive_types={"year": "VARCHAR"}))[0] == (1, "2023")


def test_where_the_project_stands_adds_no_columns(engine: Engine, tmp_path: Path) -> None:
    root = tmp_path / "env=dev" / "odd [1]*?"
    write_parquet(root / "data/a.parquet", id=[1])
    write_parquet(root / "data/b.parquet", id=[2])
    assert opened(engine, root, source("data/*.parquet")) == [(1,), (2,)]


def test_csv_with_its_options(engine: Engine, tmp_path: Path) -> None:
    text = "id;o'clock;paid\n1;?;02.01.2024 03:04\n"
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(text.encode()))
    options: dict[str, Any] = {"delim": ";", "header": True, "nullstr": ["?", "'"], "timestampformat": "%d.%m.%Y %H:%M"}
    options["columns"] = {"id": "INTEGER", "o'clock": "VARCHAR", "paid": "TIMESTAMP"}
    expected = (1, None, datetime(2024, 1, 2, 3, 4))
    for location in ("a.csv", "b.csv.gz"):
        assert opened(engine, tmp_path, source(location, "csv", **options)) == [expected]
    del options["columns"]
    assert opened(engine, tmp_path, source("a.csv", "csv", types={"id": "VARCHAR"}, **options)) == [
        ("1", *expected[1:])
    ]


def test_files_with_other_columns_and_their_names(engine: Engine, tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", id=[1])
    write_parquet(tmp_path / "b.parquet", amount=[2.5])
    rows = opened(engine, tmp_path, source("*.parquet", union_by_name=True, filename="file"))
    assert [row[:2] for row in rows] == [(1, None), (None, 2.5)]
    assert [Path(row[2]).name for row in rows] == ["a.parquet", "b.parquet"]


def test_json(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"id": 1, "tags": ["x"]}\n{"id": 2, "tags": []}\n')
    assert opened(engine, tmp_path, source("a.json", "json", format="newline_delimited")) == [(1, ["x"]), (2, [])]


def test_csv_without_rows(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,amount\n")
    (tmp_path / "b.csv").write_text("")
    assert opened(engine, tmp_path, source("a.csv", "csv")) == []
    (found,) = refused(engine, tmp_path, source("b.csv", "csv"))
    assert found.code == "FS501"
    assert "the file `b.csv` is empty" in found.message


def test_a_tilde_is_a_name(tmp_path: Path) -> None:
    write_parquet(tmp_path / "~/a.parquet", id=[1])
    assert Engine.memory().rows(scan(source("~/a.parquet"), tmp_path).sql("duckdb")) == [(1,)]


def test_a_url_is_left_alone(tmp_path: Path) -> None:
    sql = scan(source("s3://bucket/year=2024/*.parquet"), tmp_path).sql("duckdb")
    assert sql == "SELECT * FROM READ_PARQUET('s3://bucket/year=2024/*.parquet')"


def test_options_are_values_never_text(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n")
    evil = "'); CREATE TABLE gone (id INT); --"
    found = refused(engine, tmp_path, source("a.csv", "csv", **{evil: "x"}), source(evil, "csv", table="other"))
    assert [each.code for each in found] == ["FS501", "FS501"]
    assert engine.rows("FROM duckdb_tables() SELECT table_name") == []


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        (source("data/payment.parquet"), "there is no file `data/payment.parquet`", "did you mean `payments.parquet`?"),
        (source("dta/payments.parquet"), "there is no file `dta/payments.parquet`", "did you mean `data`?"),
        (
            source("data/*.json", "json"),
            "there is no file `data/*.json`",
            "`data/` holds bad.parquet, latin.csv, payments.parquet, rows.csv",
        ),
        (source("empty/x.parquet"), "there is no file `empty/x.parquet`", "`empty/` is empty"),
        (source("empty"), "there is no file `empty`", "it is a folder without such files"),
        (source("data/bad.parquet"), "No magic bytes found at end of file 'data/bad.parquet'", None),
        (
            source("data/rows.csv", "csv", delimitr=";"),
            "read_csv has no option `delimitr`",
            "did you mean `delim",
        ),
        (source("data/latin.csv", "csv"), "Invalid unicode", None),
        (source("s3://bucket/a.parquet"), "needs an extension of DuckDB that is not installed", "INSTALL httpfs"),
        (source("orders", "table"), "`orders` is no table of an attached database", "write `alias.table`"),
        (source("crm.orders", "table"), "no database is attached as `crm`", "`attach:`"),
    ],
    ids=lambda value: value.location if isinstance(value, Source) else "",
)
def test_what_cannot_be_read(engine: Engine, tmp_path: Path, given: Source, message: str, hint: str | None) -> None:
    write_parquet(tmp_path / "data/payments.parquet", id=[1])
    (tmp_path / "data/bad.parquet").write_text("no such thing")
    (tmp_path / "data/rows.csv").write_text("id,b\n1,2\n")
    (tmp_path / "data/latin.csv").write_bytes(b"id,b\n1,\xe9\n")
    (tmp_path / "empty").mkdir()
    (found,) = refused(engine, tmp_path, given)
    assert (found.code, found.place) == ("FS501", PLACE)
    assert message in found.message
    assert str(tmp_path) not in found.message
    assert "\n" not in found.message
    if hint is None:
        assert found.hint is None
    else:
        assert found.hint is not None
        assert hint in found.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_permission_denied(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n")
    (tmp_path / "a.csv").chmod(0)
    (found,) = refused(engine, tmp_path, source("a.csv", "csv"))
    assert "Permission denied" in found.message


def test_everything_wrong_is_said_together_and_the_rest_is_open(engine: Engine, tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", id=[1])
    found = refused(
        engine, tmp_path, source("x.parquet", table="x"), source("a.parquet"), source("y.y.y.y", "table", table="y")
    )
    assert [each.message.split("`")[1] for each in found] == ["shop.x", "shop.y"]
    assert engine.rows(f"{READ} SELECT id") == [(1,)]


def test_secrets_are_not_told(engine: Engine, tmp_path: Path) -> None:
    (found,) = refused(engine, tmp_path, source("hush/x.parquet"), secrets=frozenset({"hush", ""}))
    assert "hush" not in found.render()


# Frames

TABLE = pyarrow.table({"id": [1, 2], "name": ["a", None]})


@pytest.mark.parametrize(
    "frame",
    [
        TABLE,
        TABLE.to_batches()[0],
        TABLE.to_reader(),
        TABLE.to_pandas(),
        polars.DataFrame({"id": [1, 2], "name": ["a", None]}),
        polars.LazyFrame({"id": [1, 2], "name": ["a", None]}),
    ],
    ids=["table", "batch", "reader", "pandas", "polars", "lazy"],
)
def test_frames_of_every_library(engine: Engine, tmp_path: Path, frame: Any) -> None:
    open_sources(engine, project(tmp_path, source("nowhere.parquet")), {"shop.payments": frame})
    for _ in range(2):
        assert engine.rows(f"{READ} SELECT id, name ORDER BY id") == [(1, "a"), (2, None)]
    assert engine.cursor().rows(f"{READ} SELECT id ORDER BY id") == [(1,), (2,)]


def test_a_frame_is_not_copied(engine: Engine, tmp_path: Path) -> None:
    values = numpy.array([1, 2])
    frame = pandas.DataFrame({"id": values}, copy=False)
    open_sources(engine, project(tmp_path, source(kind="frame")), {"shop.payments": frame})
    values[0] = 7
    assert engine.rows(f"{READ} SELECT id ORDER BY id") == [(2,), (7,)]


@pytest.mark.parametrize("frame", [None, 3, [1], polars.DataFrame()])
def test_what_is_no_frame(engine: Engine, tmp_path: Path, frame: Any) -> None:
    with pytest.raises(FeatsqlError) as caught:
        open_sources(engine, project(tmp_path, source()), {"shop.payments": frame})
    (found,) = caught.value.diagnostics
    assert (found.code, found.place) == ("FS504", PLACE)


def test_frames_are_named_after_sources(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(FeatsqlError) as caught:
        open_sources(engine, project(tmp_path, source(kind="frame")), {"shop.paymens": TABLE})
    unknown, missing = caught.value.diagnostics
    assert (unknown.code, unknown.hint) == ("FS504", "did you mean `shop.payments`?")
    assert (missing.code, missing.place) == ("FS504", PLACE)


# Attached DuckDB files


@pytest.fixture
def crm(tmp_path: Path) -> Attachment:
    with duckdb.connect(str(tmp_path / "crm.duckdb")) as connection:
        connection.execute("CREATE SCHEMA sales; CREATE TABLE sales.orders AS SELECT 1 AS id")
        connection.execute('CREATE TABLE "odd.name" AS SELECT 2 AS id')
    return Attachment("crm.duckdb", "crm")


def test_tables_of_a_duckdb_file(engine: Engine, tmp_path: Path, crm: Attachment) -> None:
    attach(engine, crm, tmp_path)
    assert opened(engine, tmp_path, source("crm.sales.orders", "table"), attached=[crm]) == [(1,)]
    assert opened(engine, tmp_path, source('CRM."odd.name"', "table"), attached=[crm]) == [(2,)]
    with pytest.raises(Exception, match="read-only"):
        engine.execute("CREATE TABLE crm.t AS SELECT 1")
    (found,) = refused(engine, tmp_path, source("crm.sales.order", "table"), attached=[crm])
    assert found.hint is not None
    assert "orders" in found.hint
    (found,) = refused(engine, tmp_path, source("cmr.sales.orders", "table"), attached=[crm])
    assert found.hint == "did you mean `crm`?"


@pytest.mark.parametrize(
    ("attachment", "message", "hint"),
    [
        (Attachment("cmr.duckdb", "crm"), "there is no file `cmr.duckdb`", "did you mean `crm.duckdb`?"),
        (Attachment("new.db", "crm", read_only=False), "there is no file `new.db`", "did you mean `text.db`?"),
        (Attachment("text.db", "crm"), "not a valid DuckDB database file", None),
        (
            Attachment("text.db", "crm", "sqlite"),
            "file is not a database",
            "is it an SQLite database that may be read?",
        ),
        (Attachment("folder", "crm", "sqlite"), "`folder` is not a file", None),
        (Attachment("crm.duckdb", "sources"), "the alias is taken by featsql or DuckDB", "give it another alias"),
    ],
)
def test_what_cannot_be_attached(
    engine: Engine, tmp_path: Path, crm: Attachment, attachment: Attachment, message: str, hint: str | None
) -> None:
    (tmp_path / "text.db").write_text("words " * 1000)
    (tmp_path / "folder").mkdir()
    with pytest.raises(FeatsqlError) as caught:
        attach(engine, attachment, tmp_path, PLACE)
    (found,) = caught.value.diagnostics
    assert (found.code, found.place, found.hint) == ("FS502", PLACE, hint)
    assert message in found.message
    assert not (tmp_path / "new.db").exists()


def test_a_locked_file(engine: Engine, tmp_path: Path, crm: Attachment) -> None:
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    command = [os.sys.executable, "-c", hold, str(tmp_path / crm.path)]  # type: ignore[attr-defined]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FeatsqlError, match="another program has it open"):
            attach(engine, crm, tmp_path)
        holder.communicate()


# SQLite

SCHEMA = """
CREATE TABLE facts (
    id INTEGER PRIMARY KEY, amount REAL, whole INT, price DECIMAL(10,2), paid TIMESTAMP, zoned DATETIME,
    day DATE, epoch TIMESTAMP, ok BOOLEAN, bytes BLOB, note VARCHAR(10), "any thing" , late TIMESTAMPTZ
);
INSERT INTO facts VALUES
    (1, 1.5, 2, 3, '2024-01-02 03:04:05.678', '2024-01-02T03:04:05+02:00', '2024-01-02', 1704164645, 1, x'00ff',
     'x', 'text', '2024-01-02 03:04:05'),
    (9223372036854775807, 2, 2.5, 3.25, '2024-01-02', '2024-01-02 03:04:05Z', NULL, 0, 0, x'', '', NULL, NULL),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE VIEW late AS SELECT id, paid, 2 * amount AS twice, upper(note) AS shout FROM facts WHERE id < 3;
CREATE TABLE hollow (id INTEGER, amount NUMERIC, name TEXT, paid DATETIME, day DATE, raw BLOB, ok BOOL, bare);
CREATE TABLE mixed (id INTEGER, amount INTEGER);
INSERT INTO mixed VALUES (1, 2), (2, 'two');
CREATE TABLE zones (at TIMESTAMP);
INSERT INTO zones VALUES ('2024-01-02 03:04:05Z'), ('2024-01-02 03:04:05');
CREATE TABLE unreal (at TIMESTAMP);
INSERT INTO unreal VALUES ('next week');
"""


@pytest.fixture
def lite(tmp_path: Path, engine: Engine) -> Attachment:
    with sqlite3.connect(tmp_path / "lite.db") as connection:
        connection.executescript(SCHEMA)
        connection.execute("CREATE TABLE many (i INTEGER)")
        connection.executemany("INSERT INTO many VALUES (?)", ((i,) for i in range(1, 50001)))
    connection.close()
    attachment = Attachment("lite.db", "lite", "sqlite")
    attach(engine, attachment, tmp_path)
    return attachment


def test_sqlite_types(engine: Engine, tmp_path: Path, lite: Attachment) -> None:
    rows = opened(engine, tmp_path, source("lite.main.FACTS", "table"), attached=[lite])
    types = [column.type for column in engine.columns(f"{READ} SELECT *")]
    zoned = "TIMESTAMP WITH TIME ZONE"
    assert types == [
        *("BIGINT", "DOUBLE", "DOUBLE", "DOUBLE", "TIMESTAMP", zoned, "DATE"),
        *("BIGINT", "BOOLEAN", "BLOB", "VARCHAR", "VARCHAR", zoned),
    ]
    paid, seen = datetime(2024, 1, 2, 3, 4, 5, 678000), datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert rows[0][:8] == (1, 1.5, 2.0, 3.0, paid, seen, date(2024, 1, 2), 1704164645)
    assert rows[0][8:] == (True, b"\x00\xff", "x", "text", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert rows[1] == (3, *([None] * 12))
    assert rows[2][:5] == (2**63 - 1, 2.0, 2.5, 3.25, datetime(2024, 1, 2))
    assert rows[2][8:] == (False, b"", "", None, None)


def test_sqlite_views_empty_tables_and_batches(engine: Engine, tmp_path: Path, lite: Attachment) -> None:
    views = [
        source("lite.late", "table"),
        source("lite.hollow", "table", "hollow"),
        source("lite.many", "table", "m"),
    ]
    assert opened(engine, tmp_path, *views, attached=[lite]) == [(1, datetime(2024, 1, 2, 3, 4, 5, 678000), 3.0, "X")]
    types = [column.type for column in engine.columns('FROM "sources"."shop"."hollow" SELECT *')]
    assert types == ["BIGINT", "DOUBLE", "VARCHAR", "TIMESTAMP", "DATE", "BLOB", "BOOLEAN", "VARCHAR"]
    assert engine.rows('FROM "sources"."shop"."m" SELECT count(*), sum(i)') == [(50000, 1250025000)]


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        ("lite.mixed", "column `amount` (declared INTEGER) holds integer and text", "cast the column"),
        ("lite.zones", "column `at` holds instants with and without a time zone", "one way"),
        ("lite.unreal", "next week", None),
        ("lite.fact", "there is no table `fact`", "did you mean `facts`?"),
        ("lite.man.facts", "there is no schema `man`", "did you mean `main`?"),
    ],
)
def test_sqlite_tables_that_cannot_be_read(
    engine: Engine, tmp_path: Path, lite: Attachment, table: str, message: str, hint: str | None
) -> None:
    (found,) = refused(engine, tmp_path, source(table, "table"), attached=[lite])
    assert (found.code, found.place) == ("FS501", PLACE)
    assert message in found.message
    assert (hint is None and found.hint is None) or (found.hint is not None and hint is not None and hint in found.hint)


def test_an_sqlite_file_is_only_read(engine: Engine, tmp_path: Path, lite: Attachment) -> None:
    before = (tmp_path / "lite.db").read_bytes()
    opened(engine, tmp_path, source("lite.facts", "table"), attached=[lite])
    assert (tmp_path / "lite.db").read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["lite.db"]


# Postgres

PASSWORD = "s3cret-w0rd"
POSTGRES = """
CREATE SCHEMA sales;
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE sales.orders (
    id int PRIMARY KEY, big bigint, real double precision, price numeric(10,2), free numeric,
    paid timestamp, seen timestamptz, day date, ok boolean, bytes bytea,
    note text, key uuid, doc jsonb, feel mood, tags text[], "Odd ""name" int
);
INSERT INTO sales.orders VALUES (1, 2, 1.5, 3.25, 0.1,
    '2024-01-02 03:04:05.678901', '2024-01-02 03:04:05+02', '2024-01-02', true, '\\x00ff',
     'x', '00000000-0000-0000-0000-000000000001', '{"a": 1}', 'glad', '{a,b}', 7);
INSERT INTO sales.orders VALUES (2, NULL, 'Infinity', NULL, 'NaN', 'infinity', '-infinity', 'infinity');
CREATE VIEW recent AS SELECT id, paid FROM sales.orders WHERE id = 1;
CREATE TABLE hidden (id int);
CREATE ROLE reader LOGIN PASSWORD 's3cret-w0rd';
GRANT USAGE ON SCHEMA sales TO reader;
GRANT SELECT ON sales.orders, recent TO reader;
"""


def postgres_binaries() -> Path | None:
    """Where a Postgres server is on this machine."""
    on_path = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(on_path).parent if on_path else installed[-1].parent if installed else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a server of our own, on a free port of the loopback interface."""
    driver = pytest.importorskip("adbc_driver_postgresql.dbapi", reason="the extra featsql[postgres] is not installed")
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("no Postgres server is installed")
    folder = tmp_path_factory.mktemp("postgres")
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        for each in (folder, *folder.parents):
            if each.name.startswith(("postgres", "pytest-", "popen-")):
                each.chmod(0o755)
        shutil.chown(folder, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(*command: str) -> None:
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

    (folder / "password").write_text(PASSWORD)
    data, control = str(folder / "data"), str(binaries / "pg_ctl")
    password = ["--pwfile", str(folder / "password")]
    run(str(binaries / "initdb"), "-D", data, "-U", "owner", "-A", "scram-sha-256", "-E", "UTF8", *password)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -c unix_socket_directories={folder}"
    run(control, "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        owner = f"postgresql://owner:{PASSWORD}@127.0.0.1:{port}/postgres"
        with driver.connect(owner, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in filter(str.strip, POSTGRES.split(";\n")):
                cursor.execute(statement)
        yield f"postgresql://reader:{PASSWORD}@127.0.0.1:{port}/postgres"
    finally:
        run(control, "-D", data, "-m", "immediate", "stop")


def test_postgres_types(engine: Engine, tmp_path: Path, server: str) -> None:
    erp = Attachment(server, "erp", "postgres")
    attach(engine, erp, tmp_path)
    orders, recent = source("erp.sales.orders", "table"), source("erp.recent", "table", "recent")
    rows = opened(engine, tmp_path, orders, recent, attached=[erp])
    names = [column.name for column in engine.columns(f"{READ} SELECT *")]
    types = [column.type for column in engine.columns(f"{READ} SELECT *")]
    assert names[-1] == 'Odd "name'
    assert types == [
        *("INTEGER", "BIGINT", "DOUBLE", "DECIMAL(10,2)", "DOUBLE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE"),
        *("BOOLEAN", "BLOB", "VARCHAR", "UUID", "JSON", "VARCHAR", "VARCHAR[]", "INTEGER"),
    ]
    paid, seen = datetime(2024, 1, 2, 3, 4, 5, 678901), datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert rows[0][:8] == (1, 2, 1.5, Decimal("3.25"), 0.1, paid, seen, date(2024, 1, 2))
    key = UUID("00000000-0000-0000-0000-000000000001")
    assert rows[0][8:] == (True, b"\x00\xff", "x", key, '{"a": 1}', "glad", ["a", "b"], 7)
    infinite = engine.rows(
        f"{READ} SELECT paid = 'infinity', seen = '-infinity', day = 'infinity', isnan(free) WHERE id = 2"
    )
    assert infinite == [(True, True, True, True)]
    assert engine.rows('FROM "sources"."shop"."recent" SELECT *') == [(1, paid)]


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        ("erp.sales.order", "there is no table `order`", "did you mean `orders`?"),
        ("erp.sale.orders", "there is no schema `sale`", "did you mean `sales`?"),
        ("erp.hidden", "permission denied for table hidden", None),
    ],
)
def test_postgres_tables_that_cannot_be_read(
    engine: Engine, tmp_path: Path, server: str, table: str, message: str, hint: str | None
) -> None:
    erp = Attachment(server, "erp", "postgres")
    attach(engine, erp, tmp_path)
    sources = [source(table, "table"), source("erp.sales.orders", "table", "orders")]
    (found,) = refused(engine, tmp_path, *sources, attached=[erp])
    assert (found.code, found.place, found.hint) == ("FS501", PLACE, hint)
    assert message in found.message
    assert engine.rows('FROM "sources"."shop"."orders" SELECT count(*)') == [(2,)]


def test_a_server_that_refuses_learns_nobody_the_secret(engine: Engine, tmp_path: Path, server: str) -> None:
    wrong = [
        (server.replace("reader", "nobody"), "password authentication failed"),
        (server.replace("/postgres", "/nothing"), "does not exist"),
        (server.replace("postgresql://", "postgres//:"), "missing"),
        (f"host=127.0.0.1 port=1 user=reader password={PASSWORD}", "Connection refused"),
    ]
    for connection_string, message in wrong:
        with pytest.raises(FeatsqlError, match=message) as caught:
            attach(engine, Attachment(connection_string, "erp", "postgres"), tmp_path, PLACE)
        (found,) = caught.value.diagnostics
        assert (found.code, found.place) == ("FS502", PLACE)
        for secret in (PASSWORD, connection_string, "nobody", "reader", "nothing"):
            assert secret not in found.render()


def test_without_the_driver(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featsql.sources.databases.postgres.DRIVER", "no_such_driver")
    with pytest.raises(FeatsqlError, match=r"pip install 'featsql\[postgres\]'") as caught:
        attach(engine, Attachment(f"postgresql://a:{PASSWORD}@b/c", "erp", "postgres"), tmp_path, PLACE)
    assert [each.code for each in caught.value.diagnostics] == ["FS503"]
    assert PASSWORD not in str(caught.value)
