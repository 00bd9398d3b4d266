"""Places behind wide characters: counted in characters, and underlined where a terminal shows them."""

from __future__ import annotations

import pytest

from featsql.display import columns, index_at
from featsql.engine import Engine, EngineError
from featsql.errors import Place, excerpt

TEXTS = [
    "",
    "ab",
    "日本語",
    "👍👍",
    "é",
    "e\u0301",
    "👨\u200d👩\u200d👧",
    "🇩🇪🇫🇷",
    "ｱﾊﾞ",
    "한글",
    "\u1112\u1161\u11ab",
    "👍🏽",
    "❤️☎️",
    "ไทย",
]
TEXTS += ["\t\t", "\u200b", "हिन्दी", "a日\tb👍é", "日" * 70, "مرحبا"]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.memory()


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
@pytest.mark.parametrize("before", ["", "select 1 as 日, \n\t  2 as é, -- 👍\n"])
def test_what_the_engine_points_at_is_found(before: str, text: str, engine: Engine) -> None:
    start = before or "select "
    broken = f"{start}'{text}' as l,, b from range(3)"
    told = engine.syntax_error(broken)
    assert told is not None
    assert told[1] == broken.index(",,") + 1
    unknown = f"{start}'{text}' as l, amuont from range(3)"
    with pytest.raises(EngineError) as caught:
        engine.columns(unknown)
    assert caught.value.offset == unknown.index("amuont")


def test_columns_and_characters() -> None:
    assert [columns(each) for each in ("日本", "ab", "e\u0301", "👍🏽", "")] == [4, 2, 1, 2, 0]
    assert [index_at("日b本", column) for column in range(7)] == [0, 0, 1, 2, 2, 3, 4]


def test_the_caret_stands_below() -> None:
    assert excerpt(Place("m.sql", 1, 4, "日本 xyz", 2))[1] == "    |      ^^"
    assert excerpt(Place("m.sql", 1, 1, "日本 xyz", 2))[1] == "    | ^^^^"
    assert excerpt(Place("m.sql", 1, 3, "ab", 1))[1] == "    |   ^"
    assert excerpt(Place("m.sql", 1, 2, "abc", 9))[1] == "    |  ^^"
