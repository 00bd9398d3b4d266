"""What functions an engine has is asked once of all that loaded the same extensions."""

from __future__ import annotations

from featsql.engine import Engine
from featsql.read.sql.vocabulary import aggregate_functions, known, other_names, parameters


def with_json() -> Engine:
    engine = Engine.memory()
    engine.load_extension("json")
    return engine


def test_functions_and_their_other_names() -> None:
    engine = Engine.memory()
    assert {"sum", "arg_max", "string_agg"} <= aggregate_functions(engine)
    assert "lower" not in aggregate_functions(engine)
    assert other_names(engine)["group_concat"] == "string_agg"
    assert "delim" in parameters(engine, "read_csv")


def test_what_one_engine_loaded_is_not_said_of_others() -> None:
    late = Engine(with_json)
    assert late.extensions == late.cursor().extensions == {"json"}
    assert Engine.memory().extensions == frozenset()
    assert aggregate_functions(late) >= {"sum"}
    assert late.extensions in known
