"""One session for all: which settings an output may have, and that every session has the same ones."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from featsql.engine import VERSION, Engine, EngineError
from featsql.read.config.schema import OutputBlock
from featsql.read.config.settings import ALLOWED, KEYS, OF_ITSELF, REFUSED, wrong
from featsql.read.config.validate import fitted

NAN = float("nan")
PROJECT = {
    "featsql_project.yml": "name: p\noutputs: {dev: {path: target/p.duckdb}}\nentities: [{name: e, keys: [k]}]\n",
    "models/sources.yml": """
sources:
  - name: s
    tables:
      - {name: m, location: data/m.parquet, config: {time: {kind: events, event_time: at, delay: 0 seconds}}}
      - {name: lab, location: data/lab.csv, config: {time: {static: true, why: rows that are asked}}}
""",
    "models/f.sql": """{{ config(kind='features', entity='e') }}
select k, count(*) filter (where isnan(x)) as odd, count(*) filter (where x > 10) as large,
  count(*) filter (where x between 0 and 10) as small from {{ source('s', 'm') }} where isnan(x) or x > 10 group by k
""",
    "models/lab.sql": """{{ config(kind='labels', entity='e', as_of='asked') }}
select k, asked from {{ source('s', 'lab') }}""",
    "models/tr.sql": """{{ config(kind='training_set') }} select l.*, f.* exclude (k)
from {{ ref('lab') }} l left join {{ ref('f') }} f using (k)""",
    "data/lab.csv": "k,asked\n1,2024-03-01 00:00:00\n",
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.memory()


def test_every_setting_of_the_engine_is_known(engine: Engine) -> None:
    named = {name.casefold() for (name,) in engine.rows("select name from duckdb_settings()")}
    unknown = {name for name in named - ALLOWED - REFUSED.keys() if not name.startswith(OF_ITSELF)}
    assert unknown == set(), "is what they change what is spent, or what SQL means?"
    assert set(REFUSED) & ALLOWED == set()
    assert set(KEYS) <= ALLOWED


def test_what_holds_in_one_session_alone_is_not_for_an_output(engine: Engine) -> None:
    local = engine.rows("select name from duckdb_settings() where scope = 'LOCAL'")
    assert {name.casefold() for (name,) in local} & ALLOWED == set()


def test_a_cursor_has_all_that_its_engine_has() -> None:
    # an allowed setting holds in what is opened later, too; search_path is but the catalogue that is in use
    query = "select name, value from duckdb_settings() where name <> 'search_path' order by name"
    engine = Engine.memory({"max_temp_directory_size": "3GB", "threads": 3, "disabled_optimizers": "top_n"})
    assert engine.rows(query) == engine.cursor().rows(query)
    assert ("TimeZone", "UTC") in engine.rows(query)


@pytest.mark.parametrize(
    ("name", "block", "message"),
    [
        ("TIMEZONE", {}, "an output cannot set `TIMEZONE`"),
        ("Default_Null_Order", {}, "an output cannot set `Default_Null_Order`"),
        ("threads", {}, None),
        ("threads", {"threads": 2}, "`threads` has no effect beside `threads:` of the output"),
        ("max_memory", {"memory_limit": "1GB"}, "`max_memory` has no effect beside `memory_limit:` of the output"),
        ("s3_region", {}, None),
        ("checkpoint_treshold", {}, "featsql knows no setting `checkpoint_treshold` that an output may have"),
    ],
)
def test_what_is_wrong_with_a_setting(name: str, block: dict[str, object], message: str | None) -> None:
    output, _ = fitted({"path": "x", **block}, OutputBlock)
    assert output is not None
    found = wrong(name, output)
    assert (found and found[0]) == message


def test_no_variable_of_pythons_is_a_table(engine: Engine) -> None:
    around = pyarrow.table({"x": [1]})
    assert len(around) == 1
    with pytest.raises(EngineError, match="around"):
        engine.rows("from around")


def test_nan_is_found_where_parquet_does_not_tell_of_it(tmp_path: Path) -> None:
    import featsql

    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    rows = pyarrow.table(
        {"k": [1, 1, 1], "at": pyarrow.array([0, 1, 2], pyarrow.timestamp("us")), "x": [1.0, NAN, 2.0]}
    )
    pyarrow.parquet.write_table(rows, tmp_path / "data/m.parquet")
    bounds = pyarrow.parquet.ParquetFile(tmp_path / "data/m.parquet").metadata.row_group(0).column(2).statistics
    assert (bounds.min, bounds.max) == (1.0, 2.0)
    if VERSION.startswith("1."):
        pytest.skip("DuckDB 1.5 cannot be told that bounds leave NaN out")
    with featsql.load(tmp_path) as project:
        project.build()
        # a NaN is greater than every number
        assert project.training_set("tr").rows()[0][2:] == (1, 1, 0)
        assert project.features(pyarrow.table({"k": [1], "as_of": [rows["at"][2]]}), ["f"]).rows()[0][2:] == (1, 1, 0)
